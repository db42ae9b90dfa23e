"""The shipped units under a real systemd: secrets, sandbox, instances and the journal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.systemd.conftest import Guest
    from tests.systemd.guest.conftest import Configure

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.xdist_group("guest"),
    pytest.mark.usefixtures("configure"),
]

NAME = "canvas-live-events-consumer"
UNIT = f"{NAME}.service"
STATE = f"/var/lib/private/{NAME}"


def test_key_and_secret_arrive_as_credentials(guest: Guest, event: str) -> None:
    """Every request is signed with the key and secret that lie in root's credential store."""
    guest.start(UNIT)
    guest.send("m1", event)

    guest.until(lambda: guest.path("/run/queue/deleted/m1").exists(), "the message is deleted")

    assert {line.split()[1] for line in guest.requests()} == {"signed"}


def test_without_credential_files_it_says_so_and_is_not_restarted(
    guest: Guest, configure: Configure
) -> None:
    """Missing files do not fail the unit; the consumer finds no credentials: 77, no restart."""
    aws = {"region": "us-east-1", "endpoint_url": "http://127.0.0.1:4566"}
    configure("lonely", aws=aws)
    unit = f"{NAME}@lonely.service"

    guest.run("systemctl", "start", unit, check=False)

    guest.until(lambda: guest.show("ActiveState", unit) == "failed", "it gave up")
    assert guest.show("ExecMainStatus", unit) == "77"
    assert guest.show("NRestarts", unit) == "0"
    assert any("credentials" in str(line["MESSAGE"]) for line in guest.journal(unit))


def test_sandbox(guest: Guest, configure: Configure, event: str) -> None:
    """From inside the consumer: only the state directory is writable, nothing private readable."""
    configure(handler="look")
    guest.start(UNIT)

    guest.send("m1", event)

    guest.until(lambda: guest.path(f"{STATE}/found").exists(), "the handler looked around")
    found = json.loads(guest.path(f"{STATE}/found").read_text())
    assert found["allowed"] == []
    assert found["processes"] == [found["pid"]]
    assert 61184 <= found["uid"] <= 65519
    assert found["capabilities"] == ["0" * 16] * 5
    assert found["no_new_privileges"] == "1"
    assert found["seccomp"] == "2"
    assert found["core_bytes"] == [0, 0]
    assert found["umask"] == "0077"
    assert found["credentials"] == {"aws_access_key_id": "400", "aws_secret_access_key": "400"}
    assert found["credential_owner"] == found["uid"]
    assert found["temporary"] == []
    assert "127.0.0.1" in found["localhost"]


def test_instances_live_apart(guest: Guest, configure: Configure, event: str) -> None:
    """Two instances have each its configuration, credentials, user and state directory."""
    for name in ("one", "two"):
        for part in ("aws_access_key_id", "aws_secret_access_key"):
            value = guest.path(f"/etc/credstore/{NAME}.{part}").read_text()
            guest.put(f"/etc/credstore/{NAME}-{name}.{part}", value, 0o600)
        configure(name, handler="look")

    guest.start(f"{NAME}@one.service", f"{NAME}@two.service")
    guest.send("m1", event)
    guest.send("m2", event)

    guest.until(lambda: len(list(guest.path("/run/queue/deleted").iterdir())) == 2, "both handled")
    assert {line.split()[1] for line in guest.requests()} == {"signed"}
    owners = {guest.path(f"{STATE}-{name}").stat().st_uid for name in ("one", "two")}
    assert len(owners) == 2
    for findings in guest.path("/var/lib/private").glob(f"{NAME}-*/found"):
        found = json.loads(findings.read_text())
        assert found["allowed"] == []
        assert found["processes"] == [found["pid"]]


def test_journal_has_priorities_and_no_secrets(
    guest: Guest, configure: Configure, event: str
) -> None:
    """Each line is JSON with its priority in the journal; no secret and no payload is in it."""
    configure(logging={"level": "debug"})
    guest.start(UNIT)
    guest.send("m1", event)
    guest.send("m2", "not an event, but A-plus-of-a-student")
    guest.until(
        lambda: any(line["PRIORITY"] == "4" for line in guest.journal()), "it warns of the second"
    )
    guest.until(lambda: guest.path("/run/queue/deleted/m1").exists(), "the message is deleted")

    guest.run("systemctl", "stop", UNIT)

    entries = [entry for entry in guest.journal() if entry.get("_COMM") == "consume"]
    lines = [json.loads(entry["MESSAGE"]) for entry in entries]
    priorities = {
        (line["level"], entry["PRIORITY"]) for line, entry in zip(lines, entries, strict=True)
    }
    assert {("info", "6"), ("warning", "4")} <= priorities
    assert priorities <= {("debug", "7"), ("info", "6"), ("warning", "4"), ("error", "3")}
    text = json.dumps(guest.journal())
    for secret in ("guest/secret", "AKIAGUEST", "A-plus", "Signature="):
        assert secret not in text


def test_systemd_has_nothing_to_say_about_the_units(guest: Guest) -> None:
    """`systemd-analyze verify` prints nothing where the program is installed."""
    for unit in (UNIT, f"{NAME}@one.service"):
        assert guest.run("systemd-analyze", "verify", unit) == ""

"""The shipped units under a real systemd: start, health, stop, failure, secrets and sandbox."""

from __future__ import annotations

import json
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.systemd.conftest import Guest

pytestmark = pytest.mark.systemd

NAME = "canvas-live-events-consumer"
UNIT = f"{NAME}.service"
STATE = f"/var/lib/private/{NAME}"
QUEUE = "http://127.0.0.1:4566/123456789012/canvas-live-events-guest"
EVENT = json.dumps(
    {
        "metadata": {"event_name": "grade_change", "event_time": "2024-03-05T10:11:12.000Z"},
        "body": {"grade": "A-plus-of-a-student", "submission_id": "21070000000000042"},
    }
)


def configuration(unit: str = UNIT, **changes: Any) -> str:
    """A configuration file for the guest's queue with the credentials of `unit`."""
    content = {
        "queue": {"url": QUEUE, "wait_time_seconds": 1},
        "aws": {
            "region": "us-east-1",
            "endpoint_url": "http://127.0.0.1:4566",
            "access_key_id_file": f"/run/credentials/{unit}/aws_access_key_id",
            "secret_access_key_file": f"/run/credentials/{unit}/aws_secret_access_key",
        },
    }
    return json.dumps(content | changes)


def handler(function: str) -> list[dict[str, Any]]:
    """A `handlers` section with one of the functions in guest_handlers.py."""
    return [{"name": function, "python": {"target": f"guest_handlers:{function}"}}]


def is_another_run(guest: Guest, invocation: str) -> bool:
    """True once the unit runs again, after the run of that invocation."""
    return guest.show("InvocationID") != invocation and guest.show("MainPID") != "0"


@pytest.fixture(name="guest")
def _guest(machine: Guest) -> Iterator[Guest]:
    """The guest with nothing running, nothing in the queue, and a configuration that works."""
    machine.mark()
    machine.put("/run/queue/mode", "ok")
    machine.put("/run/queue/requests", "")
    machine.put(f"/etc/{NAME}/config.yaml", configuration())
    machine.put("/etc/systemd/system/service.d/soon.conf", "[Service]\nRestartSec=100ms\n")
    machine.run("systemctl", "daemon-reload")
    yield machine
    machine.run("systemctl", "kill", "--signal=KILL", f"{NAME}*.service", check=False)
    machine.run("systemctl", "stop", f"{NAME}*.service", check=False)
    machine.run("systemctl", "reset-failed")
    machine.run(
        "bash", "-c",
        f"rm -rf /var/lib/private/{NAME}* /var/lib/{NAME}* /run/queue/{{inbox,flight,deleted}}/* "
        f"/etc/systemd/system/{UNIT}.d /etc/{NAME}/*.yaml",
    )  # fmt: skip


def test_start_waits_for_the_first_receive(guest: Guest) -> None:
    """`systemctl start` returns once messages can be received, and not before."""
    guest.put("/run/queue/mode", "slow")

    guest.run("systemctl", "start", "--no-block", UNIT)

    guest.until(lambda: "ReceiveMessage signed" in guest.requests(), "a receive is under way")
    assert guest.show("ActiveState") == "activating"
    guest.put("/run/queue/mode", "ok")
    guest.until(lambda: guest.show("ActiveState") == "active", "it is ready")


def test_status_is_for_people(guest: Guest) -> None:
    """`systemctl status` shows in one line what the consumer is doing."""
    guest.start(UNIT)

    guest.until(lambda: "in flight" in guest.show("StatusText"), "a status with figures")

    text = guest.show("StatusText")
    assert text.startswith("receiving")
    assert text.isprintable()
    assert f'Status: "{text.partition(":")[0]}' in guest.run("systemctl", "status", UNIT)


def test_message_is_archived_in_the_state_directory_and_deleted(guest: Guest) -> None:
    """Out of the box an event ends in the archive of the state directory, then is deleted."""
    guest.start(UNIT)

    guest.send("m1", EVENT)

    guest.until(lambda: guest.path("/run/queue/deleted/m1").exists(), "the message is deleted")
    archived = [path for path in guest.path(STATE).rglob("*") if path.is_file()]
    assert any("21070000000000042" in path.read_text() for path in archived)
    assert {path.stat().st_mode & 0o077 for path in archived} == {0}
    assert guest.path(STATE).stat().st_mode & 0o777 == 0o700


def test_key_and_secret_arrive_as_credentials(guest: Guest) -> None:
    """Every request is signed with the key and secret that lie in root's credential store."""
    guest.start(UNIT)
    guest.send("m1", EVENT)

    guest.until(lambda: guest.path("/run/queue/deleted/m1").exists(), "the message is deleted")

    assert {line.split()[1] for line in guest.requests()} == {"signed"}


def test_without_credential_files_it_says_so_and_is_not_restarted(guest: Guest) -> None:
    """Missing files do not fail the unit; the consumer finds no credentials: 77, no restart."""
    aws = {"region": "us-east-1", "endpoint_url": "http://127.0.0.1:4566"}
    guest.put(f"/etc/{NAME}/lonely.yaml", configuration(aws=aws))
    unit = f"{NAME}@lonely.service"

    guest.run("systemctl", "start", unit, check=False)

    guest.until(lambda: guest.show("ActiveState", unit) == "failed", "it gave up")
    assert guest.show("ExecMainStatus", unit) == "77"
    assert guest.show("NRestarts", unit) == "0"
    assert any("credentials" in str(line["MESSAGE"]) for line in guest.journal(unit))


def test_stalled_worker_is_killed_and_restarted(guest: Guest) -> None:
    """A process without progress is killed by the watchdog, started again, and works on."""
    guest.put(f"/etc/systemd/system/{UNIT}.d/watchdog.conf", "[Service]\nWatchdogSec=3\n")
    guest.run("systemctl", "daemon-reload")
    guest.start(UNIT)
    time.sleep(4)
    assert guest.show("NRestarts") == "0"
    stalled = guest.show("MainPID")

    guest.run("kill", f"-{signal.SIGSTOP}", stalled)

    guest.until(lambda: guest.show("NRestarts") == "1", "the watchdog bit")
    guest.until(lambda: guest.show("ActiveState") == "active", "it is up again")
    assert guest.show("MainPID") != stalled
    assert any("Watchdog timeout" in str(line["MESSAGE"]) for line in guest.journal())
    assert not list(guest.path("/").glob("core*"))
    guest.send("m1", EVENT)
    guest.until(lambda: guest.path("/run/queue/deleted/m1").exists(), "it works on")


def test_stop_drains(guest: Guest) -> None:
    """`systemctl stop` lets the handler finish and its message be deleted; then exit 0."""
    guest.put(f"/etc/{NAME}/config.yaml", configuration(handlers=handler("slow")))
    guest.start(UNIT)
    guest.send("m1", EVENT)
    guest.until(lambda: guest.path(f"{STATE}/began").exists(), "the handler began")

    guest.run("systemctl", "stop", "--no-block", UNIT)

    guest.until(lambda: guest.show("StatusText").startswith("draining"), "it drains")
    assert guest.show("ActiveState") == "deactivating"
    guest.put(f"{STATE}/go", "")
    guest.until(lambda: guest.show("ActiveState") == "inactive", "it stopped")
    assert guest.show("Result") == "success"
    assert guest.show("ExecMainStatus") == "0"
    assert guest.path(f"{STATE}/ended").exists()
    assert guest.path("/run/queue/deleted/m1").exists()


@pytest.mark.parametrize(
    ("status", "config", "mode"),
    [
        ("78", configuration(quue={}), "ok"),
        ("78", "queue: [", "ok"),
        ("69", configuration(), "missing"),
    ],
)
def test_what_a_person_must_mend_is_not_restarted(
    guest: Guest, status: str, config: str, mode: str
) -> None:
    """A wrong configuration or a missing queue ends the service; systemd does not try again."""
    guest.put(f"/etc/{NAME}/config.yaml", config)
    guest.put("/run/queue/mode", mode)

    guest.run("systemctl", "start", UNIT, check=False)

    guest.until(lambda: guest.show("ActiveState") == "failed", "it gave up")
    assert guest.show("ExecMainStatus") == status
    assert guest.show("NRestarts") == "0"


def test_crash_is_restarted_however_often(guest: Guest) -> None:
    """Whatever else ends the process, it is started again, with no limit to how often."""
    guest.start(UNIT)

    for _ in range(7):
        crashed = guest.show("InvocationID")
        guest.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", UNIT)
        guest.until(partial(is_another_run, guest, crashed), "a new process")

    guest.until(lambda: guest.show("ActiveState") == "active", "it is up again")
    assert guest.show("NRestarts") == "7"


def test_sandbox(guest: Guest) -> None:
    """From inside the consumer: only the state directory is writable, nothing private readable."""
    guest.put(f"/etc/{NAME}/config.yaml", configuration(handlers=handler("look")))
    guest.start(UNIT)

    guest.send("m1", EVENT)

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


def test_instances_live_apart(guest: Guest) -> None:
    """Two instances have each its configuration, credentials, user and state directory."""
    units = [f"{NAME}@{name}.service" for name in ("one", "two")]
    for unit in units:
        stem = unit.removesuffix(".service").replace("@", "-")
        for part in ("aws_access_key_id", "aws_secret_access_key"):
            value = guest.path(f"/etc/credstore/{NAME}.{part}").read_text()
            guest.put(f"/etc/credstore/{stem}.{part}", value, 0o600)
        path = f"/etc/{NAME}/{stem.rpartition('-')[2]}.yaml"
        guest.put(path, configuration(unit, handlers=handler("look")))

    guest.start(*units)
    guest.send("m1", EVENT)
    guest.send("m2", EVENT)

    guest.until(lambda: len(list(guest.path("/run/queue/deleted").iterdir())) == 2, "both handled")
    assert {line.split()[1] for line in guest.requests()} == {"signed"}
    owners = {guest.path(f"{STATE}-{name}").stat().st_uid for name in ("one", "two")}
    assert len(owners) == 2
    for findings in guest.path("/var/lib/private").glob(f"{NAME}-*/found"):
        found = json.loads(findings.read_text())
        assert found["allowed"] == []
        assert found["processes"] == [found["pid"]]


def test_journal_has_priorities_and_no_secrets(guest: Guest) -> None:
    """Each line is JSON with its priority in the journal; no secret and no payload is in it."""
    guest.put(f"/etc/{NAME}/config.yaml", configuration(logging={"level": "debug"}))
    guest.start(UNIT)
    guest.send("m1", EVENT)
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

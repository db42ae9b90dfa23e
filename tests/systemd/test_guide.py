"""The guide beside the units, followed command by command on a real systemd."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.systemd.conftest import Guest

pytestmark = pytest.mark.systemd

FOLDER = Path(__file__).parents[2] / "systemd"
NAME = "canvas-live-events-consumer"
AWS = "https://sqs.us-east-1.amazonaws.com"
DOUBLE = "http://127.0.0.1:4566"
EVENT = json.dumps({"metadata": {"event_name": "logged_out"}, "body": {}})


class Reader:
    """Follows the guide as a person would, in a copy of the repository."""

    def __init__(self, guest: Guest, text: str) -> None:
        self.guest = guest
        self.sections = {
            section.partition("\n")[0]: re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
            for section in text.split("\n## ")
        }
        for path in filter(Path.is_file, FOLDER.iterdir()):
            guest.put(f"/srv/copy/systemd/{path.name}", path.read_text())
        guest.put("/usr/local/bin/sudo", '#!/bin/sh\nexec "$@"\n', 0o755)

    def follow(self, section: str, *, given: dict[str, str] | None = None) -> str:
        """Run the commands of a section, except those that need the internet; what they wrote."""
        blocks = [block for block in self.sections.pop(section) if "pip install" not in block]
        return "".join([self.run(block, given=given) for block in blocks])

    def run(self, block: str, *, given: dict[str, str] | None = None) -> str:
        """Run the commands of a block; what they wrote."""
        pasted = "/dev/stdin" in block and "<<" not in block
        written = []
        for script in block.splitlines() if pasted else [block]:
            paste = next((v for k, v in (given or {}).items() if script.endswith(k)), "")
            local = script.replace(AWS, DOUBLE)
            written.append(self.guest.run("bash", "-euc", f"cd /srv/copy\n{local}", given=paste))
        return "".join(written)


def _new_key(guest: Guest, number: int) -> dict[str, str]:
    """A further key that the queue accepts."""
    key = {"aws_access_key_id": f"AKIAGUEST{number}", "aws_secret_access_key": f"secret{number}"}
    keys = guest.path("/run/queue/keys")
    before = keys.read_text() if keys.exists() else ""
    guest.put("/run/queue/keys", f"{before}{' '.join(key.values())}\n")
    return key


def _uses(guest: Guest, key: dict[str, str]) -> bool:
    return guest.path("/run/queue/used").read_text() == key["aws_access_key_id"]


@pytest.mark.timeout(900)
def test_guide_from_nothing_to_a_service_and_back(bare_machine: Guest) -> None:
    """Each command of the guide does what it says, and the last ones leave nothing."""
    guest = bare_machine
    reader = Reader(guest, (FOLDER / "README.md").read_text())
    # The queue is a double, and asked for a second at a time, for a stop waits for the long poll:
    # all in which this machine is not the reader's.
    double = f"CONSUMER_AWS__ENDPOINT_URL={DOUBLE} CONSUMER_QUEUE__WAIT_TIME_SECONDS=1"
    drop_in = f"[Service]\nEnvironment={double}\n"
    guest.put("/etc/systemd/system/service.d/double.conf", drop_in)
    secrets = {"aws_access_key_id": guest.key_id, "aws_secret_access_key": guest.secret}

    reader.follow("Install", given=secrets)
    assert guest.run("systemctl", "is-active", NAME).strip() == "active"
    assert guest.run("systemctl", "is-enabled", NAME).strip() == "enabled"
    guest.send("m1", EVENT)
    guest.until(lambda: guest.path("/run/queue/deleted/m1").exists(), "the message is deleted")

    seen = reader.follow("Look at it")
    assert "Status: " in seen
    assert f"/var/lib/{NAME}/archive/" in seen
    reader.follow("Change the configuration")
    guest.until(
        lambda: any('"event": "reloaded"' in str(line["MESSAGE"]) for line in guest.journal()),
        "it was reloaded",
    )
    reader.follow("Handlers in the sandbox", given={"postgres_password": "sesame"})
    second, third = _new_key(guest, 2), _new_key(guest, 3)
    reader.follow("Rotate the access key", given=second)
    assert _uses(guest, second)
    reported = reader.follow("Be notified", given={"ping_url": "http://127.0.0.1:1/secret"})
    assert f"{NAME} on " in reported
    reader.follow("At 3 a.m.")
    reader.follow("More than one")
    assert guest.run("systemctl", "is-active", f"{NAME}@test").strip() == "active"
    reader.follow("Secrets that are encrypted on disk")
    reader.follow("Upgrade")
    assert guest.run("systemctl", "is-active", NAME).strip() == "active"
    title = "Rotate the access key without a restart"
    put_in_place = reader.sections[title][1]
    reader.follow(title, given=second)
    process = guest.show("MainPID")
    reader.run(put_in_place, given=third)
    guest.until(lambda: _uses(guest, third), "the new key is used")
    assert guest.show("MainPID") == process
    assert {line.split()[1] for line in guest.requests()} == {"signed"}

    reader.follow("Uninstall")
    assert not [commands for commands in reader.sections.values() if commands]
    left = guest.run("find", "/etc", "/opt", "/var", "/run", "-name", f"*{NAME}*").splitlines()
    assert [path for path in left if "/packages/" not in path] == []

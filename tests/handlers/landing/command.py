"""The command: a program that appends what it gets to a file, durably."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from consumer.testing import make_event
from tests.handlers.landing.destination import Destination, Landed

if TYPE_CHECKING:
    from consumer.messages import Event

#: What both programs have. The last line is without its newline if the daemon was killed.
_BEGIN = """
import os, sys

takes_some = os.path.exists("takes-some")

def refused(line):
    return b'"refuse this one"' in line

def append(data):
    try:
        file = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    except OSError:
        sys.exit(75)
    os.write(file, data)
    os.fsync(file)
    os.close(file)
"""
_BATCH = """
lines = [line for line in sys.stdin.buffer if line.endswith(b"\\n")]
if any(map(refused, lines)) or takes_some and len(lines) > 2:
    sys.exit(65)
if takes_some:
    with open("takes-some", "a") as runs:
        runs.write(".")
        if runs.tell() % 3 == 0:
            sys.exit(75)
append(b"".join(lines))
"""
_LINES = """
for count, line in enumerate(sys.stdin.buffer):
    if takes_some and count == 3:
        sys.exit(1)
    if refused(line):
        print("reject it is not wanted", flush=True)
    elif line.endswith(b"\\n"):
        append(line)
        print("ok", flush=True)
"""


class Command(Destination):
    """In a directory on a mount, which goes away."""

    kind = "command"
    variant = "batch"
    code = _BEGIN + _BATCH
    secrets = ("a secret argument", "a secret variable")

    def set_up(self) -> None:
        self._mount = self.folder / "mount"
        self._mount.mkdir()
        (self.folder / "program.py").write_text(self.code)

    def options(self) -> dict[str, Any]:
        program, landed = self.folder / "program.py", self._mount / "landed"
        return {
            "run": [sys.executable, "-S", str(program), str(landed), "a secret argument"],
            "mode": self.variant,
            "directory": str(self._mount),
            "environment": {"SECRET": "a secret variable"},
            "stderr": "inherit",
        }

    def landed(self) -> list[Landed]:
        path = self._mount / "landed"
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        found = [json.loads(line) for line in lines]
        return [Landed(line["event_key"], line["payload"]) for line in found]

    def go_down(self) -> None:
        self._mount.rename(self.folder / "unmounted")

    def come_back(self) -> None:
        (self.folder / "unmounted").rename(self._mount)

    def take_some(self) -> bool:
        (self._mount / "takes-some").touch()
        return True

    def bad_event(self) -> Event:
        return make_event(body={"text": "refuse this one"})


class CommandLines(Command):
    """The same with a process that stays."""

    variant = "lines"
    code = _BEGIN + _LINES

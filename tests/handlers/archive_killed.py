"""A program that compresses an archive, and is killed before each of its steps.

With one directory it compresses there. With a second one, it makes a copy for each step in it, and
works there in a fork that kills itself before that step: until one comes to its end.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from consumer.handlers.archive import compressing, upkeep
from consumer.handlers.archive.compressing import compress
from consumer.testing import ManualClock

KILLED = -signal.SIGKILL


def look(root: Path) -> None:
    """As the thread does after today's file was begun."""
    clock = ManualClock(datetime(2027, 1, 1, tzinfo=UTC))
    begun = max(root.rglob("*.jsonl"))
    upkeep.Upkeep(root, clock=clock, gzip=True).look(begun, threading.Event())


class Countdown:
    """Kills this process at a step."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def audit(self, event: str, arguments: tuple[object, ...]) -> None:
        """For `sys.addaudithook`."""
        if event in {"open", "os.rename", "os.remove"} and "events-" in str(arguments[0]):
            self.step()

    def step(self) -> bool:
        """Before a step."""
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1
        return False


def look_until(root: Path, steps: int) -> None:
    """The same, killed after so many steps."""
    countdown = Countdown(steps)

    def counted(path: Path, *, stopping: object) -> tuple[int, int] | None:
        return compress(path, stopping=countdown.step)

    vars(upkeep)["compress"] = counted
    sys.addaudithook(countdown.audit)
    look(root)


def main(root: Path, killed: Path) -> None:
    """Make the copies."""
    compressing._CHUNK_BYTES = 8_192  # type: ignore[misc]
    for number in count():
        copy = killed / f"{number:03d}"
        shutil.copytree(root, copy)
        pid = os.fork()
        if pid == 0:
            look_until(copy, number)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code == 0:
            return
        if code != KILLED:
            sys.exit(f"it ended with {code}")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        look(Path(sys.argv[1]))
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]))

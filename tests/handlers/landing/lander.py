"""A process that lands numbered events, to be killed in the middle; many in a short time.

Run as a program, `python -m tests.handlers.landing.lander LABEL FOLDER`, it reads lines of JSON.
Each starts a lander, which is a fork: only the time for the imports is saved. It answers with a
line: the process id. The line `PID` is answered with that lander's exit code once it has ended.

In FOLDER, a lander writes the numbers of a batch into `begun` before the call, and into `acked`
after it, as the engine notes what it may delete.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from consumer.testing import run_batch
from tests.handlers.landing import destinations
from tests.handlers.landing.destination import registry_of
from tests.handlers.landing.events import numbered
from tests.processes import environment, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.handlers.landing.destination import Destination

BATCH = 8


class Landers:
    """The test's side: starts landers for a destination, and reads what they have noted."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._running: set[int] = set()

    def start(self, first: int, last: int | None = None, *, again: int | None = None) -> int:
        """Start one; returns its process id.

        It lands the numbers from `first` to `last`, where it ends by itself; without `last` it
        lands until it is killed. With `again`, a seed, it lands before that what is begun and not
        acked, in a random order.
        """
        pid = int(self._ask(json.dumps({"first": first, "last": last, "again": again})))
        self._running.add(pid)
        return pid

    def end(self, pid: int) -> int:
        """Wait for its end; returns the exit code."""
        code = int(self._ask(str(pid)))
        self._running.discard(pid)
        return code

    def kill(self) -> None:
        """Kill those that still run, after a test that failed."""
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)

    def begun(self) -> set[int]:
        """The numbers that were handed to the handler."""
        return noted(self._folder / "begun")

    def acked(self) -> set[int]:
        """The numbers whose calls returned."""
        return noted(self._folder / "acked")

    def until_acked(self, more: int) -> None:
        """Wait for that many more."""
        enough = len(self.acked()) + more
        eventually(lambda: len(self.acked()) >= enough, "events are acked")

    def _ask(self, line: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


@contextmanager
def landers(destination: Destination) -> Iterator[Landers]:
    """A process that starts landers, as long as the context lasts."""
    destination.configuration()
    folder = destination.folder
    command = [sys.executable, "-m", "tests.handlers.landing.lander"]
    with subprocess.Popen(
        [*command, destination.label(), str(folder)],
        env=environment(folder, destination.environ()),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        running = Landers(process, folder)
        try:
            yield running
        finally:
            running.kill()


def noted(path: Path) -> set[int]:
    """The numbers in a file; a number without its newline is not yet whole."""
    lines = path.read_text().split("\n") if path.exists() else [""]
    return {int(line) for line in lines[:-1]}


def land(
    kind: type[Destination], folder: Path, *, first: int, last: int | None, again: int | None
) -> None:
    """Land batch after batch, noting each before and after."""
    registry = registry_of(kind, folder / "config.yaml", folder / "state")
    left: list[int] = []
    if again is not None:
        left = sorted(noted(folder / "begun") - noted(folder / "acked"))
        Random(again).shuffle(left)
    numbers = iter(range(first, last)) if last is not None else count(first)
    while True:
        batch = left[:BATCH] or list(islice(numbers, BATCH))
        del left[:BATCH]
        if not batch:
            break
        note(folder / "begun", batch)
        ran = run_batch(registry, numbered(batch))
        failed = [found.outcome for found in ran if found.verdict != "ack"]
        if failed:
            sys.exit(f"a lander failed: {failed}")
        note(folder / "acked", batch)
    for handler in registry.handlers:
        if handler.close is not None:
            handler.close()


def note(path: Path, numbers: Sequence[int]) -> None:
    """With one write: what a process has written stays there if it is killed."""
    with path.open("ab", buffering=0) as file:
        file.write("".join(f"{number}\n" for number in numbers).encode())


def main(label: str, folder: Path) -> None:
    """Fork for each line that is no number; wait for that process if it is one."""
    (kind,) = (kind for kind in destinations() if kind.label() == label)
    for line in sys.stdin:
        asked: Any = json.loads(line)
        if isinstance(asked, int):
            print(os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1]), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            os.dup2(2, 1)  # what is logged is no answer
            land(kind, folder, **asked)
            os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

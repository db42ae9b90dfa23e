"""Programs for the tests of the command handler, and what becomes of events that they get."""

from __future__ import annotations

import gc
import json
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumer.handlers.command import factory
from consumer.handlers.loading.factories import HandlerEnvironment
from consumer.testing import ManualClock, make_event, run_batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from consumer.testing import Ran

#: How each program begins.
_BEGIN = """
import json, os, signal, subprocess, sys, time
def number(line): return int(json.loads(line)["message_id"][1:])
def note(line):
    with open("landed", "ab") as landed: landed.write(line)
def hang(): open("hangs", "w").close(); time.sleep(600)
def wait_for(found):
    while not found(): time.sleep(0.01)
def say(text): print(text, flush=True)
lines = sys.stdin.buffer
"""


def held() -> tuple[int, set[str]]:
    """How many descriptors this process has, and its children, also those that nothing waits for.

    Other tests in this process may have servers as children.
    """
    gc.collect()  # what other tests have left is closed now, and not in between
    tasks = Path("/proc/self/task").glob("*/children")
    children = {child for task in tasks for child in task.read_text().split()}
    return len(list(Path("/proc/self/fd").iterdir())), children


def numbered(count: int) -> list[Event]:
    """Events whose message ids are m0, m1 and so on."""
    return [make_event(message_id=f"m{n}") for n in range(count)]


class Programs:
    """Handlers whose programs run in a folder; all are closed at the end of a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mode = "batch"
        self.clock = ManualClock()
        self._made: list[Registry] = []

    def __call__(self, code: str, **options: Any) -> Registry:
        """A handler with a Python program. It has `_BEGIN`'s functions, and `lines`."""
        path = self.folder / f"program{len(self._made)}.py"
        path.write_text(_BEGIN + code)
        return self.of([sys.executable, str(path)], **options)

    def of(self, run: list[str], **options: Any) -> Registry:
        """A handler with any program."""
        options = {"run": run, "mode": self.mode, "directory": str(self.folder), **options}
        registry = factory(
            "command", options, HandlerEnvironment(self.folder / "state", self.clock)
        )
        self._made.append(registry)
        return registry

    def landed(self) -> list[Any]:
        """What the programs noted."""
        path = self.folder / "landed"
        return (
            [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
        )

    def numbers(self) -> list[int]:
        """The numbers of the events that they noted."""
        return [int(line["message_id"][1:]) for line in self.landed()]

    @contextmanager
    def hours_pass(self) -> Iterator[None]:
        """As long as the context lasts, and once a program has called `hang`."""
        ended = threading.Event()
        (self.folder / "hangs").unlink(missing_ok=True)

        def pass_on() -> None:
            while not ended.wait(0.02):  # again and again: the handler may have just begun to wait
                if (self.folder / "hangs").exists():
                    self.clock.advance(3600)

        thread = threading.Thread(target=pass_on)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def close(self) -> None:
        for registry in self._made:
            close(registry)


def close(registry: Registry) -> None:
    """As after the drain."""
    (handler,) = registry.handlers
    assert handler.close is not None
    handler.close()


def outcomes(ran: list[Ran]) -> Iterator[str]:
    """What becomes of each event; "down" if the handler said that what it needs is down."""
    for one in ran:
        yield "down" if one.outcome.down_seconds is not None else one.verdict


def verdicts(registry: Registry, count: int) -> tuple[list[str], set[str]]:
    """What became of so many events, and the reasons."""
    ran = run_batch(registry, numbered(count))
    return list(outcomes(ran)), {one.reason for one in ran} - {""}


def ended(process: int) -> bool:
    """True if there is no such process, or nothing of it but its exit code."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"

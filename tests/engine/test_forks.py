"""A handler that forks: its child ends where it would enter the engine. Shown with real processes.

Handlers do so by accident: `os.fork`, `os.forkpty`, or a library that means to `exec` and fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from consumer.engine import forks
from consumer.engine.forks import ForkGuard

if TYPE_CHECKING:
    from pathlib import Path

#: Arguments: where to fork, how the child ends, a folder. Prints what became of both.
PROGRAM = '''
import json, os, sys, threading
from pathlib import Path

import structlog

from consumer import BatchFailure, Registry
from consumer.clock import SystemClock
from consumer.config import EngineSettings, QueueSettings, Settings
from consumer.ledger.ledger import Ledger, open_ledger
from consumer.engine.parts import Parts
from consumer.engine.run_options import RunOptions
from consumer.engine.worker import Worker
from consumer.testing import InMemoryQueue, canvas_body

# The other threads write to another stream than the child.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
place, ending, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
parent, codes, handled, lock = os.getpid(), [], [], threading.Lock()
pause = threading.Event()
calls = os.open(folder / "calls", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def recorded(kind, name):
    """Record in a file which process calls it."""
    real = getattr(kind, name)

    def call(self, *arguments, **options):
        os.write(calls, f"{os.getpid()} {name}\\n".encode())
        return real(self, *arguments, **options)

    setattr(kind, name, call)


for name in ("receive", "delete", "change_visibility"):
    recorded(InMemoryQueue, name)
for name in ("note", "keep", "forget", "commit", "close"):
    recorded(Ledger, name)


def fork(where, events=()):
    """Fork once, at the place that is asked for; the parent waits for its child."""
    with lock:
        if where != place or codes:
            return
        codes.append(None)
    pid = os.fork()
    if pid == 0:
        print("text that was not flushed", end="")
        if ending == "raises":
            raise ValueError("in the child")
        if ending == "fails in part":
            raise BatchFailure({events[0]: ValueError("in the child")})
        if ending == "exits":
            sys.exit(3)
        return
    for _ in range(1000):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            codes[0] = os.waitstatus_to_exitcode(status)
            return
        pause.wait(0.01)
    os.kill(pid, 9)
    os.waitpid(pid, 0)


def one(event):
    os.write(calls, f"{os.getpid()} one\\n".encode())
    fork("handler")
    handled.append(event.message_id)


def many(events):
    fork("batch", events)


def when(event):
    fork("predicate")
    return True


registry = Registry()
registry.add(one, "*", when=when, close=lambda: fork("close"))
registry.add(many, "*", batch=3, linger_seconds=0.05)
clock = SystemClock()
queue = InMemoryQueue(clock)
sent = [queue.send(canvas_body(number=number)) for number in range(20)]
ledger = open_ledger(folder, clock=clock)
engine = EngineSettings(workers=3, settle_linger_seconds=0.05, retry_base_seconds=1)
settings = Settings(queue=QueueSettings(wait_time_seconds=1), engine=engine)
worker = Worker(Parts(queue, registry, settings, RunOptions(30, until_empty=True),
                      clock=clock, ledger=ledger))
worker.start()
for _ in range(1000):
    if worker.status().finished:
        break
    pause.wait(0.01)
failure = worker.status().failure
worker.drain(lambda seconds_left: False)
ledger.close()
print()
print(json.dumps({
    "pid": os.getpid(),
    "parent": parent,
    "code": codes[0],
    "failure": repr(failure),
    "left": sorted(set(sent) - set(queue.deleted())),
    "handled_twice": len(handled) - len(set(handled)),
    "handled": len(set(handled)),
}))
'''


ENDINGS = [("returns", 0), ("raises", 1), ("exits", 3)]


@pytest.mark.parametrize(
    ("place", "ending", "code"),
    [
        *[
            (place, *ending)
            for place in ("handler", "batch", "predicate", "close")
            for ending in ENDINGS
        ],
        ("batch", "fails in part", 1),
    ],
)
def test_the_child_ends_and_the_parent_goes_on(
    tmp_path: Path, place: str, ending: str, code: int
) -> None:
    """The child ends with its own code and touches nothing; the parent handles every message."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, place, ending, str(tmp_path)],
        env={**os.environ, "PYTHONUNBUFFERED": ""},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr
    reports = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    (report,) = reports
    parent = report.pop("parent")
    assert report == {
        "pid": parent,
        "code": code,
        "failure": "None",
        "left": [],
        "handled_twice": 0,
        "handled": 20,
    }
    calls = [line.split() for line in (tmp_path / "calls").read_text().splitlines()]
    assert {int(pid) for pid, _ in calls} == {parent}
    assert {"receive", "delete", "note", "close"} <= {name for _, name in calls}
    assert "text that was not flushed" in ended.stdout


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, 0),
        (ValueError("x"), 1),
        (KeyboardInterrupt(), 1),
        (SystemExit(), 0),
        (SystemExit(None), 0),
        (SystemExit(0), 0),
        (SystemExit(75), 75),
        (SystemExit(-1), 255),
        (SystemExit(256), 0),
        (SystemExit("message"), 1),
        (SystemExit(True), 1),
    ],
    ids=repr,
)
def test_a_child_exits_with_the_code_that_python_would_use(
    monkeypatch: pytest.MonkeyPatch, error: BaseException | None, code: int
) -> None:
    """As if the handler were a program of its own."""
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    guard = ForkGuard()
    monkeypatch.setattr(forks, "_forks", forks._forks + 1)

    guard.check(error)

    assert codes == [code]


def test_a_forked_process_may_consume(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a fork after the guard was made counts: a supervisor may have forked before."""
    codes: list[Any] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(forks, "_forks", forks._forks + 1)

    ForkGuard().check()

    assert codes == []


def test_a_child_ends_though_its_output_can_not_be_flushed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its standard output may be closed already."""
    codes: list[int] = []

    class Closed:
        """A stream that is closed."""

        def flush(self) -> None:
            """As a closed file does."""
            raise ValueError("I/O operation on closed file")

    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(sys, "stdout", Closed())
    guard = ForkGuard()
    monkeypatch.setattr(forks, "_forks", forks._forks + 1)

    guard.check()

    assert codes == [0]


def test_a_child_ends_though_another_thread_was_writing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The lock of the stream was copied as held, without the thread that would release it."""
    happened: list[str] = []
    released = threading.Event()

    class Locked:
        """A stream whose lock is held."""

        def flush(self) -> None:
            """Block, but not longer than the test may take."""
            released.wait(60)
            happened.append("flushed")

    monkeypatch.setattr(os, "_exit", lambda _code: happened.append("ended"))
    monkeypatch.setattr(sys, "stdout", Locked())
    monkeypatch.setattr(forks, "FLUSH_SECONDS", 0.01)
    guard = ForkGuard()
    monkeypatch.setattr(forks, "_forks", forks._forks + 1)

    guard.check()
    released.set()

    assert happened[0] == "ended"

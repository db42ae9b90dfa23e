"""The end of the process: no thread can delay it for ever."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from consumer.service.ending import end_in_time

_HANGS = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from consumer.service.ending import end_in_time

hang = threading.Event().wait
handlers = {
    "thread": lambda: threading.Thread(target=hang, daemon=False).start(),
    "executor": lambda: ThreadPoolExecutor(1).submit(hang),
}
before = threading.enumerate()
crew = threading.Thread(target=handlers[sys.argv[1]], daemon=True)
crew.start()
crew.join()
end_in_time(75, before=before, seconds=0.1)
sys.exit(75)
"""


@pytest.mark.parametrize("kind", ["thread", "executor"])
def test_a_thread_that_hangs_does_not_delay_the_exit(kind: str) -> None:
    """Python would wait for it for ever, and systemd would get no exit code."""
    command = [sys.executable, "-c", _HANGS, kind]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert ended.returncode == 75
    assert "threads_left" in ended.stdout


def test_a_thread_that_ends_in_time_is_waited_for() -> None:
    """Then the process ends as any other does."""
    codes: list[int] = []
    go = threading.Event()
    before = threading.enumerate()
    slow = threading.Thread(target=go.wait)
    slow.start()

    watcher = end_in_time(0, before=before, seconds=0.05, leave=codes.append)
    go.set()
    slow.join()
    assert watcher is not None
    watcher.join()

    assert codes == []


def test_without_such_threads_nothing_is_watched() -> None:
    """The usual case, if no handler starts any."""
    assert end_in_time(0, before=threading.enumerate()) is None

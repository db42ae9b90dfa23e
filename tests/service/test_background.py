"""What may hang runs in a thread of its own."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from consumer.service.background import Background
from tests.processes import BOUND


def test_one_job_at_a_time_and_only_the_newest_waits() -> None:
    """While one runs, what is handed over replaces what waits."""
    background, go, started = Background("test"), threading.Event(), threading.Event()
    done: list[int] = []

    def slow() -> None:
        started.set()
        go.wait(BOUND)
        done.append(0)

    background.do(slow)
    started.wait(BOUND)
    for number in (1, 2, 3):
        background.do(lambda number=number: done.append(number))  # type: ignore[misc]
    go.set()
    background.close(BOUND)

    assert [0, 3] == done


def test_a_job_that_hangs_holds_up_nothing() -> None:
    """The wait at the end is bounded, and what waited is not run later."""
    background, go, started = Background("hangs"), threading.Event(), threading.Event()
    done: list[int] = []

    def slow() -> None:
        started.set()
        go.wait(BOUND)

    background.do(slow)
    started.wait(BOUND)
    background.do(lambda: done.append(1))
    background.close(0)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "hangs"]
    go.set()
    thread.join(BOUND)

    assert [] == done


def test_a_job_that_raises_is_logged(logged: list[Any]) -> None:
    """The next one runs."""
    background, failed, done = Background("test"), threading.Event(), list[int]()

    def fail() -> None:
        failed.set()
        done.append(1 // 0)

    background.do(fail)
    failed.wait(BOUND)
    background.do(lambda: done.append(1))
    background.close(BOUND)

    assert [("companion_failed", "ZeroDivisionError")] == [
        (line["event"], line["error_type"]) for line in logged
    ]
    assert [1] == done


def test_a_thread_that_can_not_start_is_started_with_the_next_job() -> None:
    """The system may allow none for a moment: nothing raises, and the end does not wait."""
    background, done = Background("test"), list[int]()

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        background.do(lambda: done.append(1))
    background.do(lambda: done.append(2))
    background.close(BOUND)

    assert [2] == done


def test_without_a_job_there_is_no_thread() -> None:
    """Nothing is started, and the end does not wait."""
    Background("unused").close(BOUND)
    assert "unused" not in [thread.name for thread in threading.enumerate()]


def test_a_system_without_threads_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job waits, and who hands it over goes on."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    background, done = Background("test"), list[int]()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        background.do(lambda: done.append(1))
    background.do(lambda: done.append(2))
    background.close(BOUND)
    assert [2] == done

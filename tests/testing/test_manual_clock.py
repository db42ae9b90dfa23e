"""The manual clock: time moves when a test moves it, and never by itself."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from consumer.testing import ManualClock

if TYPE_CHECKING:
    from consumer.clock import Clock


def test_time_stands_still_until_it_is_moved() -> None:
    """Both clocks move by the same amount, and only when advanced."""
    clock: Clock = ManualClock(datetime(2024, 1, 1, tzinfo=UTC))
    assert isinstance(clock, ManualClock)
    before, wall = clock.monotonic(), clock.now()

    unmoved = (clock.monotonic(), clock.now())
    clock.advance(1.5)

    assert (before, wall) == unmoved
    assert before + 1.5 == clock.monotonic()
    assert wall + timedelta(seconds=1.5) == clock.now()


def test_a_wait_moves_time_and_returns() -> None:
    """No thread sleeps; the wait is recorded."""
    clock = ManualClock()
    before = clock.monotonic()

    was_set = clock.wait(threading.Event(), 30)

    assert not was_set
    assert before + 30 == clock.monotonic()
    assert [30] == clock.waits


def test_a_wait_for_what_has_happened_takes_no_time() -> None:
    """An event that is set ends the wait before it begins."""
    clock = ManualClock()
    event = threading.Event()
    event.set()
    before = clock.monotonic()

    was_set = clock.wait(event, 30)

    assert was_set
    assert before == clock.monotonic()


def test_a_timer_that_sets_the_event_ends_the_wait() -> None:
    """Time stops where the event was set; later timers are not called yet."""
    clock = ManualClock()
    event = threading.Event()
    late: list[float] = []
    before = clock.monotonic()
    clock.call_later(20, lambda: late.append(clock.monotonic()))
    clock.call_later(10, event.set)

    was_set = clock.wait(event, 30)

    assert was_set
    assert before + 10 == clock.monotonic()
    assert [] == late


def test_timers_are_called_in_order_at_their_time() -> None:
    """A timer sees its own time, and may set another one that is still reached."""
    clock = ManualClock()
    start = clock.monotonic()
    seen: list[tuple[str, float]] = []

    def second() -> None:
        seen.append(("second", clock.monotonic() - start))
        clock.call_later(1, lambda: seen.append(("third", clock.monotonic() - start)))

    clock.call_later(2, second)
    clock.call_later(1, lambda: seen.append(("first", clock.monotonic() - start)))
    clock.advance(5)

    assert [("first", 1.0), ("second", 2.0), ("third", 3.0)] == seen
    assert start + 5 == clock.monotonic()


def test_cpu_time_is_what_the_test_says() -> None:
    """It has nothing to do with the time of the test."""
    clock = ManualClock()

    clock.cpu_seconds = 1.25

    assert 1.25 == clock.cpu()


def test_nonsense_is_refused() -> None:
    """Time does not go back, and a naive start is refused."""
    with pytest.raises(ValueError, match="forward"):
        ManualClock().advance(-1)
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2024, 1, 1))  # noqa: DTZ001 - that is the point

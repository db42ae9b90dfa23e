"""A clock that stands still until it is moved by hand."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_START = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
#: Not zero, so that a time that was never set is not taken for the first one.
_FIRST_MONOTONIC = 1_000.0


class ManualClock:
    """A `Clock` for tests. Any thread may call any method; none ever sleeps.

    Args:
        start: the wall-clock time at which it stands; must be aware.
    """

    def __init__(self, start: datetime = _START) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be an aware datetime, such as datetime(..., tzinfo=UTC)")
        self._start = start.astimezone(UTC)
        self._elapsed = 0.0
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._timers_made = 0
        self._lock = threading.Lock()
        #: What `cpu()` tells; set it as the test needs.
        self.cpu_seconds = 0.0
        #: The seconds of each wait so far, in order: what a backoff asked for.
        self.waits: list[float] = []

    def now(self) -> datetime:
        """Wall-clock time, aware, UTC."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds that only ever go forward."""
        return _FIRST_MONOTONIC + self._elapsed

    def cpu(self) -> float:
        """The value of `cpu_seconds`."""
        return self.cpu_seconds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Move time by `seconds`, less if a timer sets `event`; not at all if it is set already."""
        self.waits.append(seconds)
        self._move(seconds, until=event)
        return event.is_set()

    def advance(self, seconds: float, *, until: threading.Event | None = None) -> None:
        """Move time forward; what `call_later` has put in between is called on the way.

        Args:
            until: when a timer sets it, time moves no further.
        """
        if seconds < 0:
            raise ValueError("time only goes forward")
        self._move(seconds, until=until)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> None:
        """Call `callback` once time has moved that far, in the thread that moves it."""
        with self._lock:
            self._timers_made += 1
            self._timers.append((self._elapsed + seconds, self._timers_made, callback))
            self._timers.sort(key=lambda timer: timer[:2])

    def _move(self, seconds: float, until: threading.Event | None) -> None:
        with self._lock:
            target = self._elapsed + max(seconds, 0.0)
        while until is None or not until.is_set():
            with self._lock:
                due = self._timers.pop(0) if self._next_timer() <= target else None
                self._elapsed = max(self._elapsed, due[0] if due else target)
            if due is None:
                return
            due[2]()  # outside the lock: it may ask for the time, or set a timer of its own

    def _next_timer(self) -> float:
        return self._timers[0][0] if self._timers else float("inf")

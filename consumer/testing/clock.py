"""A clock that moves only when a test moves it, and a lock whose waiters move it."""

import heapq
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

from consumer.clock import Clock

_START = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
#: Not zero, so that a time that was never set is not mistaken for it.
_FIRST_MONOTONIC = 1_000.0


class ManualClock:
    """A `Clock` for tests. Any thread may call any method; none ever sleeps.

    Args:
        start: the first wall-clock time; must be aware.
    """

    def __init__(self, start: datetime = _START) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be an aware datetime, such as datetime(..., tzinfo=UTC)")
        self._start = start.astimezone(UTC)
        self._elapsed = 0.0
        #: A heap of time, number and callback.
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()
        self._lock = threading.Lock()
        #: What `cpu()` returns.
        self.cpu_seconds = 0.0
        #: The seconds of each wait so far, in order: for tests of backoff.
        self.waits: list[float] = []

    def now(self) -> datetime:
        """Wall-clock time, aware, UTC."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return _FIRST_MONOTONIC + self._elapsed

    def cpu(self) -> float:
        """The value of `cpu_seconds`."""
        return self.cpu_seconds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Move time by `seconds`, or until a timer sets `event`; not if it is set already."""
        self.waits.append(seconds)
        self.advance(max(seconds, 0.0), until=event)
        return event.is_set()

    def advance(self, seconds: float, *, until: threading.Event | None = None) -> None:
        """Move time forward, and call what `call_later` has scheduled for that time.

        Args:
            until: time stops when a timer sets it.
        """
        if seconds < 0:
            raise ValueError("time only goes forward")
        with self._lock:
            target = self._elapsed + seconds
        while until is None or not until.is_set():
            with self._lock:
                is_due = bool(self._timers) and self._timers[0][0] <= target
                time, _, callback = heapq.heappop(self._timers) if is_due else (target, 0, None)
                self._elapsed = max(self._elapsed, time)
            if callback is None:
                return
            callback()  # without the lock: it may ask for the time, or set another timer

    def call_later(self, seconds: float, callback: Callable[[], object]) -> None:
        """Call `callback` once time has moved that far, in the thread that moves it."""
        with self._lock:
            heapq.heappush(self._timers, (self._elapsed + seconds, next(self._numbers), callback))


class Changes(threading.Condition):
    """A lock (`with changes:`) with a wait for changes. Any thread may take it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._next_change = threading.Event()

    def notify_of_change(self) -> None:
        """Wake all that wait. The caller holds the lock."""
        self.notify_all()
        self._next_change.set()
        self._next_change = threading.Event()

    def await_change(self, seconds: float) -> None:
        """Release the lock for `seconds` at most, or until the next change; then take it again.

        A `ManualClock` is moved by that; with any other clock the thread waits.
        """
        if not isinstance(self._clock, ManualClock):
            self.wait(seconds)
            return
        change = self._next_change
        self.release()  # for the callbacks of the clock, and for other threads
        try:
            self._clock.advance(seconds, until=change)
        finally:
            self.acquire()

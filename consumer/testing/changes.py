"""The lock of the in-memory queue, and how a long poll waits for something to change."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from consumer.testing.clock import ManualClock

if TYPE_CHECKING:
    from consumer.clock import Clock


class Changes(threading.Condition):
    """A lock (`with changes:`) that tells its waiters of changes. Any thread may take it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._next_change = threading.Event()

    def tell(self) -> None:
        """Something changed. The caller holds the lock."""
        self.notify_all()
        self._next_change.set()
        self._next_change = threading.Event()

    def await_change(self, seconds: float) -> None:
        """Let go of the lock for `seconds` at most, or until the next change; then hold it again.

        A `ManualClock` is moved by that; with any other clock the thread waits.
        """
        if not isinstance(self._clock, ManualClock):
            self.wait(seconds)
            return
        # Other threads may go on meanwhile, and so may what the clock calls on its way.
        change = self._next_change
        self.release()
        try:
            self._clock.advance(seconds, until=change)
        finally:
            self.acquire()

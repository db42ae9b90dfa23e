"""What waits to be sent to the queue: in full batches at once, the rest after a short linger."""

import math
import threading
from collections.abc import Iterable
from typing import Generic, TypeVar

from consumer.clock import Clock
from consumer.sqs_limits import MAX_BATCH

T = TypeVar("T")


class Lane(Generic[T]):
    """Items for calls of one kind. Any thread may call any method; none blocks.

    Args:
        linger_seconds: how long an item may wait for nine others.
        eager: False: not even a full batch is sent before it has lingered.
    """

    def __init__(self, clock: Clock, linger_seconds: float, *, eager: bool = True) -> None:
        self._clock = clock
        self._linger = linger_seconds
        self._eager = eager
        self._lock = threading.Lock()
        self._items: list[T] = []
        #: `Clock.monotonic()` at which what waits is to be sent; infinite if nothing waits.
        self.due = math.inf
        #: How many full batches may be sent now.
        self.full = 0

    def __len__(self) -> int:
        """How many items wait."""
        return len(self._items)

    def add(self, items: Iterable[T]) -> None:
        """More to send."""
        with self._lock:
            self._items += items
            self._count()
            if self._items and self.due == math.inf:
                self.due = self._clock.monotonic() + self._linger

    def _count(self) -> None:
        if self._eager:
            self.full = len(self._items) // MAX_BATCH

    def take(self, *, partial: bool = False) -> list[T]:
        """A batch that is full or has lingered; with `partial` whatever there is; or nothing."""
        if not self._items:
            return []
        with self._lock:
            if not (partial or self.full or self._clock.monotonic() >= self.due):
                return []
            batch, self._items = self._items[:MAX_BATCH], self._items[MAX_BATCH:]
            self._count()
            if not self._items:
                self.due = math.inf
            return batch

    def stop_lingering(self) -> None:
        """From now on everything is to be sent at once: the process drains."""
        with self._lock:
            self._linger = 0.0
            if self._items:
                self.due = 0.0

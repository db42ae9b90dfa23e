"""What an open breaker has put back into the queue, hidden for a while."""

from __future__ import annotations

import heapq
import threading
from typing import TYPE_CHECKING

from consumer.retry import RetryPolicy

if TYPE_CHECKING:
    import random

    from consumer.clock import Clock
    from consumer.engine.inflight import InFlightMessage

#: Hidden messages are in flight for SQS, which allows 120,000 of them for a queue. A quarter, over
#: all breakers of a process: that leaves room for other handlers and for a few other processes.
MOST_HIDDEN = 30_000
#: How long a message stays hidden at most: 2 minutes at its first receive, four times as long at
#: each further one, an hour in the end. This is for a process that ends during the outage: as long
#: as it lives it makes them visible as soon as the handler works again.
HIDE = RetryPolicy(base_seconds=120.0, max_seconds=3600.0)
#: Above the limit they come again soon: what they cost then is a delivery, and no other handler
#: waits for a place among the 120,000.
SHORT_SECONDS = 15.0


class Hidden:
    """The receipt handles of what is hidden, so that it can be made visible. Any thread may call.

    Args:
        most: more than so many are hidden for a short time only.
    """

    def __init__(self, *, clock: Clock, rng: random.Random, most: int = MOST_HIDDEN) -> None:
        self._clock = clock
        self._rng = rng
        self._most = most
        self._lock = threading.Lock()
        #: By handler: when it is visible again, and its receipt handle; the earliest first.
        self._handles: dict[str, list[tuple[float, str]]] = {}

    @property
    def full(self) -> bool:
        """True if no more should be hidden for long."""
        with self._lock:
            return self._count() >= self._most

    def add(self, handler: str, message: InFlightMessage) -> float:
        """Note a message that is to be hidden because of this handler; returns for how long."""
        with self._lock:
            if self._count() >= self._most:
                return self._rng.uniform(SHORT_SECONDS / 2, SHORT_SECONDS)
            seconds = HIDE.equal_jitter(2 * message.received.receive_count - 1, self._rng)
            entry = (self._clock.monotonic() + seconds, message.receipt_handle)
            heapq.heappush(self._handles.setdefault(handler, []), entry)
            return seconds

    def recall(self, handler: str) -> list[str]:
        """The handler works again: the receipt handles of what is still hidden because of it."""
        with self._lock:
            now = self._clock.monotonic()
            return [handle for until, handle in self._handles.pop(handler, ()) if until > now]

    def _count(self) -> int:
        now = self._clock.monotonic()
        for handles in self._handles.values():
            while handles and handles[0][0] <= now:
                heapq.heappop(handles)
        return sum(map(len, self._handles.values()))

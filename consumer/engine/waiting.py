"""Messages that wait in the queue until their handler works again, for lack of room."""

import heapq
import random
import threading

from consumer.clock import Clock
from consumer.engine.inflight import InFlightMessage
from consumer.retry import RetryPolicy

#: SQS allows 120,000 messages in flight for a queue. The breakers of one process may make a quarter
#: of them wait; the rest is for other handlers and processes.
MOST_WAITING = 30_000
#: How long a message waits for its retry: up to 2 minutes at its first receive, four times as long
#: at each further one, at most an hour. This matters only if the process ends during the outage: it
#: makes waiting messages visible as soon as the handler works again.
RETRY_WAIT = RetryPolicy(base_seconds=120.0, max_seconds=3600.0)
#: Above MOST_WAITING: costs more deliveries, but leaves room for other handlers.
SHORT_WAIT_SECONDS = 15.0


class WaitingForRetry:
    """Receipt handles of messages that wait in the queue until a handler works again.

    Any thread may call any method.
    """

    def __init__(self, *, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._most = MOST_WAITING
        self._lock = threading.Lock()
        #: By handler: when it is visible again, and its receipt handle; the earliest first.
        self._handles: dict[str, list[tuple[float, str]]] = {}

    @property
    def full(self) -> bool:
        """True if no more messages should wait for long."""
        with self._lock:
            return self._count() >= self._most

    def add(self, handler: str, message: InFlightMessage) -> float:
        """Note a message that has to wait for this handler; returns for how many seconds."""
        with self._lock:
            if self._count() >= self._most:
                return self._rng.uniform(SHORT_WAIT_SECONDS / 2, SHORT_WAIT_SECONDS)
            seconds = RETRY_WAIT.equal_jitter(2 * message.received.receive_count - 1, self._rng)
            entry = (self._clock.monotonic() + seconds, message.receipt_handle)
            heapq.heappush(self._handles.setdefault(handler, []), entry)
            return seconds

    def recall(self, handler: str) -> list[str]:
        """The handler works again: the receipt handles of what still waits for it."""
        with self._lock:
            now = self._clock.monotonic()
            return [handle for until, handle in self._handles.pop(handler, ()) if until > now]

    def _count(self) -> int:
        now = self._clock.monotonic()
        for handles in self._handles.values():
            while handles and handles[0][0] <= now:
                heapq.heappop(handles)
        return sum(map(len, self._handles.values()))

"""What is to be posted and when, and what became of it. Knows no threads and no network."""

import heapq
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from consumer.clock import Clock
from consumer.operations.posting.address import LATE

#: On average; Canvas's three further tries take 10 to 20 minutes.
RETRY_MINUTES: Final = 15.0
#: The waits before the further tries, as shares of that time.
_WAITS: Final = (1 / 7, 2 / 7, 4 / 7)
_JITTER: Final = (2 / 3, 4 / 3)


@dataclass(order=True, slots=True)
class Delivery:
    """A message on its way; `due` is when to try it."""

    due: float
    number: int
    body: bytes = field(compare=False, repr=False)
    failures: int = field(default=0, compare=False)


class Deliveries:
    """Tries each message up to four times. One thread at a time may call it.

    Args:
        retry_minutes: how long the three further tries take, on average.
    """

    def __init__(
        self, *, clock: Clock, rng: random.Random, retry_minutes: float = RETRY_MINUTES
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._seconds = retry_minutes * 60
        self._waiting: list[Delivery] = []
        self._numbers = count()
        #: Messages that are neither accepted nor given up.
        self.held = 0
        self.accepted = 0
        self.retries = 0
        #: Tries that failed, by reason; and messages that are given up, by their last reason.
        self.failed_tries: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    def add(self, body: bytes) -> None:
        """A new message, to be tried at once."""
        self.held += 1
        heapq.heappush(self._waiting, Delivery(self._clock.monotonic(), next(self._numbers), body))

    def take(self) -> Delivery | float | None:
        """What to try now; else in how many seconds something is due; None if nothing waits."""
        if not self._waiting:
            return None
        if (seconds := self._waiting[0].due - self._clock.monotonic()) > 0:
            return seconds
        delivery = heapq.heappop(self._waiting)
        self.retries += delivery.failures > 0
        return delivery

    def tried(self, delivery: Delivery, failure: str) -> None:
        """It was tried; `failure` is "" if it was accepted."""
        if not failure:
            self.held -= 1
            self.accepted += 1
            return
        self.failed_tries[failure] += 1
        if delivery.failures == len(_WAITS):
            self.held -= 1
            self.failed[failure] += 1
            return
        wait = self._seconds * _WAITS[delivery.failures] * self._rng.uniform(*_JITTER)
        delivery.failures += 1
        delivery.due = self._clock.monotonic() + wait
        heapq.heappush(self._waiting, delivery)

    @property
    def late(self) -> int:
        """How many messages were given up without an answer in time."""
        return self.failed[LATE]

    @property
    def refused(self) -> int:
        """How many were given up for other reasons."""
        return self.failed.total() - self.late

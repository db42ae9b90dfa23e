"""Lets calls into one handler: only so many at a time, and only so many a second."""

import math
import threading
from collections import deque
from typing import Final

from consumer.clock import Clock
from consumer.engine.call import Call
from consumer.handlers.registering.registry import Handler

#: One call may begin at once, and those that would be due within this time: the housekeeper, which
#: lets in what has waited, looks a little more often.
_BURST_SECONDS: Final = 0.25


class Gate:
    """Any thread may call; none blocks.

    A call that may not enter is held, and handed out by `leave` or `take_due` when it may. So a
    slow handler with little concurrency holds up no thread and no other handler.
    """

    def __init__(self, handler: Handler, *, clock: Clock) -> None:
        self._limit = handler.concurrency or math.inf
        self._rate = handler.rate_limit_per_second
        self._burst = 1.0 + (self._rate or 0.0) * _BURST_SECONDS
        self._clock = clock
        self._lock = threading.Lock()
        self._inside = 0
        self._waiting: deque[Call] = deque()
        #: How many calls may begin at once, at the time since when it is counted.
        self._tokens = self._burst
        self._counted = clock.monotonic()

    def enter(self, call: Call) -> bool:
        """True if the call may go in now; else it is held."""
        with self._lock:
            if not self._waiting and self._may_enter():
                return True
            self._waiting.append(call)
            return False

    def leave(self, *, unused: bool = False) -> Call | None:
        """Go out; returns the call whose turn it is: the place is its own now.

        `unused`: the handler was not called, so this does not count for the rate.
        """
        with self._lock:
            self._inside -= 1
            self._tokens += unused
            return self._waiting.popleft() if self._waiting and self._may_enter() else None

    def take_due(self) -> list[Call]:
        """The calls that waited for the rate limit, and may enter now; each has its place."""
        if self._rate is None or not self._waiting:
            return []
        due: list[Call] = []
        with self._lock:
            while self._waiting and self._may_enter():
                due.append(self._waiting.popleft())
        return due

    def give_up(self) -> list[Call]:
        """Hand out all that wait: the process ends."""
        with self._lock:
            waiting, self._waiting = list(self._waiting), deque()
            return waiting

    def _may_enter(self) -> bool:
        """True if one more may be inside, which is then counted."""
        if self._inside >= self._limit:
            return False
        if self._rate is not None:
            now = self._clock.monotonic()
            gained = (now - self._counted) * self._rate
            self._tokens, self._counted = min(self._burst, self._tokens + gained), now
            if self._tokens < 1.0:
                return False
            self._tokens -= 1.0
        self._inside += 1
        return True

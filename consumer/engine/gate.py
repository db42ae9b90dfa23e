"""The gate of one handler: how many calls may be inside at a time."""

import threading
from collections import deque

from consumer.engine.call import Call


class Gate:
    """Lets at most `limit` calls into a handler at a time. Any thread may call; none blocks.

    A call that may not enter is held, and handed out by `leave` when a place is free for it. So a
    slow handler with little concurrency holds up no thread and no other handler.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._inside = 0
        self._waiting: deque[Call] = deque()

    def enter(self, call: Call) -> bool:
        """True if the call may go in now; else it is held."""
        with self._lock:
            if self._inside < self._limit:
                self._inside += 1
                return True
            self._waiting.append(call)
            return False

    def leave(self) -> Call | None:
        """Go out; returns the call whose turn it is: the place is its own now."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._inside -= 1
            return None

    def give_up(self) -> list[Call]:
        """Hand out all that wait: the process ends."""
        with self._lock:
            waiting, self._waiting = list(self._waiting), deque()
            return waiting

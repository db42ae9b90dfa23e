"""One message on its way through its handlers: what is done, what is left, what came of it."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from consumer.messages import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.engine.inflight import Slot
    from consumer.engine.ledger import Step
    from consumer.handlers.registering.registry import Handler
    from consumer.messages import Event

#: One handler's work on one event.
Work = tuple["Event", "Handler"]


class Delivery:
    """The state of one message. Handlers of one message may end in different threads.

    A worker walks through `work`; events for batch handlers are left with their collector and end
    later. Whoever ends the last piece settles the message: `end` returns True exactly once.
    """

    __slots__ = (
        "_failed", "_left", "_lock", "_succeeded", "at_gate", "events", "failures", "last_try",
        "position", "slot", "work",
    )  # fmt: skip

    def __init__(self, slot: Slot, events: Sequence[Event], work: list[Work]) -> None:
        self.slot = slot
        self.events = events
        self.work = work
        #: Index of the next piece of work; a delivery that waits for a handler resumes here.
        self.position = 0
        #: True while it stands at the gate of the handler at `position`, or is inside.
        self.at_gate = False
        #: What came of that piece while its handler fails all the time: to be settled so, later.
        self.failures: list[Outcome] = []
        #: It failed then and is tried once more, now that the handler works again.
        self.last_try = False
        self._left = len(work)
        self._succeeded: list[Step] = []
        slot.succeeded = self._succeeded
        self._failed: list[tuple[Outcome, Handler]] = []
        self._lock = threading.Lock()

    def end(self, event: Event, handler: Handler, outcome: Outcome) -> bool:
        """Note what came of one piece of work; True if it was the last one."""
        with self._lock:
            if outcome.verdict == "ack":
                self._succeeded.append((event.index, handler.name))
            else:
                self._failed.append((outcome, handler))
            self._left -= 1
            return self._left == 0

    @property
    def succeeded(self) -> list[Step]:
        """The steps that need not run again."""
        return self._succeeded

    def verdict(self) -> tuple[Outcome, Handler | None]:
        """What becomes of the message, and the handler whose fault it is."""
        if not self._failed:
            return Outcome.ack(), None
        outcome = Outcome.worst_of([failure for failure, _ in self._failed])
        return outcome, next(h for failure, h in self._failed if failure is outcome)


T = TypeVar("T")


class Gate(Generic[T]):
    """Lets at most `limit` calls into a handler at a time; the others wait their turn.

    Nobody blocks: an item that may not enter is kept, and handed back by `leave` when its place is
    free. So a slow handler with little concurrency holds up no thread and no other handler.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._inside = 0
        self._waiting: deque[T] = deque()

    def enter(self, item: T) -> bool:
        """True if the item may go in now; else it is kept."""
        with self._lock:
            if self._inside < self._limit:
                self._inside += 1
                return True
            self._waiting.append(item)
            return False

    def leave(self) -> T | None:
        """Go out; returns the item whose turn it is: the place is its own now, resume it."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._inside -= 1
            return None

    def abandon(self) -> list[T]:
        """Give up on those that wait: the process drains."""
        with self._lock:
            waiting, self._waiting = list(self._waiting), deque()
            return waiting

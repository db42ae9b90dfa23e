"""Collects events for a batch handler, across receives, up to a size or a linger."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from consumer.clock import Clock
    from consumer.handlers.registering.registry import Handler
    from consumer.messages import Outcome

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Batch(Generic[T]):
    """What one call of a batch handler gets."""

    handler: Handler
    items: list[T] = field(default_factory=list)
    #: True once it stands at its handler's gate: when it comes back, the place is its own.
    at_gate: bool = False
    #: What came of it while its handler fails all the time: to be settled so, or tried again.
    failures: list[Outcome] = field(default_factory=list)
    #: It failed then and is tried once more, now that the handler works again.
    last_try: bool = False

    def split(self) -> tuple[Batch[T], Batch[T] | None]:
        """One item, and the rest."""
        if len(self.items) == 1:
            return self, None
        first, rest = self.items[:1], self.items[1:]
        return (
            Batch(self.handler, first, failures=self.failures[:1]),
            Batch(self.handler, rest, failures=self.failures[1:]),
        )


class Collector(Generic[T]):
    """The batch that is being filled for one handler. Any thread may call any method.

    A batch leaves the collector exactly once: to the thread that filled it (`add`), or to whoever
    finds that it has lingered long enough or can't grow any more (`take`).
    """

    def __init__(self, handler: Handler, clock: Clock) -> None:
        self._handler = handler
        self._clock = clock
        self._size = handler.batch or 1
        self._lock = threading.Lock()
        self._items: list[T] = []
        self._due = 0.0

    def add(self, item: T) -> Batch[T] | None:
        """Add an item; returns the batch if that filled it."""
        with self._lock:
            if not self._items:
                self._due = self._clock.monotonic() + self._handler.linger_seconds
            self._items.append(item)
            if len(self._items) < self._size:
                return None
            return self._cut()

    def take(self, *, now: float | None = None) -> Batch[T] | None:
        """The batch as it is; with `now`, only if it has lingered long enough. None if empty."""
        with self._lock:
            if not self._items or (now is not None and now < self._due):
                return None
            return self._cut()

    def __len__(self) -> int:
        """How many items wait."""
        return len(self._items)

    def _cut(self) -> Batch[T]:
        items, self._items = self._items, []
        return Batch(self._handler, items)

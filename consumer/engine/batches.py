"""Collects events for batch handlers, across receives, up to a size or a linger."""

import threading
from collections.abc import Iterable

from consumer.clock import Clock
from consumer.engine.call import Call, Entry
from consumer.handlers.registering.registry import Handler


class _Batch:
    """What is being collected for one handler."""

    __slots__ = ("due", "entries", "handler", "size")

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.size = handler.batch or 1
        self.entries: list[Entry] = []
        self.due = 0.0

    def cut(self) -> Call:
        entries, self.entries = self.entries, []
        return Call(self.handler, entries)


class Batches:
    """The batches that are being filled. Any thread may call any method.

    Each event is returned once, in a call: to the thread that filled the batch (`add`), or to the
    one that finds that the batch has lingered long enough or can't grow any more (`take`).
    """

    def __init__(self, handlers: Iterable[Handler], clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._batches = {h.name: _Batch(h) for h in handlers if h.call_batch}

    def add(self, handler: Handler, entry: Entry) -> Call | None:
        """Add an event; returns the call if that filled the batch."""
        batch = self._batches[handler.name]
        with self._lock:
            if not batch.entries:
                batch.due = self._clock.monotonic() + handler.linger_seconds
            batch.entries.append(entry)
            return batch.cut() if len(batch.entries) >= batch.size else None

    def take(self, *, everything: bool = False) -> list[Call]:
        """The batches that have lingered long enough, or all that hold anything."""
        now = self._clock.monotonic()
        with self._lock:
            return [
                batch.cut()
                for batch in self._batches.values()
                if batch.entries and (everything or now >= batch.due)
            ]

    def __len__(self) -> int:
        """How many events wait."""
        return sum(len(batch.entries) for batch in self._batches.values())

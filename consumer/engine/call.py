"""Events on their way to one handler, alone or collected in batches, and what came of them."""

import threading
from collections.abc import Iterable, Sequence

from consumer.clock import Clock
from consumer.engine.inflight import InFlightMessage
from consumer.handlers.registering.registry import Handler
from consumer.ledger.database import Step, step_of
from consumer.messages import ACK, Event, Outcome

#: An event, and the message that it came in.
Entry = tuple[InFlightMessage, Event]


class Call:
    """Events for one handler, handed over together: one, or as many as a batch handler takes.

    It is in one place at a time: with a thread, with a gate or a breaker that holds it, or ready.
    """

    __slots__ = ("entries", "handler", "has_place", "last_try")

    def __init__(self, handler: Handler, entries: list[Entry]) -> None:
        self.handler = handler
        self.entries = entries
        #: It waits at its handler's gate, or is inside.
        self.has_place = False
        #: It failed while the breaker was open; if it fails again, the failure counts as its own.
        self.last_try = False

    def split(self) -> "tuple[Call, Call | None]":
        """The first event as a call, and the rest as another one if there is a rest."""
        if len(self.entries) == 1:
            return self, None
        first, rest = Call(self.handler, self.entries[:1]), Call(self.handler, self.entries[1:])
        first.last_try = rest.last_try = self.last_try
        return first, rest

    def note(self, outcomes: Sequence[Outcome]) -> list[tuple[str, Step]]:
        """Note the outcomes, by position; returns the steps that succeeded, with their messages."""
        handler = self.handler
        steps: list[tuple[str, Step]] = []
        for (message, event), outcome in zip(self.entries, outcomes, strict=True):
            if outcome is ACK:
                step = step_of(event.index, handler.name)
                message.succeeded.append(step)
                steps.append((message.message_id, step))
            else:
                message.others.append((event, handler, outcome))
        return steps

    def end(self) -> list[InFlightMessage]:
        """The call has ended and is noted; returns the messages whose last call this was."""
        # Counted after it is noted: the last call of a message finds what all others have noted.
        return [message for message, _ in self.entries if next(message.ended) == message.calls]


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

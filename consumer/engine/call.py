"""Events on their way to one handler, alone or collected in batches, and what came of them."""

import threading
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime
from typing import Final

from consumer.clock import Clock
from consumer.engine.inflight import InFlightMessage
from consumer.handlers.registering.registry import Handler
from consumer.ledger.database import Step, step_of
from consumer.messages import ACK, Event, Outcome

#: An event, and the message that it came in.
Entry = tuple[InFlightMessage, Event]

#: Of events without a time.
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class Call:
    """Events for one handler, handed over together: one, or as many as a batch handler takes.

    It is in one place at a time: with a thread, with a gate or a breaker that holds it, or ready.

    Args:
        key: of events that are coalesced. The first of them is the newest, and stands for all.
    """

    __slots__ = ("entries", "handler", "has_place", "key", "last_try")

    def __init__(self, handler: Handler, entries: list[Entry], key: Hashable = None) -> None:
        self.handler = handler
        self.entries = entries
        self.key = key
        #: It waits at its handler's gate, or is inside.
        self.has_place = False
        #: It failed while the breaker was open; if it fails again, the failure counts as its own.
        self.last_try = False

    def split(self) -> "tuple[Call, Call | None]":
        """The first event as a call, and the rest as another one if there is a rest."""
        if len(self.entries) == 1 or self.handler.coalesce is not None:
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
    """What is being collected for one handler, with one key if its events are coalesced."""

    __slots__ = ("due", "entries", "handler", "key")

    def __init__(self, handler: Handler, key: Hashable, due: float) -> None:
        self.handler = handler
        self.key = key
        self.due = due
        self.entries: list[Entry] = []

    def call(self) -> Call:
        if self.key is not None:
            self.entries.sort(key=_time_of, reverse=True)
        return Call(self.handler, self.entries, self.key)


class Batches:
    """The batches that are being filled. Any thread may call any method.

    Each event is returned once, in a call: to the thread that filled the batch (`add`), or to the
    one that finds that the batch has lingered long enough or can't grow any more (`take`).
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._batches: dict[tuple[str, Hashable], _Batch] = {}

    def add(self, handler: Handler, entry: Entry, key: Hashable = None) -> Call | None:
        """Add an event; returns the call if that filled the batch. Coalesced ones have a key."""
        place = handler.name, key
        with self._lock:
            batch = self._batches.get(place)
            if batch is None:
                linger = handler.coalesce.seconds if handler.coalesce else handler.linger_seconds
                batch = _Batch(handler, key, self._clock.monotonic() + linger)
                self._batches[place] = batch
            batch.entries.append(entry)
            if handler.coalesce is not None or len(batch.entries) < (handler.batch or 1):
                return None
            del self._batches[place]
        return batch.call()

    def take(self, *, everything: bool = False) -> list[Call]:
        """The batches that have lingered long enough, or all."""
        now = self._clock.monotonic()
        with self._lock:
            due = [p for p, batch in self._batches.items() if everything or now >= batch.due]
            batches = [self._batches.pop(place) for place in due]
        return [batch.call() for batch in batches]

    def __len__(self) -> int:
        """How many events wait."""
        with self._lock:
            return sum(len(batch.entries) for batch in self._batches.values())


def _time_of(entry: Entry) -> datetime:
    return entry[1].time or _LONG_AGO

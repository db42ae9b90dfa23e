"""Events on their way to one handler, alone or collected in batches, and what came of them."""

import hashlib
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from consumer.clock import Clock
from consumer.engine.inflight import InFlightMessage
from consumer.handlers.registering.registry import Handler
from consumer.ledger.database import Step, step_of
from consumer.messages import ACK, Event, Outcome
from consumer.subject import CanvasId

#: An event, and the message that it came in.
Entry = tuple[InFlightMessage, Event]

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
#: So much later than its message no event can be: its time is wrong.
_MOST_AHEAD: Final = timedelta(hours=1)
#: Longer keys are replaced by a digest: thousands of them are remembered.
_LONGEST_KEY: Final = 200


def text_of_key(key: object) -> str:
    """A text for a key by which a handler coalesces; another one for each other key.

    Such keys are compared under locks, where nothing that a user wrote may run. Raises TypeError.
    """
    text = _text(key)
    return text if len(text) <= _LONGEST_KEY else hashlib.sha256(text.encode()).hexdigest()


def _text(key: object) -> str:
    for plain in (str, int, float, bytes):
        if isinstance(key, plain):
            return plain.__repr__(key)
    if isinstance(key, tuple):
        return f"({', '.join(map(_text, key))})"
    if key is None or type(key) is CanvasId:
        return repr(key)
    raise TypeError("the key must be a text, a number, an id of Canvas, or a tuple of these")


class Call:
    """Events for one handler, handed over together: one, or as many as a batch handler takes.

    It is in one place at a time: with a thread, with a gate or a breaker that holds it, or ready.

    Args:
        key: of events that are coalesced. The first of them is the newest, and stands for all.
    """

    __slots__ = ("asked", "entries", "handler", "has_place", "key", "last_try")

    def __init__(
        self, handler: Handler, entries: list[Entry], key: str | None = None, *, asked: bool = False
    ) -> None:
        self.handler = handler
        self.entries = entries
        self.key = key
        #: The handler's predicate wants it, and its key is known: these are not asked again.
        self.asked = asked
        #: It waits at its handler's gate, or is inside.
        self.has_place = False
        #: It failed while the breaker was open; if it fails again, the failure counts as its own.
        self.last_try = False

    @property
    def is_divisible(self) -> bool:
        """True if its events can be handed over in several calls."""
        return len(self.entries) > 1 and self.handler.coalesce is None

    def split(self) -> "tuple[Call, Call | None]":
        """The first event as a call, and the rest as another one if there is a rest."""
        if not self.is_divisible:
            return self, None
        first, rest = (
            Call(self.handler, entries, asked=self.asked)
            for entries in (self.entries[:1], self.entries[1:])
        )
        first.last_try = rest.last_try = self.last_try
        return first, rest

    def cut_decided(self, outcomes: Sequence[Outcome]) -> "tuple[Call, list[Outcome]] | None":
        """If only some of its events found down what the handler needs: cut off the others.

        Returns these as a call, with their outcomes; None if there is nothing to cut off.
        """
        pairs = list(zip(self.entries, outcomes, strict=True))
        down = [entry for entry, outcome in pairs if outcome.down_seconds is not None]
        if not down or len(down) == len(pairs):
            return None
        decided = [pair for pair in pairs if pair[1].down_seconds is None]
        self.entries = down
        self.last_try = False  # it works in part: nothing shows that these are at fault
        return Call(self.handler, [entry for entry, _ in decided]), [found for _, found in decided]

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

    def __init__(self, handler: Handler, key: str | None, due: float) -> None:
        self.handler = handler
        self.key = key
        self.due = due
        self.entries: list[Entry] = []

    def call(self) -> Call:
        if self.key is not None:  # of equal times, the newest is the one that came last
            self.entries.sort(key=time_of)
            self.entries.reverse()
        return Call(self.handler, self.entries, self.key, asked=True)


class Batches:
    """The batches that are being filled. Any thread may call any method.

    Each event is returned once, in a call: to the thread that filled the batch (`add`), or to the
    one that finds that the batch has lingered long enough or can't grow any more (`take`).
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._batches: dict[tuple[str, str | None], _Batch] = {}

    def add(self, handler: Handler, entry: Entry, key: str | None = None) -> Call | None:
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


def time_of(entry: Entry) -> datetime:
    """When it happened; if its time is missing, or wrong, when SQS accepted its message.

    Else one wrong time would make all later events stale.
    """
    time, sent = entry[1].time, entry[0].received.sent_at
    if sent is not None and (time is None or time - sent > _MOST_AHEAD):
        return sent
    return time or _LONG_AGO

"""How far a message has come: what is to be called for it, and what came of the calls."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from consumer.ledger.journal import Step, step_of
from consumer.messages import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.engine.inflight import InFlightMessage
    from consumer.handlers.registering.registry import Handler
    from consumer.messages import Event

_DECLINED = Outcome.declined()


class Progress:
    """One message on its way through its handlers. Its calls may end in different threads.

    Args:
        events: the events of the message that this process is to handle.
        calls: how many there are: one for each handler of each event.
        unmatched: those of the events that no handler asked for.
    """

    __slots__ = ("_ended", "_failed", "calls", "declined", "events", "message", "unmatched")

    def __init__(
        self,
        message: InFlightMessage,
        events: Sequence[Event],
        calls: int,
        unmatched: Sequence[Event] = (),
    ) -> None:
        self.message = message
        self.events = events
        self.calls = calls
        self.unmatched = unmatched
        #: An event for each handler whose predicate did not want it.
        self.declined: list[Event] = []
        #: The next is the how many-th call that ends: each number goes to one thread.
        self._ended = count(1)
        self._failed: list[tuple[Outcome, Handler]] = []

    def end(self, event: Event, handler: Handler, outcome: Outcome) -> bool:
        """Note what came of one call. True for the last one, once: the caller settles then."""
        if outcome is _DECLINED:
            self.declined.append(event)
        elif outcome.verdict == "ack":
            self.message.succeeded.append(step_of(event.index, handler.name))
        else:
            self._failed.append((outcome, handler))
        # Counted after it is noted: the last one finds what all others have noted.
        return next(self._ended) == self.calls

    def unwanted(self, asked: Callable[[Event], int]) -> list[Event]:
        """The events that every handler has declined: now they count as unmatched, too.

        One thread calls it, when all calls have ended. `asked` says how many handlers an event had.
        """
        declined, self.declined = self.declined, []
        found = [e for e in dict.fromkeys(declined) if declined.count(e) == asked(e)]
        self.unmatched = [*self.unmatched, *found]
        return found

    def verdict(self) -> tuple[Outcome, Handler | None]:
        """What becomes of the message, and the handler that decided so if one failed."""
        if not self._failed:
            return Outcome.ack(), None
        outcome = Outcome.worst_of([failure for failure, _ in self._failed])
        return outcome, next(h for failure, h in self._failed if failure is outcome)


class Entry(NamedTuple):
    """An event in a call, and the progress of the message that it came in."""

    progress: Progress
    event: Event


class Call:
    """Events for one handler, handed over together: one, or as many as a batch handler takes.

    It is in one place at a time: with a thread, with a gate or a breaker that holds it, or ready.
    """

    __slots__ = ("entries", "handler", "has_place", "last_try", "probe")

    def __init__(self, handler: Handler, entries: list[Entry]) -> None:
        self.handler = handler
        self.entries = entries
        #: It stands at its handler's gate, or is inside.
        self.has_place = False
        #: It is tried although its handler's breaker is open, to see whether that works again.
        self.probe = False
        #: It failed while the breaker was open; once more, and the failure counts as its own.
        self.last_try = False

    @property
    def first(self) -> InFlightMessage:
        """The message of the first event."""
        return self.entries[0].progress.message

    def split(self) -> tuple[Call, Call | None]:
        """The first event as a call of its own, and the rest if there is one."""
        if len(self.entries) == 1:
            return self, None
        first, rest = Call(self.handler, self.entries[:1]), Call(self.handler, self.entries[1:])
        first.last_try = rest.last_try = self.last_try
        return first, rest

    def succeeded(self, outcomes: Sequence[Outcome]) -> list[tuple[str, Step]]:
        """The steps that need not run again, each with the id of its message."""
        return [
            (progress.message.message_id, step_of(event.index, self.handler.name))
            for (progress, event), outcome in zip(self.entries, outcomes, strict=True)
            if outcome.verdict == "ack" and outcome is not _DECLINED
        ]

    def end(self, outcomes: Sequence[Outcome]) -> list[Progress]:
        """Note the outcomes, by position; returns the messages whose last call this was."""
        return [
            progress
            for (progress, event), outcome in zip(self.entries, outcomes, strict=True)
            if progress.end(event, self.handler, outcome)
        ]

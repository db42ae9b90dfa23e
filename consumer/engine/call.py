"""Events on their way to one handler, and what came of them."""

from collections.abc import Sequence

from consumer.engine.inflight import InFlightMessage
from consumer.handlers.registering.registry import Handler
from consumer.ledger.journal import Step, step_of
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

    @property
    def first(self) -> InFlightMessage:
        """The message of the first event."""
        return self.entries[0][0]

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

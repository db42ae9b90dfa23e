"""Runs the handlers of a registry on events, as the daemon does, and says what became of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from consumer.engine.call import Call
from consumer.engine.inflight import InFlightMessage
from consumer.engine.invoke import Invoker
from consumer.engine.stats import Stats
from consumer.errors import BatchFailure
from consumer.messages import Outcome, ReceivedMessage
from consumer.testing.clock import ManualClock

if TYPE_CHECKING:
    from consumer.engine.call import Entry
    from consumer.handlers.registering.registry import Handler, Registry
    from consumer.messages import Event, Verdict


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one event."""

    #: By the name of each handler that ran: what came of it.
    handlers: Mapping[str, Outcome]
    #: Handlers that asked for the event, but whose `when` was false.
    declined: tuple[str, ...]
    #: By the name of each handler that failed: what it raised.
    errors: Mapping[str, BaseException]

    @property
    def outcome(self) -> Outcome:
        """What the daemon does with the message, by the worst of the handlers."""
        return Outcome.worst_of(list(self.handlers.values()))

    @property
    def verdict(self) -> Verdict:
        """What becomes of the message: ack (deleted), retry (comes again), reject (no use)."""
        return self.outcome.verdict

    @property
    def reason(self) -> str:
        """Why it is not acked: what `Retry` or `Reject` says, else the type of the exception."""
        return self.outcome.reason

    @property
    def unmatched(self) -> bool:
        """True if no handler asked for the event: then the daemon archives it, or deletes it."""
        return not self.handlers


def run(registry: Registry, event: Event) -> Ran:
    """Run every handler that asked for the event, in this thread; batch handlers get it alone.

    Middleware, predicates and models count as in the daemon. What handlers raise is in the result;
    nothing is retried, and no limit is kept.
    """
    return run_batch(registry, [event])[0]


def run_batch(registry: Registry, events: Sequence[Event]) -> list[Ran]:
    """The same for several events, each of a message of its own; a result for each, by position.

    Batch handlers get them together, as many at a time as they take.
    """
    notes = [_Notes() for _ in events]
    entries = [_entry(event) for event in events]
    for handler in registry.handlers:
        asked = [
            (entry, note)
            for entry, note in zip(entries, notes, strict=True)
            if handler in registry.route(entry[1].name, entry[1].format)
        ]
        _run_one(handler, asked)
    return [note.ran() for note in notes]


@dataclass(slots=True)
class _Notes:
    """What was seen of one event so far."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    errors: dict[str, BaseException] = field(default_factory=dict)

    def ran(self) -> Ran:
        declined = Outcome.declined()
        return Ran(
            {name: outcome for name, outcome in self.outcomes.items() if outcome is not declined},
            tuple([name for name, outcome in self.outcomes.items() if outcome is declined]),
            self.errors,
        )


def _run_one(handler: Handler, asked: Sequence[tuple[Entry, _Notes]]) -> None:
    invoker = Invoker(Stats(), clock=ManualClock(), stopping=threading.Event())
    raised: list[BaseException] = []
    recorded = _recording(handler, raised)

    def note(entry: Entry, notes: _Notes, outcome: Outcome) -> None:
        notes.outcomes[handler.name] = outcome
        if outcome.verdict != "ack" and raised:
            notes.errors[handler.name] = _error_of(entry[1], raised[-1])

    waiting: list[tuple[Entry, _Notes]] = []
    for entry, notes in asked:
        outcome = invoker.unwanted(recorded, entry) if handler.call_batch else None
        if outcome is None:
            waiting.append((entry, notes))
        else:
            note(entry, notes, outcome)
    size = handler.batch or 1
    for begin in range(0, len(waiting), size):
        chunk = waiting[begin : begin + size]
        outcomes = invoker.call(Call(recorded, [entry for entry, _ in chunk]))
        for (entry, notes), outcome in zip(chunk, outcomes, strict=True):
            note(entry, notes, outcome)


def _recording(handler: Handler, raised: list[BaseException]) -> Handler:
    """The handler, with what its functions raise kept: of an outcome only the type is left."""

    def record(function: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(*arguments: Any) -> Any:
            try:
                return function(*arguments)
            except BaseException as error:
                raised.append(error)
                raise

        return recorded

    return replace(
        handler,
        call=record(handler.call) if handler.call else None,
        call_batch=record(handler.call_batch) if handler.call_batch else None,
        when=record(handler.when) if handler.when else None,
    )


def _error_of(event: Event, error: BaseException) -> BaseException:
    if isinstance(error, BatchFailure) and isinstance(error.failures, Mapping):
        return error.failures.get(event, error)
    return error


def _entry(event: Event) -> Entry:
    received = ReceivedMessage(event.message_id, "receipt-handle-of-a-test", event.raw)
    return InFlightMessage(received, visible_at=30.0), event

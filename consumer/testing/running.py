"""Runs the handlers of a registry on events, as the daemon does, and returns what came of it."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from consumer.engine.call import Call, Entry
from consumer.engine.inflight import InFlightMessage
from consumer.engine.invoke import Invoker
from consumer.engine.stats import Stats
from consumer.errors import BatchFailure
from consumer.handlers.registering.registry import Handler, Registry
from consumer.messages import DECLINED, Event, Outcome, ReceivedMessage, Verdict
from consumer.testing.clock import ManualClock


@dataclass(frozen=True, slots=True)
class Ran:
    """The result for one event."""

    #: The outcome of each handler that ran, by its name.
    handlers: Mapping[str, Outcome]
    #: Handlers that asked for the event, but whose `when` was false.
    declined: tuple[str, ...]
    #: What each handler that failed has raised, by its name.
    errors: Mapping[str, BaseException]

    @property
    def outcome(self) -> Outcome:
        """What the daemon does with the message: the worst outcome of the handlers."""
        return Outcome.worst_of(list(self.handlers.values()))

    @property
    def verdict(self) -> Verdict:
        """What becomes of the message: ack (deleted), retry (delivered again), reject (never)."""
        return self.outcome.verdict

    @property
    def reason(self) -> str:
        """Why it is not acked: the text of `Retry` or `Reject`, else the type of the exception."""
        return self.outcome.reason

    @property
    def unmatched(self) -> bool:
        """True if no handler asked for the event: then the daemon archives it, or deletes it."""
        return not self.handlers


def run(registry: Registry, event: Event) -> Ran:
    """Run every handler that asked for the event, in this thread; batch handlers get it alone.

    Middleware, predicates and models work as in the daemon. What handlers raise is in the result;
    nothing is retried, and limits do not apply.
    """
    return run_batch(registry, [event])[0]


def run_batch(registry: Registry, events: Sequence[Event]) -> list[Ran]:
    """The same for several events, each of its own message; a result for each, by position.

    Batch handlers get them together, as many at a time as they take.
    """
    entries = []
    for event in events:
        received = ReceivedMessage(event.message_id, "receipt-handle-of-a-test", event.raw)
        entries.append((InFlightMessage(received, visible_at=30.0), event))
    found: list[dict[str, tuple[Outcome, BaseException | None]]] = [{} for _ in events]
    for handler in registry.handlers:
        routed = [
            entry for entry in entries if handler in registry.route(entry[1].name, entry[1].format)
        ]
        for entry, outcome, error in _run_one(handler, routed):
            found[entries.index(entry)][handler.name] = outcome, error
    return [
        Ran(
            handlers={
                name: outcome for name, (outcome, _) in ran.items() if outcome is not DECLINED
            },
            declined=tuple(name for name, (outcome, _) in ran.items() if outcome is DECLINED),
            errors={name: error for name, (_, error) in ran.items() if error is not None},
        )
        for ran in found
    ]


def _run_one(
    handler: Handler, entries: Sequence[Entry]
) -> Iterator[tuple[Entry, Outcome, BaseException | None]]:
    """Each entry with its outcome, and with the error if it was not acked."""
    invoker = Invoker(Stats(), clock=ManualClock(), stopping=threading.Event())
    raised: list[BaseException] = []
    recording = _recording(handler, raised)
    waiting = []
    for entry in entries:
        outcome = (
            invoker.unwanted(recording, entry) if handler.call_batch or handler.coalesce else None
        )
        if outcome is None:
            waiting.append(entry)
        else:
            yield entry, outcome, _error_of(entry, outcome, raised)
    while chunk := waiting[: handler.batch or 1]:
        del waiting[: len(chunk)]
        for entry, outcome in zip(chunk, invoker.call(Call(recording, chunk)), strict=True):
            yield entry, outcome, _error_of(entry, outcome, raised)


def _recording(handler: Handler, raised: list[BaseException]) -> Handler:
    """The handler, keeping what its functions raise: an outcome has only the type."""

    def record(function: Callable[..., Any] | None) -> Callable[..., Any] | None:
        if function is None:
            return None

        def recorded(*arguments: Any) -> Any:
            try:
                return function(*arguments)
            except BaseException as error:
                raised.append(error)
                raise

        return recorded

    return replace(
        handler,
        call=record(handler.call),
        call_batch=record(handler.call_batch),
        when=record(handler.when),
    )


def _error_of(
    entry: Entry, outcome: Outcome, raised: Sequence[BaseException]
) -> BaseException | None:
    if outcome.verdict == "ack" or not raised:
        return None
    error = raised[-1]
    if isinstance(error, BatchFailure) and isinstance(error.failures, Mapping):
        return error.failures.get(entry[1], error)
    return error

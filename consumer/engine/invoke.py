"""Calls what users wrote (handlers, predicates), guarded: what it raises becomes an outcome."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.engine.applied import Applied
from consumer.engine.call import Call, Entry, text_of_key
from consumer.engine.forks import ForkGuard
from consumer.engine.handler_stats import LastError
from consumer.engine.runs import Run, Runs
from consumer.engine.stats import Stats
from consumer.errors import BatchFailure, Retry, Unavailable, describe, outcome_of
from consumer.handlers.registering.registry import Handler
from consumer.messages import ACK, DECLINED, Context, Outcome

_log = structlog.get_logger(__name__)


class Invoker:
    """Worker threads call it, several at once.

    Args:
        stopping: set once the process drains; handlers see it as `context.should_stop()`.
        default_timeout_seconds: for handlers without a timeout; None lets them run.
    """

    def __init__(
        self,
        stats: Stats,
        *,
        clock: Clock,
        stopping: threading.Event,
        default_timeout_seconds: float | None = None,
    ) -> None:
        self._handlers = stats.handlers
        self._monotonic = clock.monotonic
        self._stopping = stopping
        self._forks = ForkGuard()
        self._applied = Applied()
        self.runs = Runs(stats, clock=clock, default_timeout_seconds=default_timeout_seconds)

    def call(self, call: Call) -> Sequence[Outcome]:
        """Run the handler, its predicate first; one outcome for each event, by position."""
        run = self.runs.begin(call)
        try:
            if not call.asked:
                outcome = self.unwanted(call.handler, call.entries[0])
                if outcome is not None:
                    return [outcome]
                call.asked = True
            return self._call(call, self._context(call, run))
        finally:
            self.runs.end(run)

    def _call(self, call: Call, context: Context) -> Sequence[Outcome]:
        handler, entries, began = call.handler, call.entries, self._monotonic()
        try:
            if handler.call is not None:
                handler.call(entries[0][1], context)
            elif handler.call_batch is not None:
                handler.call_batch([event for _, event in entries], context)
        except BaseException as error:  # a handler's sys.exit() must not end a thread of ours
            self._forks.check(error)
            self._handlers[handler.name].add(self._monotonic() - began)
            return self._failed(call, error)
        self._forks.check()
        if call.key is not None:
            self._applied.note(call)
        ended, size = self._monotonic(), len(entries)
        self._handlers[handler.name].succeeded(ended - began, size, ended)
        return [ACK] * size

    def unwanted(self, handler: Handler, entry: Entry) -> Outcome | None:
        """Ask the predicate: None if the handler wants the event, else its outcome."""
        if handler.when is None:
            return None
        try:
            wanted = handler.when(entry[1])
            wanted = bool(wanted)
        except BaseException as error:
            self._forks.check(error)
            return self._failure(handler, entry, error)
        self._forks.check()
        return None if wanted else DECLINED

    def group_of(self, call: Call) -> str | Outcome | None:
        """What its event is collected with: its key, or None for a batch; or why it is not."""
        handler = call.handler
        if handler.when is None and handler.coalesce is None:
            call.asked = True
            return None
        run = self.runs.begin(call)
        try:
            outcome = self.unwanted(handler, call.entries[0])
            group = self._key_of(call) if outcome is None else outcome
        finally:
            self.runs.end(run)
        call.asked = not isinstance(group, Outcome)
        return group

    def _key_of(self, call: Call) -> str | Outcome | None:
        coalesce, entry = call.handler.coalesce, call.entries[0]
        if coalesce is None:
            return None
        try:
            key = coalesce.key(entry[1])
            text = None if key is None else text_of_key(key)
        except BaseException as error:
            self._forks.check(error)
            return self._failure(call.handler, entry, error)
        self._forks.check()
        return text

    def _context(self, call: Call, run: Run | None) -> Context:
        entries = call.entries
        first = entries[0][0]
        one = len(entries) == 1  # nearly always
        return Context(
            handler=call.handler.name,
            message_ids=(first.message_id,) if one else tuple([m.message_id for m, _ in entries]),
            receive_count=first.received.receive_count,
            deadline=None if run is None else run.deadline,
            should_stop=self._stopping.is_set if run is None else self._until(run.deadline),
            visibility_lost=lambda: any(message.visibility_lost for message, _ in entries),
            is_stale=call.key is not None and self._applied.is_newer(call),
        )

    def _until(self, deadline: float) -> Callable[[], bool]:
        return lambda: self._monotonic() >= deadline or self._stopping.is_set()

    def _failed(self, call: Call, error: BaseException) -> list[Outcome]:
        handler, entries = call.handler, call.entries
        failures: object = error.failures if isinstance(error, BatchFailure) else None
        if (
            handler.call_batch is None
            # A subclass may have put anything there. If it does not say which of these events
            # failed, none of them can be taken as handled.
            or not (isinstance(failures, Mapping) and failures)
            or failures.keys() - {event for _, event in entries}
        ):
            size = len(entries)
            return [self._failure(handler, entries[0], error, events=size)] * size
        outage, outcomes = self._outage_in(call, failures), list[Outcome]()
        for entry in entries:
            failure = failures.get(entry[1])
            if entry[1] not in failures:
                outcomes.append(ACK)
            elif outage is not None and isinstance(failure, Unavailable):
                outcomes.append(outage)
            else:
                if not isinstance(failure, BaseException):
                    failure = TypeError("the failures of a BatchFailure must be exceptions")
                outcomes.append(self._failure(handler, entry, failure))
        self._handlers[handler.name].handled_in_part(outcomes.count(ACK))
        return outcomes

    def _outage_in(self, call: Call, failures: Mapping[Any, object]) -> Outcome | None:
        """The outcome of the events for which a destination was down; logged once for all."""
        down = [(e, f) for e in call.entries if isinstance(f := failures.get(e[1]), Unavailable)]
        if not down:
            return None
        entry, longest = max(down, key=lambda found: outcome_of(found[1]).down_seconds or 0.0)
        return self._failure(call.handler, entry, longest, events=len(down))

    def _failure(
        self, handler: Handler, entry: Entry, error: BaseException, *, events: int = 1
    ) -> Outcome:
        outcome = outcome_of(error)
        message, event = entry
        asked = isinstance(error, Retry | Unavailable) or outcome.verdict == "reject"
        what = {"error_type": type(error).__name__, "error_at": ""} if asked else describe(error)
        last = LastError(what["error_type"], what["error_at"], self._monotonic())
        self._handlers[handler.name].failed(last, events)
        facts: dict[str, object] = {
            "handler": handler.name,
            "event_name": event.name,
            "message_id": message.message_id,
            "receive_count": message.received.receive_count,
        }
        if events > 1:
            facts["events"] = events
        if asked:
            rejected = outcome.verdict == "reject"
            log_event = log_events.HANDLER_REJECTED if rejected else log_events.HANDLER_RETRY
            _log.warning(log_event, reason=outcome.reason, **facts)
        else:
            _log.warning(log_events.HANDLER_FAILED, **facts, **what, exc_info=error)
        return outcome

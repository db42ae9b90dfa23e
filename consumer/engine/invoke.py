"""Calls what users wrote (handlers, predicates), guarded: what it raises becomes an outcome."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from consumer import log_events
from consumer.engine.forks import ForkGuard
from consumer.errors import BatchFailure, Retry, describe, outcome_of
from consumer.messages import Context, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.clock import Clock
    from consumer.engine.inflight import InFlightMessage
    from consumer.engine.progress import Call, Entry
    from consumer.engine.stats import Stats
    from consumer.handlers.registering.registry import Handler

_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Run:
    """A call that has a timeout and has not returned."""

    handler: str
    messages: Sequence[InFlightMessage]
    deadline: float
    stuck: bool = field(default=False)


class Invoker:
    """Worker threads call `call` and `unwanted`; the housekeeper calls `find_stuck`.

    Args:
        stopping: set once the process drains; handlers see it as `context.should_stop()`.
        default_timeout_seconds: for handlers that name none; None lets them run.
    """

    def __init__(
        self,
        stats: Stats,
        *,
        clock: Clock,
        stopping: threading.Event,
        default_timeout_seconds: float | None = None,
    ) -> None:
        self._stats = stats
        self._clock = clock
        self._stopping = stopping
        self._default_timeout = default_timeout_seconds
        self._forks = ForkGuard()
        self._lock = threading.Lock()
        self._runs: set[Run] = set()

    def call(self, call: Call) -> list[Outcome]:
        """Run the handler, its predicate first; one outcome for each event, by position."""
        handler = call.handler
        if handler.call is not None:
            outcome = self.unwanted(handler, call.entries[0])
            return [outcome or self._call_one(handler, call)]
        run, context = self._context(handler, [e.progress.message for e in call.entries])
        try:
            if handler.call_batch is not None:
                handler.call_batch([entry.event for entry in call.entries], context)
        except BatchFailure as failure:
            self._forks.check(failure)
            return self._failed_in_part(call, failure)
        except BaseException as error:
            self._forks.check(error)
            return self._failed_as_a_whole(call, error)
        else:
            self._forks.check()
            return [Outcome.ack()] * len(call.entries)
        finally:
            self._returned(run)

    def _call_one(self, handler: Handler, call: Call) -> Outcome:
        entry = call.entries[0]
        run, context = self._context(handler, (entry.progress.message,))
        try:
            if handler.call is not None:
                handler.call(entry.event, context)
        except BaseException as error:  # a handler's sys.exit() must not end a thread of ours
            self._forks.check(error)
            return self._failed(handler, entry, error)
        else:
            self._forks.check()
            return Outcome.ack()
        finally:
            self._returned(run)

    def unwanted(self, handler: Handler, entry: Entry) -> Outcome | None:
        """Ask the predicate: None if the handler wants the event, else what that amounts to."""
        if handler.when is None:
            return None
        try:
            wanted = handler.when(entry.event)
            wanted = bool(wanted)
        except BaseException as error:
            self._forks.check(error)
            return self._failed(handler, entry, error)
        self._forks.check()
        return None if wanted else Outcome.declined()

    def find_stuck(self) -> None:
        """Find the calls that ran past their timeout, and log each once.

        Their messages are no longer renewed, so that another consumer gets its chance. When such a
        call returns after all, its result counts.
        """
        now = self._clock.monotonic()
        with self._lock:
            past = [run for run in self._runs if now >= run.deadline]
            late = [run for run in past if not run.stuck]
            for run in past:
                run.stuck = True
                for message in run.messages:  # of the old ones, too: another call may have freed it
                    message.stuck = True
        for run in late:
            self._stats.add("handlers_stuck")
            _log.error(
                log_events.HANDLER_STUCK,
                handler=run.handler,
                messages=len(run.messages),
                hint="it ran past its timeout and has not returned; its thread stays occupied",
            )

    def stuck_runs(self) -> int:
        """How many calls, and so threads, are past their timeout at this moment."""
        with self._lock:
            return sum(run.stuck for run in self._runs)

    def _context(
        self, handler: Handler, messages: Sequence[InFlightMessage]
    ) -> tuple[Run | None, Context]:
        timeout = handler.timeout_seconds or self._default_timeout
        stopping = self._stopping
        run: Run | None = None
        deadline: float | None = None
        should_stop = stopping.is_set
        if timeout is not None:
            clock = self._clock
            deadline = limit = clock.monotonic() + timeout
            run = Run(handler.name, messages, deadline)
            with self._lock:
                self._runs.add(run)

            def should_stop() -> bool:
                return clock.monotonic() >= limit or stopping.is_set()

        return run, Context(
            handler=handler.name,
            message_ids=tuple([message.message_id for message in messages]),
            receive_count=messages[0].received.receive_count,
            deadline=deadline,
            should_stop=should_stop,
            visibility_lost=lambda: any(message.visibility_lost for message in messages),
        )

    def _returned(self, run: Run | None) -> None:
        if run is None:
            return
        with self._lock:
            self._runs.discard(run)
        if run.stuck:
            for message in run.messages:
                message.stuck = False
            messages = len(run.messages)
            _log.warning(log_events.HANDLER_UNSTUCK, handler=run.handler, messages=messages)

    def _failed_in_part(self, call: Call, failure: BatchFailure) -> list[Outcome]:
        failures: object = failure.failures
        events = {entry.event for entry in call.entries}
        # A subclass may have put anything there.
        known = isinstance(failures, Mapping) and not failures.keys() - events
        if not known or not failures:
            # It does not say which of these events failed: then none can be taken as handled.
            return self._failed_as_a_whole(call, failure)
        outcomes = []
        for entry in call.entries:
            if entry.event not in failure.failures:
                outcomes.append(Outcome.ack())
                continue
            error: object = failure.failures[entry.event]
            if not isinstance(error, BaseException):
                error = TypeError("the failures of a BatchFailure must be exceptions")
            outcomes.append(self._failed(call.handler, entry, error))
        return outcomes

    def _failed_as_a_whole(self, call: Call, error: BaseException) -> list[Outcome]:
        size = len(call.entries)
        return [self._failed(call.handler, call.entries[0], error, events=size)] * size

    @staticmethod
    def _failed(
        handler: Handler, entry: Entry, error: BaseException, *, events: int = 1
    ) -> Outcome:
        outcome = outcome_of(error)
        received = entry.progress.message.received
        facts = {
            "handler": handler.name,
            "event_name": entry.event.name,
            "message_id": received.message_id,
            "receive_count": received.receive_count,
        }
        if events > 1:
            facts["events"] = events
        if outcome.verdict == "reject":
            _log.warning(log_events.HANDLER_REJECTED, reason=outcome.reason, **facts)
        elif isinstance(error, Retry):
            _log.warning(log_events.HANDLER_RETRY, reason=outcome.reason, **facts)
        else:
            _log.warning(log_events.HANDLER_FAILED, **facts, **describe(error), exc_info=error)
        return outcome

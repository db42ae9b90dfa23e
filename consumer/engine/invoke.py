"""Calls what others wrote (handlers, predicates), guarded: what it raises becomes an outcome."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from consumer import log_events
from consumer.errors import BatchFailure, Retry, describe, outcome_of
from consumer.messages import Context, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.clock import Clock
    from consumer.engine.inflight import Slot
    from consumer.engine.stats import Stats
    from consumer.handlers.registering.registry import Handler
    from consumer.messages import Event

_log = structlog.get_logger(__name__)

#: Until a few calls have shown otherwise, handlers count as slow: then they get company.
UNKNOWN_SECONDS = 0.01


@dataclass(slots=True, eq=False)
class Run:
    """A call that has a timeout and has not returned."""

    handler: str
    slots: Sequence[Slot]
    deadline: float
    stuck: bool = field(default=False)


class Invoker:
    """Worker threads call `call`, `call_batch` and `wanted`; a housekeeper calls `find_stuck`.

    Args:
        stopping: True once the process drains; handlers see it as `context.should_stop()`.
        default_timeout_seconds: for handlers that name none; None lets them run.
    """

    def __init__(
        self,
        stats: Stats,
        *,
        clock: Clock,
        stopping: Callable[[], bool],
        default_timeout_seconds: float | None = None,
    ) -> None:
        self._stats = stats
        self._clock = clock
        self._stopping = stopping
        self._default_timeout = default_timeout_seconds
        self._lock = threading.Lock()
        self._runs: set[Run] = set()
        #: How long a per-event handler takes of late, in seconds (a moving average).
        self.handler_seconds = UNKNOWN_SECONDS

    def call(self, handler: Handler, event: Event, slot: Slot) -> Outcome:
        """Run a per-event handler, its predicate first."""
        if handler.when is not None:
            decided = self.wanted(handler, event, slot)
            if decided is not None:
                return decided
        started = self._clock.monotonic()
        run, context = self._context(handler, (slot,), started)
        try:
            if handler.call is None:
                return Outcome.ack()
            handler.call(event, context)
        except BaseException as error:  # a handler's sys.exit() shall not end a thread of ours
            return self._failed(handler, event, slot, error)
        else:
            return Outcome.ack()
        finally:
            if run is not None:
                self._returned(run)
            self.handler_seconds += (self._clock.monotonic() - started - self.handler_seconds) / 16

    def call_batch(self, handler: Handler, events: list[Event], slots: list[Slot]) -> list[Outcome]:
        """Run a batch handler; one outcome for each event, by position."""
        run, context = self._context(handler, slots, self._clock.monotonic())
        try:
            if handler.call_batch is not None:
                handler.call_batch(events, context)
        except BatchFailure as failure:
            return self._failed_in_part(handler, events, slots, failure)
        except BaseException as error:
            outcome = self._failed(handler, events[0], slots[0], error, events=len(events))
            return [outcome] * len(events)
        else:
            return [Outcome.ack()] * len(events)
        finally:
            if run is not None:
                self._returned(run)

    def wanted(self, handler: Handler, event: Event, slot: Slot) -> Outcome | None:
        """Ask the predicate: None if the handler wants the event, else what that amounts to."""
        if handler.call_batch is not None:
            self.handler_seconds *= 15 / 16  # it is only put into its batch: that takes no time
        if handler.when is None:
            return None
        try:
            return None if handler.when(event) else Outcome.ack()
        except BaseException as error:
            return self._failed(handler, event, slot, error)

    def find_stuck(self) -> None:
        """Tell which calls ran past their timeout.

        Their messages are no longer renewed, so that another consumer gets its chance. When such a
        call returns after all, its result counts.
        """
        now = self._clock.monotonic()
        with self._lock:
            past = [run for run in self._runs if now >= run.deadline]
            late = [run for run in past if not run.stuck]
            for run in past:
                run.stuck = True
                for slot in run.slots:  # of the old ones, too: another call may have freed it
                    slot.stuck = True
        for run in late:
            self._stats.add("handlers_stuck")
            _log.error(
                log_events.HANDLER_STUCK,
                handler=run.handler,
                messages=len(run.slots),
                hint="it ran past its timeout and has not returned; its thread stays occupied",
            )

    def stuck_runs(self) -> int:
        """How many calls, and so threads, are past their timeout at this moment."""
        with self._lock:
            return sum(run.stuck for run in self._runs)

    def _context(
        self, handler: Handler, slots: Sequence[Slot], started: float
    ) -> tuple[Run | None, Context]:
        timeout = handler.timeout_seconds or self._default_timeout
        stopping = self._stopping
        first = slots[0]
        run: Run | None = None
        deadline: float | None = None
        should_stop = stopping
        if timeout is not None:
            deadline = limit = started + timeout
            clock = self._clock
            run = Run(handler.name, slots, deadline)
            with self._lock:
                self._runs.add(run)

            def should_stop() -> bool:
                return clock.monotonic() >= limit or stopping()

        return run, Context(
            handler=handler.name,
            message_ids=tuple([slot.message.message_id for slot in slots]),
            receive_count=first.message.receive_count,
            deadline=deadline,
            should_stop=should_stop,
            visibility_lost=lambda: any(slot.visibility_lost for slot in slots),
        )

    def _returned(self, run: Run) -> None:
        with self._lock:
            self._runs.discard(run)
        if run.stuck:
            for slot in run.slots:
                slot.stuck = False
            _log.warning(log_events.HANDLER_UNSTUCK, handler=run.handler, messages=len(run.slots))

    def _failed_in_part(
        self, handler: Handler, events: list[Event], slots: list[Slot], failure: BatchFailure
    ) -> list[Outcome]:
        failures: object = failure.failures
        # A subclass may have put anything there.
        known = isinstance(failures, Mapping) and not failures.keys() - set(events)
        if not known or not failures:
            # It does not say which of these events failed: then none can be taken as handled.
            outcome = self._failed(handler, events[0], slots[0], failure, events=len(events))
            return [outcome] * len(events)
        outcomes = []
        for event, slot in zip(events, slots, strict=True):
            if event not in failure.failures:
                outcomes.append(Outcome.ack())
                continue
            error: object = failure.failures[event]
            if not isinstance(error, BaseException):
                error = TypeError("the failures of a BatchFailure must be exceptions")
            outcomes.append(self._failed(handler, event, slot, error))
        return outcomes

    @staticmethod
    def _failed(
        handler: Handler, event: Event, slot: Slot, error: BaseException, *, events: int = 1
    ) -> Outcome:
        outcome = outcome_of(error)
        facts = {
            "handler": handler.name,
            "event_name": event.name,
            "message_id": slot.message.message_id,
            "receive_count": slot.message.receive_count,
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

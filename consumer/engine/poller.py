"""Receives messages: at most what there is room for, with backoff over failures."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from consumer import log_events
from consumer.errors import TransportError
from consumer.retry import RetryPolicy
from consumer.sqs_limits import MAX_BATCH

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from consumer.clock import Clock
    from consumer.engine.inflight import InFlight, Slot
    from consumer.engine.stats import Stats
    from consumer.messages import ReceivedMessage
    from consumer.queues.transport import Transport

_log = structlog.get_logger(__name__)
_debug = logging.getLogger(__name__)

#: The first receive is short, so that "ready" does not wait for a whole long poll.
FIRST_WAIT_SECONDS = 1
RECEIVE_BACKOFF = RetryPolicy(base_seconds=1.0, max_seconds=60.0)


@dataclass(frozen=True, slots=True)
class Poll:
    """What one receive brought."""

    slots: list[Slot] = field(default_factory=list)
    asked: int = 0
    received: int = 0
    #: Seconds to wait before the next receive: 0 unless it failed.
    pause_seconds: float = 0.0
    #: True if the queue stayed empty for a whole long poll.
    empty: bool = False
    #: How long the receive took.
    seconds: float = 0.0

    @property
    def full(self) -> bool:
        """True if there is probably more where this came from."""
        return self.received == MAX_BATCH


class Poller:
    """One per process; several threads may be inside `poll_once` at the same time."""

    def __init__(
        self,
        transport: Transport,
        in_flight: InFlight,
        stats: Stats,
        *,
        clock: Clock,
        rng: random.Random,
        wait_time_seconds: int,
        visibility_timeout_seconds: int,
        max_messages: int | None = None,
        fatal_grace_seconds: float = 60.0,
        of_use: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._transport = transport
        self._in_flight = in_flight
        self._stats = stats
        self._clock = clock
        self._rng = rng
        #: How many messages anybody could do something with now; None for any number.
        self._of_use = of_use
        self._wait = wait_time_seconds
        self._visibility = visibility_timeout_seconds
        self._fatal_grace = fatal_grace_seconds
        self._lock = threading.Lock()
        #: How many messages may still be asked for; None without a limit.
        self._budget = max_messages
        self._pending = 0
        self._failures = 0
        self._refused_since: float | None = None
        self._failed_at = float("-inf")
        self._open: dict[object, float] = {}
        #: True once a receive succeeded, empty or not.
        self.succeeded = False
        #: `Clock.monotonic()` of the last receive that returned, with whatever result.
        self.last_return = clock.monotonic()
        #: `Clock.monotonic()` at which there last was no room, or no need, for another message.
        self.last_blocked = self.last_return
        self.last_error_code = ""

    @property
    def exhausted(self) -> bool:
        """True once as many messages were received as the process was asked to take."""
        with self._lock:
            return self._budget == 0 and self._pending == 0

    def may_poll(self) -> bool:
        """True if a receive would ask for at least one message."""
        if self._budget != 0 and self._of_use() != 0 and self._in_flight.has_room():
            return True
        self.last_blocked = self._clock.monotonic()
        return False

    def poll_once(self) -> Poll:
        """Receive once. Raises the fatal `TransportError` that waiting did not mend, else none."""
        asked = self._reserve()
        if asked == 0:
            return Poll()
        wait = self._wait if self.succeeded else min(FIRST_WAIT_SECONDS, self._wait)
        poll = object()
        self._open[poll] = began = self._clock.monotonic()
        messages: list[ReceivedMessage] = []
        slots: list[Slot] = []
        pause = 0.0
        try:
            messages = self._transport.receive(
                max_messages=asked,
                wait_seconds=wait,
                visibility_timeout_seconds=self._visibility,
            )
            self._note_success(messages)
        except TransportError as error:
            pause = self._note_failure(error, began)
        finally:
            # Whatever happened, the reservation ends here: what came is held, the rest is free.
            slots = self._admit(asked, messages)
            del self._open[poll]
        empty = pause == 0.0 and not messages and wait == self._wait
        return Poll(slots, asked, len(messages), pause, empty, self.last_return - began)

    def oldest_open(self, now: float) -> float:
        """`Clock.monotonic()` at which the oldest receive under way began; `now` if none is."""
        return min([*self._open.copy().values(), now])

    def _reserve(self) -> int:
        with self._lock:
            limits = (MAX_BATCH, self._budget, self._of_use())
            wanted = min(limit for limit in limits if limit is not None)
            asked = self._in_flight.reserve(wanted) if wanted else 0
            if self._budget is not None:
                self._budget -= asked
                self._pending += asked
            return asked

    def _admit(self, asked: int, messages: list[ReceivedMessage]) -> list[Slot]:
        now = self.last_return = self._clock.monotonic()
        slots, again = self._in_flight.admit(asked, messages, visible_at=now + self._visibility)
        if self._budget is not None:
            with self._lock:
                self._budget += asked - len(messages)
                self._pending -= asked
        if _debug.isEnabledFor(logging.DEBUG):  # asked once for all: the way is hot
            for slot in slots:
                _log.debug(
                    log_events.MESSAGE_RECEIVED,
                    message_id=slot.message.message_id,
                    receive_count=slot.message.receive_count,
                )
        if again:
            self._stats.add("duplicates", len(again))
            for slot in again:
                _log.warning(
                    log_events.DUPLICATE_RECEIVED,
                    message_id=slot.message.message_id,
                    hint="it came again while in flight here: its visibility had run out",
                )
        return slots

    def _note_success(self, messages: list[ReceivedMessage]) -> None:
        if self._failures:
            with self._lock:
                failures, self._failures = self._failures, 0
                self._refused_since = None
            self.last_error_code = ""
            _log.info(log_events.RECEIVE_RECOVERED, failures=failures)
        self.succeeded = True
        self._stats.add("receives")
        if not messages:
            self._stats.add("empty_receives")
            return
        self._stats.add("received", len(messages))
        again = sum(message.receive_count > 1 for message in messages)
        if again:
            self._stats.add("redelivered", again)
        sent_at = messages[0].sent_at
        if sent_at is not None:
            self._stats.lag_seconds = max(0.0, (self._clock.now() - sent_at).total_seconds())

    def _note_failure(self, error: TransportError, began: float) -> float:
        """Count it, tell it, and say how long to pause; raise what is fatal for good."""
        now = self._clock.monotonic()
        with self._lock:
            # Receives that were under way together fail together: one failure, one backoff.
            if began >= self._failed_at:
                self._failures += 1
            self._failed_at = now
            if not error.fatal:
                self._refused_since = None
            elif self._refused_since is None:
                self._refused_since = now
            refused_since = self._refused_since
            pause = RECEIVE_BACKOFF.equal_jitter(self._failures, self._rng)
        self._stats.add("receive_failures")
        self.last_error_code = error.code
        # A policy that is being edited or a queue that is being moved denies for moments; before
        # the first success there is nothing to wait for.
        if refused_since is not None:
            lasting = now - refused_since >= self._fatal_grace
            if lasting or not self.succeeded:
                raise error
        _log.warning(
            log_events.RECEIVE_FAILED,
            code=error.code,
            reason=str(error),
            failures=self._failures,
            next_attempt_seconds=round(pause, 1),
        )
        return pause

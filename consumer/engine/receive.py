"""Receives messages: at most what there is room for, with backoff over failures."""

import logging
import random
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.engine.inflight import InFlight, InFlightMessage
from consumer.engine.stats import Stats
from consumer.errors import TransportError
from consumer.messages import ReceivedMessage
from consumer.queues.transport import Transport
from consumer.retry import RetryPolicy
from consumer.sqs_limits import MAX_BATCH

_log = structlog.get_logger(__name__)
_debug = logging.getLogger(__name__)

#: The first receive is short, so that "ready" does not wait for a whole long poll.
FIRST_WAIT_SECONDS = 1
#: Without a long poll, an empty receive returns at once: how long until the next one.
EMPTY_SECONDS = 1.0
RECEIVE_BACKOFF = RetryPolicy(base_seconds=1.0, max_seconds=60.0)


@dataclass(frozen=True, slots=True)
class ReceiveOptions:
    """How the daemon receives.

    Args:
        wait_seconds: of a long poll, 0 to 20.
        visibility_seconds: sent with each receive.
        most: how many messages to receive in total; None without a limit.
        until_empty: receive until a whole long poll has brought nothing new.
        fatal_grace_seconds: how long receives that worked before must be refused to end the daemon.
    """

    wait_seconds: int
    visibility_seconds: int
    most: int | None = None
    until_empty: bool = False
    fatal_grace_seconds: float = 60.0


class Received(NamedTuple):
    """The result of one receive."""

    messages: int = 0
    #: Seconds to wait before the next receive: 0 unless it failed, or was empty and no long poll.
    pause_seconds: float = 0.0
    #: How long it took.
    seconds: float = 0.0

    @property
    def full(self) -> bool:
        """True if there are probably more messages in the queue."""
        return self.messages == MAX_BATCH


class Receiver:
    """One per process. Any thread may call any method; only `receive` blocks, for a long poll."""

    def __init__(
        self,
        transport: Transport,
        in_flight: InFlight,
        stats: Stats,
        options: ReceiveOptions,
        *,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._transport = transport
        self._in_flight = in_flight
        self._stats = stats
        self._options = options
        self._clock = clock
        self._rng = rng
        self._lock = threading.Lock()
        #: How many messages may still be asked for; None without a limit.
        self._budget = options.most
        self._pending = 0
        self._failures = 0
        self._refused_since: float | None = None
        self._failed_at = float("-inf")
        self._open: dict[object, float] = {}
        self._received: deque[InFlightMessage] = deque()
        #: With `until_empty`: why this process has put messages back, by message id; other parts
        #: write it.
        self.put_back: dict[str, str] | None = {} if options.until_empty else None
        #: Since when only such messages came and no receive failed; None: not yet.
        self._quiet_since: float | None = None
        #: With `until_empty`: True once the queue has nothing new; then nothing is received.
        self.emptied = False
        #: True once a receive succeeded, empty or not.
        self.succeeded = False
        #: `Clock.monotonic()` of the last receive that returned or failed.
        self.last_return = clock.monotonic()
        #: `Clock.monotonic()` at which there last was no room, or no need, for another message.
        self.last_blocked = self.last_return
        self.last_error_code = ""
        #: `Clock.monotonic()` since when every receive has failed; None: the last one did not.
        self.failing_since: float | None = None

    @property
    def exhausted(self) -> bool:
        """True once `most` messages were received."""
        with self._lock:
            return self._budget == 0 and self._pending == 0

    def may_receive(self, wanted: int | None) -> bool:
        """True if a receive would ask for at least one message, of `wanted` at most."""
        if self.emptied or self._budget == 0:
            return False
        if wanted != 0 and self._in_flight.has_room():
            return True
        self.last_blocked = self._clock.monotonic()
        return False

    def has_room(self) -> bool:
        """True unless capacity is what keeps a message from being received."""
        return self._in_flight.has_room()

    def queued(self) -> int:
        """How many messages were received and not taken yet."""
        return len(self._received)

    def take(self) -> InFlightMessage | None:
        """The next message that was received."""
        try:
            return self._received.popleft()
        except IndexError:
            return None

    def take_back(self) -> list[InFlightMessage]:
        """All messages that were received and not taken, to be given back."""
        return list(iter(self.take, None))

    def receive(self, wanted: int | None = None) -> Received:
        """Receive once; the messages wait for `take`. Raises errors that are fatal for good."""
        asked = self._reserve(wanted)
        if asked == 0:
            return Received()
        options = self._options
        wait = options.wait_seconds
        poll = object()
        self._open[poll] = began = self._clock.monotonic()
        messages: list[ReceivedMessage] = []
        pause = 0.0
        try:
            messages = self._transport.receive(
                max_messages=asked,
                wait_seconds=wait if self.succeeded else min(FIRST_WAIT_SECONDS, wait),
                visibility_timeout_seconds=options.visibility_seconds,
            )
            self._note_success(messages)
        except TransportError as error:
            pause = self._note_failure(error, began)
        finally:
            # Whatever happened, the reservation ends here: what came is held, the rest is free.
            self._admit(asked, messages)
            del self._open[poll]
        if self.put_back is not None and not pause:
            self.emptied = self._is_emptied(self.put_back, messages, began)
        seconds = self.last_return - began
        if not (messages or pause or wait):
            pause = EMPTY_SECONDS
        return Received(len(messages), pause, seconds)

    def _is_emptied(
        self, put_back: Mapping[str, str], messages: list[ReceivedMessage], began: float
    ) -> bool:
        """True if nothing new came for a whole long poll, and nothing new is in flight.

        A message that this process has put back is not new: one that always fails must not keep
        the process running.
        """
        now = self._clock.monotonic()
        if any(message.message_id not in put_back for message in messages):
            self._quiet_since = now
        elif self._quiet_since is None:
            self._quiet_since = began
        # SQS may answer a moment before the long poll is over.
        if now - self._quiet_since < self._options.wait_seconds - 0.5:
            return False
        return all(m.message_id in put_back for m in self._in_flight.snapshot())

    def oldest_open(self, now: float) -> float:
        """`Clock.monotonic()` at which the oldest receive under way began; `now` if none is."""
        return min([*self._open.copy().values(), now])

    def open(self) -> int:
        """How many receives are under way."""
        return len(self._open)

    def _reserve(self, wanted: int | None) -> int:
        with self._lock:
            limits = (MAX_BATCH, self._budget, wanted)
            most = min(limit for limit in limits if limit is not None)
            asked = self._in_flight.reserve(most) if most else 0
            if self._budget is not None:
                self._budget -= asked
                self._pending += asked
            return asked

    def _admit(self, asked: int, messages: list[ReceivedMessage]) -> None:
        now = self.last_return = self._clock.monotonic()
        visible_at = now + self._options.visibility_seconds
        new, again = self._in_flight.admit(asked, messages, visible_at=visible_at)
        self._received.extend(new)
        if self._budget is not None:
            with self._lock:
                self._budget += asked - len(messages)
                self._pending -= asked
        if _debug.isEnabledFor(logging.DEBUG):  # checked once: it takes time
            for message in new:
                _log.debug(
                    log_events.MESSAGE_RECEIVED,
                    message_id=message.message_id,
                    receive_count=message.received.receive_count,
                )
        if again:
            self._stats.add("duplicates", len(again))
            for message in again:
                _log.warning(
                    log_events.DUPLICATE_RECEIVED,
                    message_id=message.message_id,
                    hint="it came again while in flight here: its visibility had run out",
                )

    def _note_success(self, messages: list[ReceivedMessage]) -> None:
        if self._failures:
            with self._lock:
                failures, self._failures = self._failures, 0
                self._refused_since = None
            self.last_error_code = ""
            self.failing_since = None
            _log.info(log_events.RECEIVE_RECOVERED, failures=failures)
        self.succeeded = True
        self._stats.add("receives")
        if not messages:
            self._stats.add("empty_receives")
            return
        self._stats.add("received", len(messages))
        if again := sum([message.receive_count > 1 for message in messages]):
            self._stats.add("redelivered", again)
        sent_at = messages[0].sent_at
        if sent_at is not None:
            self._stats.lag_seconds = max(0.0, (self._clock.now() - sent_at).total_seconds())

    def _note_failure(self, error: TransportError, began: float) -> float:
        """Count and log a failure; returns how long to pause. Raises what is fatal for good."""
        now = self._clock.monotonic()
        with self._lock:
            # Receives that were open together fail together: they count as one failure.
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
        if self.failing_since is None:
            self.failing_since = began
        self._quiet_since = None
        # A policy that is being edited denies for moments; before the first success there is
        # nothing to wait for.
        if refused_since is not None:
            lasting = now - refused_since >= self._options.fatal_grace_seconds
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

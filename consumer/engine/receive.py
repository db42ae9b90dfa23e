"""Receives messages: at most what there is room for, with backoff over failures."""

import logging
import random
import threading
from collections import deque
from typing import NamedTuple

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.config import Settings
from consumer.engine.inflight import InFlight, InFlightMessage
from consumer.engine.receive_failures import ReceiveFailures
from consumer.engine.run_options import RunOptions
from consumer.engine.stats import Stats
from consumer.engine.until_empty import UntilEmpty
from consumer.errors import TransportError
from consumer.messages import ReceivedMessage
from consumer.queues.transport import Transport
from consumer.sqs_limits import MAX_BATCH

_log = structlog.get_logger(__name__)
_debug = logging.getLogger(__name__)

#: The first receive is short, so that "ready" does not wait for a whole long poll.
FIRST_WAIT_SECONDS = 1
#: Without a long poll, an empty receive returns at once: how long until the next one.
EMPTY_SECONDS = 1.0


class Received(NamedTuple):
    """The result of one receive."""

    messages: int = 0
    #: Seconds to wait before the next receive: 0 unless it failed, or was empty and no long poll.
    pause_seconds: float = 0.0
    #: How long it took.
    seconds: float = 0.0


class Receiver:
    """One per process. Any thread may call any method; only `receive` blocks, for a long poll."""

    def __init__(
        self,
        transport: Transport,
        in_flight: InFlight,
        stats: Stats,
        settings: Settings,
        options: RunOptions,
        *,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._transport = transport
        self.in_flight = in_flight
        self._stats = stats
        self._wait = settings.queue.wait_time_seconds
        self._visibility = options.visibility_timeout_seconds
        self._clock = clock
        self._lock = threading.Lock()
        #: How many messages may still be asked for; None without a limit.
        self._budget = options.max_messages
        self._pending = 0
        self.failures = ReceiveFailures(
            clock=clock, rng=rng, grace_seconds=settings.engine.fatal_grace_seconds
        )
        #: `Clock.monotonic()` at which each receive that is under way began.
        self.open: list[float] = []
        #: Messages that nothing has taken yet.
        self.received: deque[InFlightMessage] = deque()
        until_empty = UntilEmpty(in_flight, clock=clock, wait_seconds=self._wait)
        self._until_empty = until_empty if options.until_empty else None
        #: With `until_empty`: True once the queue has nothing new; then nothing is received.
        self.emptied = False
        #: True while an operator wants nothing to be received.
        self.paused = False
        #: True once a receive succeeded, empty or not; also one of the engine before this one.
        self.succeeded = stats["receives"] > 0
        #: `Clock.monotonic()` of the last receive that returned or failed.
        self.last_return = clock.monotonic()
        #: `Clock.monotonic()` at which there last was no room, or no need, for another message.
        self.last_blocked = self.last_return

    @property
    def put_back(self) -> dict[str, str] | None:
        """With `until_empty`: why other parts have put messages back, by message id."""
        return None if self._until_empty is None else self._until_empty.put_back

    @property
    def exhausted(self) -> bool:
        """True once `most` messages were received."""
        with self._lock:
            return self._budget == 0 and self._pending == 0

    def pause(self, *, paused: bool) -> None:
        """Begin no receive any more, or receive again; open ones may finish."""
        with self._lock:
            self.paused = paused
            self.last_blocked = self._clock.monotonic()
        self.failures.forget_times()
        if self._until_empty is not None:
            self._until_empty.begin_again()

    def may_receive(self, wanted: int | None) -> bool:
        """True if a receive would ask for at least one message, of `wanted` at most."""
        if self.emptied or self._budget == 0:
            return False
        if wanted != 0 and self.has_room():
            return True
        self.last_blocked = self._clock.monotonic()
        return False

    def has_room(self) -> bool:
        """True if there is room for what receives bring, and they are not paused."""
        return not self.paused and self.in_flight.has_room()

    def take(self) -> InFlightMessage | None:
        """The next message that was received."""
        try:
            return self.received.popleft()
        except IndexError:
            return None

    def take_back(self) -> list[InFlightMessage]:
        """All messages that were received and not taken, to be returned."""
        return list(iter(self.take, None))

    def receive(self, wanted: int | None = None) -> Received:
        """Receive once; the messages wait for `take`. Raises errors that are fatal for good."""
        asked, began = self._reserve(wanted)
        if asked == 0:
            return Received()
        messages: list[ReceivedMessage] = []
        hidden = max(self._visibility, self.in_flight.least_visibility_seconds)
        pause = 0.0
        try:
            messages = self._transport.receive(
                max_messages=asked,
                wait_seconds=self._wait if self.succeeded else min(FIRST_WAIT_SECONDS, self._wait),
                visibility_timeout_seconds=hidden,
            )
            self._note_success(messages)
        except TransportError as error:
            self._stats.add("receive_failures")
            pause = self.failures.note(error, began, worked=self.succeeded)
        finally:
            # Whatever happened, the reservation ends here: what came is held, the rest is free.
            self._admit(asked, messages, hidden)
            self.open.remove(began)
        if self._until_empty is not None:
            self.emptied = self._until_empty.is_empty(messages, began, failed=pause > 0)
        if not (messages or pause or self._wait):
            pause = EMPTY_SECONDS
        return Received(len(messages), pause, self.last_return - began)

    def _reserve(self, wanted: int | None) -> tuple[int, float]:
        with self._lock:
            began = self._clock.monotonic()
            limits = (MAX_BATCH, self._budget, wanted)
            most = 0 if self.paused else min(limit for limit in limits if limit is not None)
            asked = self.in_flight.reserve(most) if most else 0
            if asked:  # under the lock: once `pause` has returned, each receive is in `open`
                self.open.append(began)
            if self._budget is not None:
                self._budget -= asked
                self._pending += asked
            return asked, began

    def _admit(self, asked: int, messages: list[ReceivedMessage], hidden: int) -> None:
        now = self.last_return = self._clock.monotonic()
        new, again = self.in_flight.admit(asked, messages, visible_at=now + hidden)
        self.received.extend(new)
        if self._budget is not None:
            with self._lock:
                self._budget += asked - len(messages)
                self._pending -= asked
        if _debug.isEnabledFor(logging.DEBUG):  # checked once: it takes time
            for message in new:
                count = message.received.receive_count
                facts = {"message_id": message.message_id, "receive_count": count}
                _log.debug(log_events.MESSAGE_RECEIVED, **facts)
        if again:
            self._stats.add("duplicates", len(again))
            for message in again:
                _log.warning(
                    log_events.DUPLICATE_RECEIVED,
                    message_id=message.message_id,
                    hint="it came again while in flight here: its visibility timeout had expired",
                )

    def _note_success(self, messages: list[ReceivedMessage]) -> None:
        self.failures.end()
        self.succeeded = True
        self._stats.received(messages, self._clock.now(), self._clock.monotonic())

"""Extends the visibility timeout of everything in flight, from receive until it is settled."""

import math

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.engine.inflight import InFlight, InFlightMessage
from consumer.engine.stats import Stats
from consumer.errors import TransportError
from consumer.queues.transport import Transport
from consumer.sqs_limits import MAX_BATCH, MAX_VISIBILITY_SECONDS

_log = structlog.get_logger(__name__)

#: SQS refuses a visibility timeout that ends more than 12 h after the receive. Stay clear of that.
MAX_AGE_SECONDS = MAX_VISIBILITY_SECONDS - 300
#: How long one call takes, until that is known.
CALL_SECONDS = 0.1
#: With many messages in flight, each is hidden for so many times as long as it takes to renew all:
#: half of that is for the rest of a round that is under way, and for the next one.
ROUNDS = 4.0
#: But for so long at most: if the process is killed, they come again that late.
LONGEST_SECONDS = 300.0


class Heartbeat:
    """Renews at half-life, in batches. One thread calls `tick`, about once a second.

    If that could not be in time, because thousands are in flight or calls take long, it extends
    the visibility timeout to more.
    """

    def __init__(
        self,
        transport: Transport,
        in_flight: InFlight,
        stats: Stats,
        *,
        clock: Clock,
        visibility_timeout_seconds: int,
    ) -> None:
        self._transport = transport
        self._in_flight = in_flight
        self._stats = stats
        self._clock = clock
        self._timeout = visibility_timeout_seconds
        #: How long a call takes, on average of the last ticks.
        self._call_seconds = CALL_SECONDS
        #: `Clock.monotonic()` of the last sign of life, for the watchdog.
        self.progress = clock.monotonic()

    @property
    def interval_seconds(self) -> float:
        """How long to wait between ticks: several fit into half a visibility timeout."""
        return min(1.0, self._timeout / 8.0)

    def tick(self) -> None:
        """Renew whatever has used up half of its visibility timeout, first what runs out first."""
        self.progress = now = self._clock.monotonic()
        before = self._enough() / 2.0
        due = [m for m in self._in_flight.snapshot() if self._is_due(m, now, before)]
        if not due:
            return
        due.sort(key=lambda message: message.visible_at)
        batches = [due[start : start + MAX_BATCH] for start in range(0, len(due), MAX_BATCH)]
        for batch in batches:
            messages = self._in_flight.begin_renewal(batch)
            try:
                if messages:
                    self._renew(messages, self._enough())
            finally:
                for message in messages:
                    message.renewing = False
            self.progress = self._clock.monotonic()
        self._call_seconds = (self._call_seconds + (self.progress - now) / len(batches)) / 2.0

    def _enough(self) -> int:
        """The visibility timeout with which all that is held now can be renewed in time."""
        round_seconds = math.ceil(len(self._in_flight) / MAX_BATCH) * self._call_seconds
        least = math.ceil(min(ROUNDS * round_seconds, LONGEST_SECONDS))
        self._in_flight.least_visibility_seconds = least
        return max(self._timeout, least)

    def _is_due(self, message: InFlightMessage, now: float, before: float) -> bool:
        if message.visibility_lost:
            return False
        if now >= message.visible_at:
            self._lose(message, "ran out")
            return False
        if message.stuck or now - message.received_at >= MAX_AGE_SECONDS:
            return False  # let it run out, so that another consumer gets its chance
        return message.visible_at - now <= before

    def _renew(self, messages: list[InFlightMessage], seconds: int) -> None:
        # Counted from before the call: SQS may have counted from then on.
        now = self._clock.monotonic()
        changes = [
            (message.receipt_handle, accepted_seconds(seconds, now - message.received_at))
            for message in messages
        ]
        try:
            answers = self._transport.change_visibility(changes)
        except TransportError as error:
            # Due again at the next tick; several fit in before the visibility runs out.
            _log.warning(log_events.VISIBILITY_FAILED, code=error.code, messages=len(messages))
            return
        for message, (handle, hidden), failure in zip(messages, changes, answers, strict=True):
            if message.receipt_handle is not handle:
                continue  # received again meanwhile: that delivery has a visibility of its own
            if failure is None:
                message.visible_at = now + hidden
                self._stats.add("extended")
            elif failure.gone and self._in_flight.holds(message):
                self._lose(message, failure.code)
            # Else it was settled meanwhile, or is due again at the next tick.

    def _lose(self, message: InFlightMessage, reason: str) -> None:
        """Not a failure: the handler's context reports it, and its success still counts."""
        if message.deleting:
            return  # a delete was sent, so it is expected that SQS no longer knows it
        message.visibility_lost = True
        self._stats.add("visibility_lost")
        _log.warning(log_events.VISIBILITY_LOST, message_id=message.message_id, reason=reason)


def accepted_seconds(wanted: float, age_seconds: float) -> int:
    """The visibility timeout that SQS accepts for a message received so long ago; 0 stays 0."""
    accepted = max(1, min(math.ceil(wanted), math.floor(MAX_AGE_SECONDS - age_seconds)))
    return accepted if wanted else 0

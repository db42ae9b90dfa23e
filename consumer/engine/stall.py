"""Detects a queue that holds messages but returns none: SQS then answers with empty receives."""

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.engine.stats import Stats
from consumer.errors import TransportError
from consumer.queues.transport import Transport
from consumer.sqs_limits import IN_FLIGHT_LIMIT

_log = structlog.get_logger(__name__)

#: How often to ask a queue without messages how many it holds. Rarely: each request is paid for.
LOOK_SECONDS = 600.0
#: A little below the limit: SQS's counts are approximate.
_NEARLY_ALL_IN_FLIGHT = IN_FLIGHT_LIMIT - 2_000


class StallDetector:
    """One thread at a time calls `look` when `is_due`.

    A queue is stalled if it has visible messages at two looks in a row, and all receives before
    each, at least one, came back empty. That is logged and counted, and has no other effect.
    """

    def __init__(self, transport: Transport, stats: Stats, *, clock: Clock) -> None:
        self._transport = transport
        self._stats = stats
        self._clock = clock
        self._due = clock.monotonic() + LOOK_SECONDS
        self._received = self._empty = 0
        self._suspicious = self._paused = False
        #: True while the queue holds messages and returns none.
        self.stalled = False

    def pause(self, *, paused: bool) -> None:
        """While nothing is received on purpose, do not look; then begin again."""
        self._paused = paused
        self._suspicious = False
        self._due = self._clock.monotonic() + LOOK_SECONDS

    def is_due(self) -> bool:
        """True if it is time for a look, and nothing was received since the last one."""
        received = self._stats["received"]
        if received != self._received:
            self._received = received
            self._suspicious = False
            self._due = self._clock.monotonic() + LOOK_SECONDS
            if self.stalled:
                self.stalled = False
                _log.info(log_events.QUEUE_UNSTALLED)
        return not self._paused and self._clock.monotonic() >= self._due

    def look(self) -> None:
        """Ask the queue; again later if that fails or is not permitted."""
        self._due = self._clock.monotonic() + LOOK_SECONDS
        try:
            attributes = self._transport.attributes()
        except TransportError:
            return  # the receives log an outage, and the permission is optional
        # Without room, or while handlers are paused, nothing is received.
        none_made = self._stats["empty_receives"] == self._empty
        self._empty = self._stats["empty_receives"]
        if (
            not attributes.visible_messages
            or none_made
            or self._stats["received"] != self._received
        ):
            self._suspicious = self.stalled = False
        elif not self._suspicious:
            self._suspicious = True
        elif not self.stalled:
            self.stalled = True
            self._stats.add("stalls")
            in_flight = attributes.in_flight_messages or 0
            hint = "is there another consumer that receives and releases them?"
            if in_flight >= _NEARLY_ALL_IN_FLIGHT:
                limit = f"about {IN_FLIGHT_LIMIT:,} messages are in flight"
                hint = f"{limit}: SQS returns no more until some are settled"
            facts = {"visible": attributes.visible_messages, "in_flight": in_flight}
            _log.error(log_events.QUEUE_STALLED, **facts, hint=hint)

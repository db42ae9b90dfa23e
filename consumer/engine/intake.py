"""From a message to its events: decoding, what is odd about them, and copies of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import structlog

from consumer import log_events
from consumer.errors import DecodeError, describe, outcome_of
from consumer.events.decode import decode

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from consumer.config.models import Relay
    from consumer.engine.catalog_watch import CatalogWatch
    from consumer.engine.inflight import InFlightMessage
    from consumer.engine.stats import Stats
    from consumer.ledger.duplicates import Duplicates
    from consumer.messages import Event, Outcome

_log = structlog.get_logger(__name__)


class Intake:
    """Any thread may call any method; none raises because of what a message says.

    Args:
        message_format: how messages are read; "auto" goes by their keys.
        unwrap: the relays whose envelopes are opened.
        watch: compares each event with the catalog.
        duplicates: recognises events that were sent twice; None handles them twice.
    """

    def __init__(
        self,
        stats: Stats,
        *,
        message_format: Literal["auto", "canvas", "caliper"],
        watch: CatalogWatch,
        duplicates: Duplicates | None,
        unwrap: Collection[Relay] = (),
    ) -> None:
        self._stats = stats
        self._format = message_format
        self._unwrap = unwrap
        self._watch = watch
        self._duplicates = duplicates

    def events(self, message: InFlightMessage) -> list[Event] | Outcome:
        """The events that are to be handled; or what becomes of the message without that.

        `end` must follow where these are events.
        """
        try:
            events = decode(message.received, self._format, self._watch.reader, unwrap=self._unwrap)
            new = self._without_copies(message, events)
        except Exception as error:  # of ours, too: a bug must not take the other messages with it
            return self._undecodable(message, error)
        if not isinstance(new, list):
            return new
        for event in events:
            self._watch.see(event)
        return new

    def end(self, events: Sequence[Event], *, handled: bool) -> None:
        """The message came to its end; if it was handled, copies of its events are duplicates."""
        if self._duplicates is not None:
            self._duplicates.end(events, handled=handled)

    def _without_copies(
        self, message: InFlightMessage, events: Sequence[Event]
    ) -> list[Event] | Outcome:
        if self._duplicates is None:
            return list(events)
        new = self._duplicates.begin(events, message.received)
        if isinstance(new, list):
            self._stats.add("duplicate_events", len(events) - len(new))
        return new

    def _undecodable(self, message: InFlightMessage, error: Exception) -> Outcome:
        facts = {"message_id": message.message_id}
        if isinstance(error, DecodeError):
            self._stats.add("undecodable")
            _log.warning(log_events.UNDECODABLE, reason=error.reason, **facts)
        else:
            facts |= describe(error)
            reason = "a bug in the decoder"
            _log.error(log_events.UNDECODABLE, reason=reason, **facts, exc_info=error)
        return outcome_of(error)

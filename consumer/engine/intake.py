"""From a message to its events: decodes them, and leaves out copies of others."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

from consumer import log_events
from consumer.config.models import Relay
from consumer.engine.catalog_watch import CatalogWatch
from consumer.engine.inflight import InFlightMessage
from consumer.engine.stats import Stats
from consumer.errors import DecodeError, describe, outcome_of
from consumer.events.decode import decode
from consumer.ledger.duplicates import Duplicates
from consumer.messages import Event, Outcome

_log = structlog.get_logger(__name__)


@dataclass(eq=False, repr=False)
class Intake:
    """Any thread may call any method; none raises because of what a message says."""

    stats: Stats
    #: Compares each event with the catalog.
    watch: CatalogWatch
    #: Recognises events that were sent twice; None handles them twice.
    duplicates: Duplicates | None
    #: How messages are read; "auto" goes by their keys.
    message_format: Literal["auto", "canvas", "caliper"]
    #: The relays whose envelopes are opened.
    unwrap: Collection[Relay]

    def events(self, message: InFlightMessage) -> Sequence[Event] | Outcome:
        """The events that are to be handled; or the outcome of a message without any.

        `end` must follow if these are events.
        """
        received = message.received
        try:
            events = decode(received, self.message_format, self.watch.reader, unwrap=self.unwrap)
            new: Sequence[Event] | Outcome = events
            if self.duplicates is not None:
                new = self.duplicates.begin(events, received)
        except Exception as error:  # a bug of ours must not affect other messages either
            return self._undecodable(message, error)
        if isinstance(new, Outcome):
            return new
        if len(new) < len(events):
            self.stats.add("duplicate_events", len(events) - len(new))
        for event in events:
            self.watch.see(event)
        return new

    def end(self, messages: Sequence[InFlightMessage], *, handled: bool) -> None:
        """These messages are complete; if they were handled, copies of them are duplicates."""
        if self.duplicates is not None:
            for message in messages:
                self.duplicates.end(message.events, handled=handled)

    def _undecodable(self, message: InFlightMessage, error: Exception) -> Outcome:
        log = _log.bind(message_id=message.message_id)
        if isinstance(error, DecodeError):
            self.stats.add("undecodable")
            log.warning(log_events.UNDECODABLE, reason=error.reason)
        else:
            facts = {"reason": "a bug in the decoder", **describe(error)}
            log.error(log_events.UNDECODABLE, **facts, exc_info=error)
        return outcome_of(error)

"""From a message to its events: decodes them, and leaves out copies of others."""

from collections.abc import Collection, Sequence
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


class Intake:
    """Any thread may call any method; none raises because of what a message says.

    Args:
        message_format: how messages are read; "auto" goes by their keys.
        watch: compares each event with the catalog.
        duplicates: recognises events that were sent twice; None handles them twice.
        unwrap: the relays whose envelopes are opened.
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

    def events(self, message: InFlightMessage) -> Sequence[Event] | Outcome:
        """The events that are to be handled; or the outcome of a message without any.

        `end` must follow if these are events.
        """
        received = message.received
        try:
            events = decode(received, self._format, self._watch.reader, unwrap=self._unwrap)
            new: Sequence[Event] | Outcome = events
            if self._duplicates is not None:
                new = self._duplicates.begin(events, received)
        except Exception as error:  # a bug of ours must not affect other messages either
            return self._undecodable(message, error)
        if isinstance(new, Outcome):
            return new
        if len(new) < len(events):
            self._stats.add("duplicate_events", len(events) - len(new))
        for event in events:
            self._watch.see(event)
        return new

    def end(self, messages: Sequence[InFlightMessage], *, handled: bool) -> None:
        """These messages are complete; if they were handled, copies of them are duplicates."""
        if self._duplicates is not None:
            for message in messages:
                self._duplicates.end(message.events, handled=handled)

    def _undecodable(self, message: InFlightMessage, error: Exception) -> Outcome:
        message_id = message.message_id
        if isinstance(error, DecodeError):
            self._stats.add("undecodable")
            _log.warning(log_events.UNDECODABLE, reason=error.reason, message_id=message_id)
        else:
            _log.error(
                log_events.UNDECODABLE,
                reason="a bug in the decoder",
                message_id=message_id,
                **describe(error),
                exc_info=error,
            )
        return outcome_of(error)

"""From a message to its events: decodes them, compares them with the catalog, drops copies."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

from consumer import log_events
from consumer.config.models import Relay
from consumer.engine.inflight import InFlightMessage
from consumer.engine.stats import CounterName, Stats
from consumer.errors import DecodeError, Retry, describe, outcome_of
from consumer.events.decode import decode
from consumer.events.drift import Drift, Unknown
from consumer.events.typed import TypedReader
from consumer.ledger.duplicates import Duplicates
from consumer.messages import Event, Outcome
from consumer.signatures.unsealing import SignatureError, Unsealing

_log = structlog.get_logger(__name__)


#: Names come from outside: beyond this many, events that do not fit are only counted.
_MOST_NAMES = 1_000


class CatalogWatch:
    """Counts, and logs each difference once. Any thread may call it; it never raises."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats
        self._drift = Drift(_log_unknown)
        self._misfits: set[str] = set()
        self._broken = False
        self._reported: Counter[CounterName] = Counter()
        #: Makes the typed views of events, for `decode`.
        self.reader = TypedReader(self._note_misfit)

    def see(self, event: Event) -> None:
        """Look at an event. A bug in here must not affect the message."""
        if self._broken:
            return
        try:
            self._drift.see(event)
        except Exception as error:
            self._broken = True
            _log.error(log_events.CATALOG_WATCH_FAILED, **describe(error), exc_info=error)

    def update_stats(self) -> None:
        """Bring the counters up to date; called now and then."""
        totals: dict[CounterName, int] = {
            "unknown_events": self._drift.unknown_names,
            "unknown_fields": self._drift.unknown_fields,
            "skipped_entities": self._drift.skipped_entities,
        }
        for name, total in totals.items():
            if new := total - self._reported[name]:
                self._stats.add(name, new)
                self._reported[name] = total

    def _note_misfit(self, event: Event) -> None:
        self._stats.add("misfits")
        if event.name not in self._misfits and len(self._misfits) < _MOST_NAMES:
            self._misfits.add(event.name)
            _log.warning(
                log_events.DATA_MISFIT,
                event_name=event.name,
                format=event.format,
                message_id=event.message_id,
                hint="event.data raised DataError; event.body can still be read",
            )


def _log_unknown(unknown: Unknown) -> None:
    facts = {"event_name": unknown.name, "format": unknown.format}
    if unknown.path:
        facts["field"] = unknown.path
    _log.warning(
        log_events.UNKNOWN_FIELD if unknown.path else log_events.UNKNOWN_EVENT,
        **facts,
        hint="handled as usual; `consume drift` shows more of what Canvas has changed",
    )


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
    #: Opens signed messages before they are decoded; None reads them as they are.
    unsealing: Unsealing | None = None

    def events(self, message: InFlightMessage) -> Sequence[Event] | Outcome:
        """The events that are to be handled; or the outcome of a message without any.

        `end` must follow if these are events.
        """
        received = message.received
        try:
            if self.unsealing is not None:
                received = self.unsealing.open(received)
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
        match error:
            case SignatureError():
                self.stats.add("signature_refused")
                log.warning(log_events.SIGNATURE_REFUSED, reason=error.reason)
            case DecodeError():
                self.stats.add("undecodable")
                log.warning(log_events.UNDECODABLE, reason=error.reason)
            case Retry():
                self.stats.add("signing_key_unknown")
                log.warning(log_events.SIGNING_KEY_UNKNOWN, next_attempt_seconds=error.after)
            case _:
                facts = {"reason": "a bug in the decoder", **describe(error)}
                log.error(log_events.UNDECODABLE, **facts, exc_info=error)
        return outcome_of(error)

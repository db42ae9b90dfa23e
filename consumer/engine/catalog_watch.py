"""Compares events with the catalog: unknown names and fields, and bodies that do not fit."""

import structlog

from consumer import log_events
from consumer.engine.stats import Stats
from consumer.errors import describe
from consumer.events.drift import Drift, Unknown
from consumer.events.typed import TypedReader
from consumer.messages import Event

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
        self._stats.set("unknown_events", self._drift.unknown_names)
        self._stats.set("unknown_fields", self._drift.unknown_fields)
        self._stats.set("skipped_entities", self._drift.skipped_entities)

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

"""What happened, in numbers: for the summary line, the status, metrics and the final account."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from consumer.engine.handler_stats import HandlerStats
from consumer.engine.histogram import AGE_BOUNDS, Histogram
from consumer.engine.inflight import InFlightMessage
from consumer.messages import Event, ReceivedMessage
from consumer.sqs_limits import MAX_BATCH

CounterName = Literal[
    "received",  # messages, redeliveries included
    "handled",  # messages that handlers asked for, and all of these succeeded
    "failed",  # messages to be delivered again: a handler failed or asked for it
    "rejected",  # messages left to the redrive policy, undecodable ones included
    "undecodable",  # messages that are no event
    "signature_refused",  # messages that are not signed as required
    "signing_key_unknown",  # messages to be delivered again: their key is not known yet
    "quarantined",  # rejected messages that were set apart, to be deleted
    "quarantine_failed",  # rejected messages that could not be set apart: they stay in the queue
    "misfits",  # events that do not fit their model, where a handler asked for it
    "unknown_events",  # events whose name the catalog does not have
    "unknown_fields",  # fields in events that the catalog does not have
    "skipped_entities",  # beside events in Caliper envelopes
    "deleted",  # messages that SQS confirmed as deleted
    "delete_failed",  # handled, but not deleted: deleted when they are delivered again
    "released",  # returned unhandled while draining
    "abandoned",  # still running when the time to drain was up
    "redelivered",  # messages with a receive count above 1
    "duplicates",  # came again while in flight here
    "duplicate_events",  # events that were handled before, under another message id or this one
    "already_handled",  # handler runs spared because the ledger knew better
    "unmatched",  # events that no handler asked for: archived, or deleted, as configured
    "extended",  # times that the visibility of a message was extended
    "visibility_lost",
    "handlers_stuck",
    "receive_failures",
    "stalls",  # times that the queue held messages and gave none
    "receives",  # receive calls that SQS answered
    "empty_receives",
]


_MOST_KINDS: Final = 1_000
_LONGEST_NAME: Final = 200

#: Event name and format.
Kind = tuple[str, str]


class _HandlerTable(dict[str, HandlerStats]):
    """By name of the handler; what is missing is made."""

    def __missing__(self, name: str) -> HandlerStats:
        return self.setdefault(name, HandlerStats())


class Stats:
    """Counters since the start. Any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        #: Events handled.
        self._events: dict[Kind, int] = {}
        #: Likewise, those that no handler asked for.
        self._unmatched: dict[Kind, int] = {}
        #: While receives come back full, one message stands for ten in `lag` and `lateness`: that
        #: keeps the counting at two hundredths of the CPU of a message.
        self._weight = 1
        #: What happened with each handler.
        self.handlers = _HandlerTable()
        #: Seconds that the newest messages had waited in the queue when they were received.
        self.lag_seconds = 0.0
        #: Of messages at their first receive: seconds since SQS accepted them.
        self.lag = Histogram(AGE_BOUNDS)
        #: Of events that were handled: seconds since they happened in Canvas.
        self.lateness = Histogram(AGE_BOUNDS)
        #: The wall clock, set several times a second: reading it for each event would take longer.
        self.now: datetime | None = None
        #: `Clock.monotonic()` of the last receive that SQS answered, of the last one that brought
        #: messages, and of the last confirmed delete. None: there was none.
        self.last_receive: float | None = None
        self.last_message: float | None = None
        self.last_delete: float | None = None

    def add(self, name: CounterName, amount: int = 1) -> None:
        """Count."""
        with self._lock:
            self._counts[name] += amount

    def received(self, messages: Sequence[ReceivedMessage], now: datetime, at: float) -> None:
        """Count a receive that SQS has answered at this time."""
        self.now, self.last_receive = now, at
        size = len(messages)
        again = sum([message.receive_count > 1 for message in messages])
        with self._lock:
            counts = self._counts
            counts["receives"] += 1
            if not size:
                counts["empty_receives"] += 1
                return
            counts["received"] += size
            if again:
                counts["redelivered"] += again
        self.last_message = at
        lag = _age(messages[0].sent_at, now)
        if lag is not None:
            self.lag_seconds = lag
        self._weight = MAX_BATCH if size == MAX_BATCH else 1
        if size == MAX_BATCH and not again:
            self.lag.add(lag, size)
            return
        for message in messages:
            if message.receive_count == 1:
                self.lag.add(_age(message.sent_at, now))

    def handled(self, messages: Iterable[InFlightMessage]) -> None:
        """Count messages as handled, and their events; or as unmatched, if no handler asked."""
        counts, table, weight, now = self._counts, self._events, self._weight, self.now
        with self._lock:
            for message in messages:
                wanted, unmatched = message.events, message.unmatched
                if unmatched:
                    counts["unmatched"] += len(unmatched)
                    for event in unmatched:
                        _count(self._unmatched, event)
                    wanted = [event for event in wanted if event not in unmatched]
                    if not wanted:
                        continue
                total = counts["handled"] + 1  # also a message all of whose events are duplicates
                counts["handled"] = total
                for event in wanted:
                    _count(table, event)
                    if now is not None and not total % weight:
                        self.lateness.add(_age(event.time, now), weight)

    def __getitem__(self, name: CounterName) -> int:
        """One counter."""
        return self._counts[name]

    def snapshot(self) -> dict[str, int]:
        """All counters that are not zero."""
        with self._lock:
            return dict(self._counts)

    def kinds(self) -> tuple[dict[Kind, int], dict[Kind, int]]:
        """Events by name and format, those that came first before others: handled, unmatched."""
        with self._lock:
            return dict(self._events), dict(self._unmatched)

    def events(self) -> dict[str, int]:
        """Events handled, by name, most frequent first."""
        with self._lock:
            return _by_name(self._events)

    def unmatched_events(self) -> dict[str, int]:
        """Events that no handler asked for, by name, most frequent first."""
        with self._lock:
            return _by_name(self._unmatched)


def _age(at: datetime | None, now: datetime) -> float | None:
    """In seconds; clocks of different machines differ a little."""
    return None if at is None else max((now - at).total_seconds(), 0.0)


def _count(table: dict[Kind, int], event: Event) -> None:
    kind = (event.name, event.format)
    try:
        table[kind] += 1
    except KeyError:
        # Names come from outside: the table must not grow with them, nor with their length.
        if len(table) >= _MOST_KINDS or len(event.name) > _LONGEST_NAME:
            kind = ("(other)", event.format)
        table[kind] = table.get(kind, 0) + 1


def _by_name(table: Mapping[Kind, int]) -> dict[str, int]:
    names: Counter[str] = Counter()
    for (name, _), count in table.items():
        names[name] += count
    return dict(names.most_common())

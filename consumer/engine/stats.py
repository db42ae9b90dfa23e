"""What happened, in numbers: for the summary line, the status and the final account."""

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from consumer.engine.inflight import InFlightMessage
from consumer.messages import Event

CounterName = Literal[
    "received",  # messages, redeliveries included
    "handled",  # messages that handlers asked for, and all of these succeeded
    "failed",  # messages to be delivered again: a handler failed or asked for it
    "rejected",  # messages left to the redrive policy, undecodable ones included
    "undecodable",  # messages that are no event
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
    "visibility_lost",
    "handlers_stuck",
    "receive_failures",
    "stalls",  # times that the queue held messages and gave none
    "receives",  # receive calls that SQS answered
    "empty_receives",
]


class Stats:
    """Counters since the start. Any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        #: Events handled, by event name.
        self._events: Counter[str] = Counter()
        #: Likewise, those that no handler asked for.
        self._unmatched: Counter[str] = Counter()
        #: Seconds that the newest messages had waited in the queue when they were received.
        self.lag_seconds = 0.0

    def add(self, name: CounterName, amount: int = 1) -> None:
        """Count."""
        with self._lock:
            self._counts[name] += amount

    def handled(self, messages: Iterable[InFlightMessage]) -> None:
        """Count messages as handled, and their events; or as unmatched, if no handler asked."""
        with self._lock:
            for message in messages:
                wanted, unmatched = message.events, message.unmatched
                if unmatched:
                    self._counts["unmatched"] += len(unmatched)
                    _count(self._unmatched, unmatched)
                    wanted = [event for event in wanted if event not in unmatched]
                    if not wanted:
                        continue
                self._counts["handled"] += 1  # also a message all of whose events are duplicates
                _count(self._events, wanted)

    def __getitem__(self, name: CounterName) -> int:
        """One counter."""
        return self._counts[name]

    def snapshot(self) -> dict[str, int]:
        """All counters that are not zero."""
        with self._lock:
            return dict(self._counts)

    def events(self) -> dict[str, int]:
        """Events handled, by name, most frequent first."""
        with self._lock:
            return dict(self._events.most_common())

    def unmatched_events(self) -> dict[str, int]:
        """Events that no handler asked for, by name, most frequent first."""
        with self._lock:
            return dict(self._unmatched.most_common())


def _count(table: Counter[str], events: Sequence[Event]) -> None:
    for event in events:
        name = event.name
        # Names come from outside: the table must not grow with them.
        table[name if name in table or len(table) < 1000 else "(other)"] += 1

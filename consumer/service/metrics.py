"""The metrics, for Prometheus: their names and what they mean. README.md has the same table."""

import platform
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from consumer.engine.breaker import BreakerState
from consumer.service.facts import Facts
from consumer.service.metric_families import (
    NAMESPACE,
    Family,
    bounded,
    by_handler,
    count_of,
    counts_of,
    depths,
    failures,
    handler_events,
    queue_messages,
    receives,
    retention,
    seconds_of,
    states,
    threads,
    time_of,
    value_of,
)

_BREAKER: Final[Mapping[BreakerState, int]] = {"closed": 0, "probing": 1, "open": 1}

FAMILIES: Final = (
    Family("build_info", "gauge", "Always 1; the versions are in the labels.",
           ("version", "python"),
           lambda f: [((f.version, platform.python_version()), 1)]),
    Family("healthy", "gauge", "1 while there is progress everywhere, as /healthz.", (),
           lambda f: [((), not f.problems)]),
    Family("ready", "gauge", "1 while messages are received, as /readyz.", (),
           lambda f: [((), f.ready)]),
    Family("state", "gauge", "1 for the state of the daemon, 0 for the other states.", ("state",),
           states),
    # Messages
    Family("receives", "counter", "Receive calls, by what they brought.", ("result",), receives),
    Family("messages_received", "counter", "Messages received, redeliveries included.", (),
           count_of("received")),
    Family("messages_redelivered", "counter", "Messages received that SQS had delivered before.",
           (), count_of("redelivered")),
    Family("messages_duplicate", "counter", "Messages that came again while in flight here.", (),
           count_of("duplicates")),
    Family("messages", "counter", "Messages by their outcome; failed ones are delivered again.",
           ("outcome",),
           counts_of(handled="handled", failed="failed", rejected="rejected",
                   quarantined="quarantined", released="released", abandoned="abandoned")),
    Family("messages_undecodable", "counter", "Messages that are no event; also rejected ones.", (),
           count_of("undecodable")),
    Family("signatures_refused", "counter",
           "Messages whose signature is wrong, or missing although it is required; also rejected.",
           (), count_of("signature_refused")),
    Family("signing_keys_unknown", "counter",
           "Messages that wait because their signing key is not known yet.", (),
           count_of("signing_key_unknown")),
    Family("messages_deleted", "counter", "Messages that SQS confirmed as deleted.", (),
           count_of("deleted")),
    Family("delete_failures", "counter", "Messages that were handled, but could not be deleted.",
           (), count_of("delete_failed")),
    Family("quarantine_failures", "counter", "Rejected messages that could not be set apart.", (),
           count_of("quarantine_failed")),
    Family("visibility_extensions", "counter", "Extensions of the visibility of a message.", (),
           count_of("extended")),
    Family("visibility_lost", "counter", "Messages that SQS may have given to another consumer.",
           (), count_of("visibility_lost")),
    Family("receive_lag_seconds", "histogram",
           "At the first receive of a message: how long ago SQS accepted it.", (),
           value_of(lambda f: f.figures.lag)),
    Family("lag_seconds", "gauge", "How long the newest messages had waited in the queue.", (),
           lambda f: [((), f.lag_seconds)]),
    Family("stalls", "counter", "Times that the queue held messages and gave none.", (),
           count_of("stalls")),
    # Events
    Family("events", "counter", "Events handled.", ("event", "format"),
           lambda f: bounded(f.figures.events)),
    Family("unmatched_events", "counter", "Events that no handler asked for.", ("event", "format"),
           lambda f: bounded(f.figures.unmatched)),
    Family("event_lateness_seconds", "histogram",
           "When an event was handled: how long ago it happened in Canvas.", (),
           value_of(lambda f: f.figures.lateness)),
    Family("duplicate_events", "counter", "Copies of events, not handled (engine.deduplicate).", (),
           count_of("duplicate_events")),
    Family("already_handled", "counter", "Handler runs spared: the ledger knew of their success.",
           (), count_of("already_handled")),
    Family("catalog_differences", "counter",
           "What does not fit the catalog: unknown names, unknown fields, events unlike their "
           "model.", ("kind",),
           counts_of(unknown_event="unknown_events", unknown_field="unknown_fields",
                   misfit="misfits")),
    # Handlers
    Family("handler_seconds", "histogram", "How long calls of a handler took.", ("handler",),
           by_handler(lambda h: h.calls)),
    Family("handler_events", "counter", "Events that a handler has handled, or not (failed).",
           ("handler", "outcome"), handler_events),
    Family("handler_failures", "counter",
           "Events that a handler has not handled, by the type of what it raised.",
           ("handler", "reason"), failures),
    Family("handler_calls_running", "gauge", "Calls of a handler that have not returned.",
           ("handler",), by_handler(lambda h: h.running)),
    Family("handler_last_success_timestamp_seconds", "gauge",
           "When a call of a handler last returned without an exception.", ("handler",),
           by_handler(lambda h: seconds_of(h.last_success_at))),
    Family("handlers_stuck", "counter", "Calls that ran past their timeout.", (),
           count_of("handlers_stuck")),
    Family("breaker_open", "gauge", "1 while a handler is paused because it keeps failing.",
           ("handler",), by_handler(lambda h: _BREAKER[h.breaker])),
    Family("breaker_held_events", "gauge", "Events held for a handler that is paused.",
           ("handler",), by_handler(lambda h: h.held)),
    # This process
    Family("in_flight_messages", "gauge", "Messages received and not yet settled.", (),
           lambda f: [((), f.figures.in_flight)]),
    Family("in_flight_messages_limit", "gauge", "How many there may be.", (),
           lambda f: [((), f.figures.max_in_flight)]),
    Family("in_flight_bytes", "gauge", "Bytes of messages received and not yet settled.", (),
           lambda f: [((), f.figures.in_flight_bytes)]),
    Family("in_flight_bytes_limit", "gauge", "How many there may be.", (),
           lambda f: [((), f.figures.max_in_flight_bytes)]),
    Family("receives_open", "gauge", "Receive calls that wait for messages.", (),
           lambda f: [((), f.figures.open_receives)]),
    Family("threads_busy", "gauge", "Threads of the pool, by what they do.", ("role",), threads),
    Family("ledger_messages", "gauge", "Handled messages that the ledger remembers.", (),
           lambda f: [((), f.figures.ledger_messages)]),
    Family("last_receive_timestamp_seconds", "gauge",
           "When SQS last answered a receive, with or without messages.", (),
           time_of(lambda f: f.figures.last_receive_at)),
    Family("last_message_timestamp_seconds", "gauge", "When messages were last received.", (),
           time_of(lambda f: f.figures.last_message_at)),
    Family("last_delete_timestamp_seconds", "gauge", "When SQS last confirmed a delete.", (),
           time_of(lambda f: f.figures.last_delete_at)),
    # AWS
    Family("api_requests", "counter", "Requests to AWS, by action and result (ok, or its code).",
           ("action", "result"), lambda f: list(f.requests.items())),
    Family("queue_messages", "gauge",
           "Messages in the queue and in its dead-letter queue, approximately.",
           ("queue", "state"), queue_messages),
    Family("queue_messages_timestamp_seconds", "gauge", "When the queue was last asked for them.",
           ("queue",),
           lambda f: [((q,), d.asked_at.timestamp()) for q, d in depths(f) if d.asked_at]),
    Family("queue_retention_seconds", "gauge", "How long the queue keeps a message.", ("queue",),
           retention),
    Family("credentials_expiry_timestamp_seconds", "gauge",
           "When the credentials expire, if they do. The AWS SDK renews most of them in time.", (),
           time_of(lambda f: f.credentials_expire_at)),
)  # fmt: skip


class _Facts(Collector):
    """Reads the facts once for each scrape."""

    def __init__(self, read: Callable[[], Facts]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        facts = self._read()
        for family in FAMILIES:
            yield family.metric(facts)


class Metrics:
    """Any thread may call it."""

    def __init__(self, read: Callable[[], Facts]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Facts(read))
        # With our namespace: node_exporter has the usual names for itself.
        ProcessCollector(namespace=NAMESPACE, registry=self._registry)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)

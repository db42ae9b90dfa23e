"""The state of a daemon as JSON: for `/status`, the control socket and the status page.

It has no messages, no personal data, no account number, no secrets, no texts of exceptions.
"""

import math
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from consumer.engine.figures import Activity, HandlerFigures
from consumer.engine.histogram import Spread
from consumer.service.monitoring.facts import Depth, Facts, Minute
from consumer.service.monitoring.snapshot_types import (
    ErrorJson,
    HandlerJson,
    MinuteJson,
    QueueJson,
    RequestsJson,
    Snapshot,
    SpreadJson,
    Time,
    WorkerJson,
)

SECONDS_PER_MONTH: Final = 2_628_000
#: Before that, the number of requests so far says little about a month.
_LEAST_SECONDS: Final = 300.0
_MOST_NAMES: Final = 200


def snapshot_of(facts: Facts) -> Snapshot:
    """The same facts as JSON has them."""
    figures = facts.figures
    formats: Counter[str] = Counter()
    for (_, kind), count in figures.events.items():
        formats[kind] += count
    return {
        "state": facts.state,
        "problems": list(facts.problems),
        "ready": facts.ready,
        "receive_error": facts.receive_error_code or None,
        "version": facts.version,
        "now": _text(facts.now),
        "started_at": _text(facts.started_at),
        "uptime_seconds": round((facts.now - facts.started_at).total_seconds()),
        "region": facts.region,
        "queue": _queue(facts.queue),
        "dead_letter_queue": None if facts.dead_letters is None else _queue(facts.dead_letters),
        "counts": dict(sorted(figures.counts.items())),
        "rates": {name: round(rate, 3) for name, rate in facts.rates.items()},
        "minutes": [_minute(minute) for minute in facts.minutes],
        "events": _by_name(figures.events),
        "unmatched_events": _by_name(figures.unmatched),
        "formats": dict(formats),
        "handlers": [_handler(handler) for handler in figures.handlers],
        "workers": _workers(figures.activities),
        "in_flight": {
            "messages": figures.in_flight,
            "messages_limit": figures.max_in_flight,
            "bytes": figures.in_flight_bytes,
            "bytes_limit": figures.max_in_flight_bytes,
        },
        "open_receives": figures.open_receives,
        "lag_seconds": round(facts.lag_seconds, 1),
        "lag": _spread(figures.lag),
        "lateness": _spread(figures.lateness),
        "last_receive_at": _time(figures.last_receive_at),
        "last_message_at": _time(figures.last_message_at),
        "last_delete_at": _time(figures.last_delete_at),
        "ledger_messages": figures.ledger_messages,
        "requests": _requests(facts),
        "credentials_expire_at": _time(facts.credentials_expire_at),
    }


def _handler(handler: HandlerFigures) -> HandlerJson:
    error, at = handler.last_error, handler.last_error_at
    last_error: ErrorJson | None = None
    if error is not None and at is not None:
        last_error = {"type": error.type, "place": error.place or None, "at": _text(at)}
    return {
        "name": handler.name,
        "patterns": list(handler.patterns),
        "for_unmatched_events": handler.unmatched,
        "calls": handler.calls.count,
        "running": handler.running,
        "handled": handler.handled,
        "failed": sum(handler.failures.values()),
        "failures": dict(handler.failures),
        "mean_seconds": _rounded(handler.calls.mean),
        "p95_seconds": _rounded(handler.calls.quantile(0.95)),
        "breaker": handler.breaker,
        "held_events": handler.held,
        "last_success_at": _time(handler.last_success_at),
        "last_error": last_error,
    }


def _workers(activities: tuple[Activity, ...]) -> list[WorkerJson]:
    found: list[WorkerJson] = [
        {"role": a.role, "handler": a.handler, "events": a.events, "seconds": round(a.seconds, 1)}
        for a in activities
    ]
    return sorted(found, key=lambda worker: -worker["seconds"])


def _queue(depth: Depth) -> QueueJson:
    attributes = depth.attributes
    return {
        "name": depth.name,
        "visible": attributes.visible_messages,
        "in_flight": attributes.in_flight_messages,
        "delayed": attributes.delayed_messages,
        "retention_seconds": attributes.retention_seconds,
        "max_receive_count": attributes.max_receive_count,
        "asked_at": _time(depth.asked_at),
    }


def _minute(minute: Minute) -> MinuteJson:
    return {
        "at": _text(minute.at),
        "received": minute.received,
        "handled": minute.handled,
        "failed": minute.failed,
        "lag_seconds": round(minute.lag_seconds, 1),
    }


def _requests(facts: Facts) -> RequestsJson:
    actions: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for (action, result), count in facts.requests.items():
        actions[action] += count
        if result != "ok":
            errors[result] += count
    seconds, total = (facts.now - facts.started_at).total_seconds(), sum(actions.values())
    enough = seconds >= _LEAST_SECONDS
    return {
        "total": total,
        "per_month": round(total / seconds * SECONDS_PER_MONTH) if enough else None,
        "by_action": dict(actions),
        "errors": dict(errors),
    }


def _spread(spread: Spread) -> SpreadJson:
    return {
        "count": spread.count,
        "mean": _rounded(spread.mean),
        "p50": _rounded(spread.quantile(0.5)),
        "p95": _rounded(spread.quantile(0.95)),
    }


def _by_name(events: Mapping[tuple[str, str], int]) -> dict[str, int]:
    names: Counter[str] = Counter()
    for (name, _), count in events.items():
        names[name] += count
    return dict(names.most_common(_MOST_NAMES))


def _rounded(value: float | None) -> float | None:
    """Three digits that say something."""
    return float(f"{value:.3g}") if value is not None and math.isfinite(value) else None


def _text(at: datetime) -> Time:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(at: datetime | None) -> Time | None:
    return None if at is None else _text(at)

"""What is known of a daemon in the middle of a busy day: for the status page."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from consumer.engine.figures import Activity, Figures, HandlerFigures
from consumer.engine.handler_stats import LastError
from consumer.engine.histogram import AGE_BOUNDS, CALL_BOUNDS, Spread
from consumer.queues.transport import QueueAttributes
from consumer.service.monitoring.facts import Depth, Facts, Minute

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2024, 3, 5, 14, 0, 5, tzinfo=UTC)
ERROR = LastError("OperationalError", "grades.py:31 in on_grade > psycopg.py:9 in connect", 0.0)


def spread(bounds: Sequence[float], bucket: int, count: int) -> Spread:
    """All values are in one bucket."""
    counts = [0] * (len(bounds) + 1)
    counts[bucket] = count
    return Spread(bounds, counts, count * bounds[bucket] * 0.8)


def handler(name: str, *, events: int, **facts: Any) -> HandlerFigures:
    """One that works, unless the facts say something else."""
    known: dict[str, Any] = {
        "patterns": ("*",), "unmatched": False, "calls": spread(CALL_BOUNDS, 3, events),
        "handled": events, "failures": {}, "last_error": None, "last_error_at": None,
        "last_success_at": NOW - timedelta(seconds=2), "breaker": "closed", "held": 0,
        "running": 1,
    }  # fmt: skip
    return HandlerFigures(name=name, **known | facts)


def figures(**facts: Any) -> Figures:
    """The engine."""
    known: dict[str, Any] = {
        "counts": {
            "received": 84_311, "handled": 83_950, "failed": 312, "rejected": 7, "deleted": 83_940,
            "undecodable": 2, "unmatched": 120, "redelivered": 301,
        },
        "events": {
            ("submission_created", "canvas"): 31_200, ("grade_change", "canvas"): 22_110,
            ("logged_in", "canvas"): 15_402, ("asset_accessed", "canvas"): 9_000,
            ("quiz_submitted", "canvas"): 5_218, ("wiki_page_updated", "canvas"): 1_020,
        },
        "unmatched": {("attachment_updated", "canvas"): 120},
        "lag": spread(AGE_BOUNDS, 2, 84_000), "lateness": spread(AGE_BOUNDS, 4, 83_000),
        "last_receive_at": NOW - timedelta(seconds=1),
        "last_message_at": NOW - timedelta(seconds=1),
        "last_delete_at": NOW - timedelta(seconds=1),
        "handlers": (
            handler("archive", events=84_000),
            handler(
                "grades", events=22_400, failures={"OperationalError": 290, "Retry": 22},
                last_error=ERROR, last_error_at=NOW - timedelta(minutes=3), breaker="open",
                held=41, running=0, last_success_at=NOW - timedelta(minutes=4),
            ),
        ),
        "activities": (
            Activity("work", "archive", 10, 0.4), Activity("work", "grades", 1, 12.0),
            Activity("receive", None, 0, 7.9), Activity("settle", None, 0, 0.1),
        ),
        "in_flight": 57, "in_flight_bytes": 91_000, "max_in_flight": 240,
        "max_in_flight_bytes": 2**27, "open_receives": 1, "ledger_messages": 12,
        "draining": False,
    }  # fmt: skip
    return Figures(**known | facts)


def minutes(last: int = 60) -> tuple[Minute, ...]:
    """The last hour, with a peak and a few failures in it."""
    found = []
    for number in range(last):
        handled = round(700 + 400 * math.sin(number / 9) + 60 * math.sin(number * 2.1))
        at = NOW - timedelta(minutes=last - number - 1, seconds=5)
        lag = 1.4 + (18 * math.exp(-((number - 35) ** 2) / 30)) + 0.5 * math.sin(number)
        found.append(Minute(at, handled, handled, 90 if 33 < number < 40 else 0, lag))
    return tuple(found)


def facts(**more: Any) -> Facts:
    """One moment."""
    known: dict[str, Any] = {
        "now": NOW, "version": "1.2.0", "started_at": NOW - timedelta(days=3, hours=4),
        "state": "receiving", "problems": (), "ready": True, "receive_error_code": "",
        "lag_seconds": 1.7, "figures": figures(), "region": "us-east-1",
        "queue": Depth(
            "canvas-live-events-prod",
            QueueAttributes(
                visible_messages=12, in_flight_messages=57, delayed_messages=0,
                retention_seconds=604_800, max_receive_count=10,
            ),
            NOW - timedelta(seconds=20),
        ),
        "dead_letters": Depth(
            "canvas-live-events-prod-dead-letters",
            QueueAttributes(
                visible_messages=3, in_flight_messages=0, delayed_messages=0,
                retention_seconds=1_209_600,
            ),
            NOW - timedelta(seconds=20),
        ),
        "requests": {("ReceiveMessage", "ok"): 9_000, ("DeleteMessageBatch", "ok"): 8_400,
                     ("ReceiveMessage", "EndpointConnectionError"): 4},
        "rates": {"received": 14.2, "handled": 14.1, "failed": 0.3},
        "minutes": minutes(),
    }  # fmt: skip
    return Facts(**known | more)

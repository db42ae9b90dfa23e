"""The page of `consume status`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import click

from consumer.cli.output import section, table
from consumer.printable import printable

if TYPE_CHECKING:
    from consumer.service.monitoring.snapshot_types import HandlerJson, QueueJson, Snapshot

_COLOURS: Final = {"receiving": "green", "unhealthy": "red"}
#: How many names of events are shown.
_MOST_NAMES: Final = 10
#: Always shown, also if they are 0; other counters only if they are not.
_COUNTS: Final = ("received", "handled", "failed", "rejected", "deleted")
_UNITS: Final = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))
_MEBIBYTE: Final = 1_048_576


def status_page(status: "Snapshot", width: int | None) -> Iterator[str]:
    """The lines, for a terminal of this width; None for no limit."""
    colour, version = _COLOURS.get(status["state"], "yellow"), printable(status["version"])
    state = click.style(printable(status["state"]), bold=True, fg=colour)
    yield f"{state}, running for {duration(status['uptime_seconds'])}, version {version}"
    for problem in status["problems"]:
        yield f"  problem: {printable(problem)}"
    if status["receive_error"]:
        yield f"  the last receive failed: {printable(status['receive_error'])}"
    yield from table(list(_rows(status)), width)
    yield from section("Handlers", [_HANDLER, *map(_handler, status["handlers"])], width)
    errors = [_error(handler, status["now"]) for handler in status["handlers"]]
    if any(errors):
        yield from section("Last errors", [row for row in errors if row], width)
    for title, names in (
        ("Events handled", status["events"]),
        ("Events that no handler asked for", status["unmatched_events"]),
    ):
        if names:
            yield from section(title, list(_names(names)), width)


def _rows(status: "Snapshot") -> Iterator[Sequence[str]]:
    counts, in_flight, requests = status["counts"], status["in_flight"], status["requests"]
    now = status["now"]
    yield "queue", _queue(status["queue"], now)
    if status["dead_letter_queue"] is not None:
        yield "dead letters", _queue(status["dead_letter_queue"], now)
    more = sorted(name for name, count in counts.items() if count and name not in _COUNTS)
    shown = [f"{counts.get(name, 0):,} {_words(name)}" for name in (*_COUNTS, *more)]
    yield "since the start", ", ".join(shown)
    if status["rates"]:
        rates = ", ".join(f"{rate:.1f} {name}" for name, rate in status["rates"].items())
        yield "per second", rates
    size, most = (in_flight[key] / _MEBIBYTE for key in ("bytes", "bytes_limit"))
    messages = f"{in_flight['messages']:,} of {in_flight['messages_limit']:,} messages"
    yield "in flight", f"{messages}, {size:.1f} of {most:.0f} MiB"
    yield "open receives", str(status["open_receives"])
    yield "lag", f"{duration(status['lag_seconds'])} in the queue"
    yield "last message", _ago(status["last_message_at"], now)
    yield "last receive", _ago(status["last_receive_at"], now)
    month = requests["per_month"]
    yield "AWS requests", f"{requests['total']:,}" + (f", {month:,} a month" if month else "")
    if status["credentials_expire_at"]:
        left = _seconds(now, status["credentials_expire_at"])
        yield "credentials", f"expire in {duration(left)}" if left > 0 else "have expired"


def _queue(queue: "QueueJson", now: str) -> str:
    visible, name = queue["visible"], queue["name"]
    if visible is None:
        return name
    in_flight, asked = queue["in_flight"] or 0, _ago(queue["asked_at"], now)
    return f"{name}: {visible:,} visible, {in_flight:,} in flight ({asked})"


_HANDLER: Final = ("name", "handled", "failed", "running", "held", "mean", "95 %", "breaker")


def _handler(handler: "HandlerJson") -> Sequence[str]:
    return (
        handler["name"], f"{handler['handled']:,}", f"{handler['failed']:,}",
        str(handler["running"]), str(handler["held_events"]),
        _milliseconds(handler["mean_seconds"]), _milliseconds(handler["p95_seconds"]),
        handler["breaker"],
    )  # fmt: skip


def _error(handler: "HandlerJson", now: str) -> Sequence[str]:
    error = handler["last_error"]
    if error is None:
        return ()
    place = f" at {error['place']}" if error["place"] else ""
    return handler["name"], f"{error['type']}{place}, {_ago(error['at'], now)}"


def _names(names: Mapping[str, int]) -> Iterator[Sequence[str]]:
    for name, count in list(names.items())[:_MOST_NAMES]:
        yield name, f"{count:,}"
    if len(names) > _MOST_NAMES:
        yield "(others)", f"{sum(list(names.values())[_MOST_NAMES:]):,}"


def duration(seconds: float) -> str:
    """Such as "3 h 12 min"; the smaller unit only if it is not 0."""
    for unit, name, smaller, smaller_name in _UNITS:
        if seconds >= unit:
            rest = int(seconds % unit) // smaller
            return f"{int(seconds) // unit} {name}" + (f" {rest} {smaller_name}" if rest else "")
    return f"{seconds:.0f} s"


def _milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1000:,.{0 if seconds >= 0.01 else 2}f} ms"


def _ago(at: str | None, now: str) -> str:
    return "never" if at is None else f"{duration(max(_seconds(at, now), 0))} ago"


def _seconds(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def _words(name: str) -> str:
    return name.replace("_", " ")

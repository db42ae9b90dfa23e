"""The engine's numbers as a person reads them: the status line and the summary."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.engine.status import Status

#: A line of the log stays readable; names come from outside.
_MOST_NAMES = 20
_ALWAYS = ("received", "handled", "failed", "deleted")


def status_line(status: Status, *, rate: float) -> str:
    """One line for `systemctl status`."""
    counts = status.counts
    unhealthy = status.problems + status.outages
    if unhealthy:
        state = f"unhealthy ({', '.join(unhealthy)})"
        if status.receive_error_code:
            state = f"{state}, the last with {status.receive_error_code}"
    elif status.failing_handlers:
        state = f"waiting for {', '.join(status.failing_handlers)} to work again"
    elif status.receive_error_code:
        state = f"receiving fails ({status.receive_error_code}), trying on"
    elif not status.ready:
        state = "waiting for the first receive"
    else:
        state = "receiving"
    parts = [
        f"{rate:.1f} messages/s",
        f"{status.in_flight} in flight",
        f"{counts.get('handled', 0)} handled",
        *([f"{counts['unmatched']} unmatched"] if counts.get("unmatched") else []),
        f"{counts.get('failed', 0) + counts.get('rejected', 0)} put off",
    ]
    if status.lag_seconds >= 1:
        parts.append(f"lag {status.lag_seconds:.0f} s")
    return f"{state}: {', '.join(parts)}"


def summary(
    status: Status, *, since: Mapping[str, int], unmatched_since: Mapping[str, int]
) -> dict[str, Any]:
    """What happened since these counts, and how it stands now."""
    delta = {name: count - since.get(name, 0) for name, count in status.counts.items()}
    facts: dict[str, Any] = {name: delta.pop(name, 0) for name in _ALWAYS}
    facts["in_flight"] = status.in_flight
    facts["lag_seconds"] = round(status.lag_seconds, 1)
    facts.update({name: amount for name, amount in sorted(delta.items()) if amount})
    unmatched = {
        name: count - unmatched_since.get(name, 0)
        for name, count in status.unmatched_events.items()
        if count > unmatched_since.get(name, 0)
    }
    if unmatched:
        facts["unmatched_events"] = dict(Counter(unmatched).most_common(_MOST_NAMES))
    return facts

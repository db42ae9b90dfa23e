"""The worker's numbers as a person reads them: the status line and the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.engine.worker import Worker

_ALWAYS = ("received", "handled", "failed", "deleted")


def status_line(worker: Worker, *, rate: float, problems: Sequence[str]) -> str:
    """One line for `systemctl status`."""
    stats = worker.stats
    if problems:
        state = f"unhealthy ({', '.join(problems)})"
    elif failing := worker.failing_handlers():
        state = f"waiting for {', '.join(failing)} to work again"
    elif worker.poller.last_error_code:
        state = f"receiving fails ({worker.poller.last_error_code}), trying on"
    elif not worker.poller.succeeded:
        state = "waiting for the first receive"
    else:
        state = "receiving"
    parts = [
        f"{rate:.1f} messages/s",
        f"{len(worker.in_flight)} in flight",
        f"{stats['handled']} handled",
        f"{stats['failed'] + stats['rejected']} put off",
    ]
    if stats.lag_seconds >= 1:
        parts.append(f"lag {stats.lag_seconds:.0f} s")
    return f"{state}: {', '.join(parts)}"


def summary(worker: Worker, *, since: Mapping[str, int]) -> dict[str, Any]:
    """What happened since the counts in `since`, and how it stands now."""
    counts = worker.stats.snapshot()
    delta = {name: count - since.get(name, 0) for name, count in counts.items()}
    facts: dict[str, Any] = {name: delta.pop(name, 0) for name in _ALWAYS}
    facts["in_flight"] = len(worker.in_flight)
    facts["lag_seconds"] = round(worker.stats.lag_seconds, 1)
    facts.update({name: amount for name, amount in sorted(delta.items()) if amount})
    return facts

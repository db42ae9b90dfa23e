"""What a replay would do: decodes, filters and routes, and calls no handler."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from consumer.errors import DecodeError
from consumer.handlers.registering.registry import Registry
from consumer.operations.replay.job import Job
from consumer.operations.replay.position import position_of


@dataclass(slots=True)
class Routes:
    """How many events would go where."""

    #: By handler and event name.
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: By name: what no handler asks for.
    unmatched: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    not_events: int = 0

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        handlers: dict[str, dict[str, int]] = {}
        for (handler, name), count in self.events.most_common():
            handlers.setdefault(handler, {})[name] = count
        return {
            "handlers": handlers,
            "unmatched": dict(self.unmatched.most_common()),
            "skipped": self.skipped,
            "not_events": self.not_events,
        }


def routes(
    job: Job, registry: Registry, *, report: Callable[[str], None], note: Callable[[str], None]
) -> Routes:
    """Read everything. Predicates (`when`) are not asked: they are the user's code, too."""
    found = Routes()

    def fault(file: str, reason: str) -> None:
        found.not_events += 1
        report(f"{file}: {reason}")

    def noted(file: str, what: str) -> None:
        note(f"{file}: {what}")

    position = position_of(job)
    for item in job.source(begins=position.begins if position else {}, fault=fault, note=noted):
        if isinstance(item, int):
            found.skipped += item
            continue
        try:
            events = job.decoding.events(item.message)
        except DecodeError as error:
            fault(f"{item.file}:{item.begin.line}", error.reason)
            continue
        for event in events:
            handlers = registry.route(event.name, event.format)
            found.events.update((handler.name, event.name) for handler in handlers)
            if not handlers:
                found.unmatched[event.name] += 1
    return found

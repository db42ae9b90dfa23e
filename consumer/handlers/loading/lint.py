"""Warnings about events that a handler asks for and will probably never get."""

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from consumer.events.catalog import index
from consumer.handlers.registering.handler import Handler
from consumer.messages import Format


def unmatched_patterns(handlers: Sequence[Handler]) -> list[str]:
    """A sentence for each pattern that matches no event that Canvas is known to send.

    It names all the handlers that have the pattern, and the nearest known events.
    """
    found: dict[str, list[str]] = {}
    for handler in handlers:
        for fault in _faults(handler):
            found.setdefault(fault, []).append(f'"{handler.name}"')
    return [
        f"handler {names[0]} {fault}"
        if len(names) == 1
        else f"handlers {', '.join(names)}: each {fault}"
        for fault, names in found.items()
    ]


def _faults(handler: Handler) -> Iterator[str]:
    sets = (handler.patterns, *handler.within)
    patterns = dict.fromkeys(pattern for patterns in sets for pattern in patterns)
    faults = [fault for p in patterns if (fault := _fault(p, handler.format))]
    yield from faults
    only = handler.format or "canvas"  # without a fault, every event is known in this format
    if not faults and not any(handler.matches(name, only) for name in index.names(only)):
        left = " and ".join([_listed(patterns) for patterns in handler.within])
        yield (
            f"asks for {_listed(handler.patterns)}, but the configuration allows only {left}: that "
            "leaves no known event"
        )


def _fault(pattern: str, event_format: Format | None) -> str | None:
    if not index.matches_any(pattern):
        near = index.nearest(re.sub(r"[^a-z0-9_.-]", "", pattern.lower()))
        hint = f" (nearest: {', '.join(near)})" if near else ""
        return f'asks for "{pattern}", which is not the name of a known event{hint}'
    in_caliper = any(fnmatchcase(name, pattern) for name in index.names("caliper"))
    if event_format == "caliper" and not in_caliper:
        return f'asks for "{pattern}" in Caliper format, in which Canvas is not known to send it'
    return None


def _listed(patterns: Sequence[str]) -> str:
    """The first three, and how many more there are."""
    more = len(patterns) - 3
    return ", ".join(patterns[:3]) + (f" and {more} more" if more > 0 else "")

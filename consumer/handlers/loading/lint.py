"""What a handler asks for and will probably never get: told, and allowed."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from consumer.events.catalog import index
from consumer.handlers.registering.expected import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from consumer.handlers.registering.handler import Handler
    from consumer.messages import Format


def unmatched_patterns(handlers: Sequence[Handler]) -> list[str]:
    """A sentence for each pattern that matches no event that Canvas is known to send.

    Each pattern is told once, with all the handlers that have it, and with the nearest names.
    """
    found: dict[str, list[str]] = {}
    for handler in handlers:
        for fault in _faults(handler):
            found.setdefault(fault, []).append(f'"{handler.name}"')
    return [_sentence(names, fault) for fault, names in found.items()]


def _faults(handler: Handler) -> Iterator[str]:
    sets = (handler.patterns, *handler.within)
    faults = [
        fault
        for pattern in dict.fromkeys([pattern for patterns in sets for pattern in patterns])
        if (fault := _fault(pattern, handler.format))
    ]
    yield from faults
    only = handler.format or "canvas"  # every event has this form, or it would be a fault
    if not faults and not any(handler.matches(name, only) for name in index.names(only)):
        left = " and ".join([listed(patterns) for patterns in handler.within])
        yield (
            f"asks for {listed(handler.patterns)}, of which the configuration leaves no known "
            f"event: it lets only {left} pass"
        )


def _fault(pattern: str, event_format: Format | None) -> str | None:
    if not index.matches_any(pattern):
        near = index.nearest(re.sub(r"[^a-z0-9_.-]", "", pattern.lower()))
        hint = f" (nearest: {', '.join(near)})" if near else ""
        return f'asks for "{pattern}", which is the name of no known event{hint}'
    if event_format == "caliper" and not _is_sent_as_caliper(pattern):
        return f'asks for "{pattern}" in Caliper format, in which Canvas is not known to send it'
    return None


def _is_sent_as_caliper(pattern: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in index.names("caliper"))


def _sentence(names: list[str], fault: str) -> str:
    if len(names) == 1:
        return f"handler {names[0]} {fault}"
    return f"handlers {', '.join(names)}: each {fault}"

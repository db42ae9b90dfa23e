"""What a tap shows, as lines of JSON for one client."""

import json
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from consumer.engine.tap import Sight, Tap
from consumer.events.privacy import scrub_json
from consumer.handlers.log import safe_facts

#: How often a stream without events lets the server see whether its client is still there.
_LOOK_SECONDS: Final = 1.0


def tap_lines(tap: Tap, wants: Callable[[Sight], bool], *, with_body: bool) -> Iterator[bytes]:
    """Look on from now; lines as they come, b"" if none came for a second, until it is closed."""
    lines = _lines(tap, wants, with_body=with_body)
    next(lines)  # from here on, its end closes the viewer, whatever happens to the client
    return lines


def wanted(events: str, handlers: list[str]) -> Callable[[Sight], bool]:
    """A filter by patterns of event names, with commas between, and names of handlers."""
    patterns = words(events)

    def wants(sight: Sight) -> bool:
        name = None if sight.event is None else sight.event.name
        named = name is not None and any(fnmatchcase(name, pattern) for pattern in patterns)
        return (named or not patterns) and (sight.handler in handlers or not handlers)

    return wants


def words(text: str) -> list[str]:
    """What is between the commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def _lines(tap: Tap, wants: Callable[[Sight], bool], *, with_body: bool) -> Iterator[bytes]:
    viewer, dropped = tap.open(wants), 0
    try:
        yield b""
        while True:
            sights = viewer.take(_LOOK_SECONDS)
            lines = [_line(_facts(sight, with_body=with_body)) for sight in sights]
            if new := viewer.dropped - dropped:
                dropped += new
                lines.append(_line({"dropped": new}))
            yield b"".join(lines)
    finally:
        tap.close(viewer)


def _facts(sight: Sight, *, with_body: bool) -> dict[str, Any]:
    event = sight.event
    return {
        "outcome": sight.outcome,
        "handler": sight.handler or None,
        "milliseconds": round(sight.seconds * 1000, 1),
        "reason": sight.reason or None,
        **({"message_id": sight.message_id} if event is None else safe_facts(event)),
        "receive_count": sight.receive_count,
        **({"body": scrub_json(event.raw)} if with_body and event is not None else {}),
    }


def _line(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts).encode() + b"\n"

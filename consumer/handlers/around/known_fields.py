"""Warns of conditions on fields that no event has, as far as the catalog knows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from consumer.did_you_mean import did_you_mean
from consumer.events.catalog import index
from consumer.events.drift import Shape, shape_around, shape_of
from consumer.handlers.registering.handler import Handler
from consumer.messages import Format

_FORMATS: Final[tuple[Format, ...]] = ("canvas", "caliper")


def unlikely_paths(
    conditions: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    handlers: Sequence[Handler],
    label: str,
) -> Iterator[str]:
    """A sentence for each path that no known event has for which these handlers ask.

    Only to warn: Canvas adds fields. No path is unlikely if they ask for unknown events only.
    """
    asked = {
        (event_format, name)
        for event_format in _FORMATS
        for name in index.names(event_format)
        if any(handler.matches(name, event_format) for handler in handlers)
    }
    bodies = {shape_of(event_format, name) for event_format, name in asked}
    shapes: dict[str, set[Shape]] = {
        "body": {shape for shape in bodies if shape},
        "metadata": {shape_around(event_format) for event_format, _ in asked},
    }
    mappings = [conditions] if isinstance(conditions, Mapping) else conditions
    for path in dict.fromkeys(path for mapping in mappings for path in mapping):
        part, _, rest = path.partition(".")
        known = shapes.get(part, set())
        if known and not any(_is_in(shape, rest.split(".")) for shape in known):
            names = sorted({name for shape in known for name in shape.known})
            near = did_you_mean(rest, names)
            hint = f"; {near}" if near else ""
            yield f"{label}: no known event for which it asks has {path}{hint}"


def _is_in(shape: Shape, keys: Sequence[str]) -> bool:
    """True if there is such a field, or may be: what is in some objects is not known."""
    inside = dict(shape.inside)
    for length in range(1, len(keys) + 1):
        key = ".".join(keys[:length])
        if key in shape.known and (
            length == len(keys) or key not in inside or _is_in(inside[key], keys[length:])
        ):
            return True
    return False

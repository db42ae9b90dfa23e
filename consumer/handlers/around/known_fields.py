"""Finds conditions on fields and names that no event has, as far as the catalog knows."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from consumer.config import HandlerSettings
from consumer.did_you_mean import did_you_mean
from consumer.events.catalog import index
from consumer.events.drift import Shape, shape_around, shape_of
from consumer.handlers.registering.handler import Handler
from consumer.messages import Format

_FORMATS: Final[tuple[Format, ...]] = ("canvas", "caliper")
#: Where the name of an event is.
_NAMES: Final = ("name", "metadata.event_name")


def doubts(entry: HandlerSettings, handlers: Sequence[Handler]) -> Iterator[str]:
    """A sentence for each field and name of an entry that none of its known events has."""
    events, begin = known_events(handlers), f'handler "{entry.name}"'
    none = "no known event for which it asks has"
    if entry.when is not None:
        for path, hint in unlikely_paths(entry.when, events):
            yield f"{begin}: when: {none} {path}{hint}"
        for name, hint in unlikely_names(entry.when, events):
            yield f'{begin}: when: {none} the name "{name}"{hint}'
    if entry.coalesce is not None:
        for path, hint in unlikely_paths({entry.coalesce.key: None}, events):
            yield f"{begin}: coalesce: key: {none} {path}{hint}"


def all_events() -> set[tuple[Format, str]]:
    """The format and name of each known event."""
    return {(each, name) for each in _FORMATS for name in index.names(each)}


def known_events(handlers: Sequence[Handler]) -> set[tuple[Format, str]]:
    """Those for which these handlers ask."""
    return {
        (event_format, name)
        for event_format, name in all_events()
        if any(handler.matches(name, event_format) for handler in handlers)
    }


def unlikely_paths(
    conditions: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    events: Collection[tuple[Format, str]],
) -> Iterator[tuple[str, str]]:
    """Each path that none of these events has, with a hint to append.

    No certainty: Canvas adds fields. No path is unlikely if the events are unknown.
    """
    bodies = {shape_of(event_format, name) for event_format, name in events}
    shapes: dict[str, set[Shape]] = {
        "body": {shape for shape in bodies if shape},
        "metadata": {shape_around(event_format) for event_format, _ in events},
    }
    for path in dict.fromkeys(path for mapping in _mappings(conditions) for path in mapping):
        part, _, rest = path.partition(".")
        known = shapes.get(part, set())
        if known and not any(_is_in(shape, rest.split(".")) for shape in known):
            names = sorted({name for shape in known for name in shape.known})
            near = did_you_mean(rest, names)
            yield path, f"; {near}" if near else ""


def unlikely_names(
    conditions: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    events: Collection[tuple[Format, str]],
) -> Iterator[tuple[str, str]]:
    """Each name or pattern that none of these events has, with a hint to append.

    As above: Canvas adds events, and nothing is unlikely if the events are unknown.
    """
    known = sorted({name for _, name in events})
    mappings = _mappings(conditions)
    asked = (texts for each in mappings for p in _NAMES for texts in _texts_in(each.get(p)))
    for operator, text in dict.fromkeys(asked):
        if operator == "glob":
            found = any(fnmatchcase(name, text) for name in known)
        else:
            found = text in known
        if known and not found:
            near = did_you_mean(text.lower(), known)
            if operator != "glob" and any(fnmatchcase(name, text) for name in known):
                near = f'for a pattern, write {{glob: "{text}"}}'
            yield text, f"; {near}" if near else ""


def field_named(word: str) -> str | None:
    """Where events have a field of this name: "metadata.hostname" for "hostname"."""
    if any(word in shape_around(event_format).known for event_format in _FORMATS):
        return f"metadata.{word}"
    shapes = (shape_of("canvas", name) for name in index.names())
    return f"body.{word}" if any(shape and word in shape.known for shape in shapes) else None


def _mappings(conditions: Any) -> Sequence[Mapping[str, Any]]:
    return [conditions] if isinstance(conditions, Mapping) else conditions


def _texts_in(condition: Any, operator: str = "equals") -> Iterator[tuple[str, str]]:
    """Each text of a condition, and the operator that compares it."""
    if isinstance(condition, Mapping):
        for name, operand in condition.items():
            yield from _texts_in(operand, name)
    elif isinstance(condition, list | tuple):
        for item in condition:
            yield from _texts_in(item, operator)
    elif isinstance(condition, str):
        yield operator, condition


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

"""Collects what the catalog does not know in many events; of values only type and shape."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from consumer.events.catalog import model_of
from consumer.events.catalog.caliper.envelope import Envelope
from consumer.events.catalog.describe import all_fields_of, fields_of
from consumer.events.catalog.metadata import Metadata
from consumer.events.drift import ANY_EVENT, Unknown, inner_path, unknown_in
from consumer.events.timestamps import parse_day, parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from consumer.events.catalog.base import Record
    from consumer.events.catalog.describe import FieldFacts
    from consumer.messages import Event

#: Different things that are remembered; of the others nothing is told but that there are some.
_MOST: Final = 10_000
#: Of an event that is unknown, so many fields are told.
_MOST_FIELDS: Final = 100

_READERS: Final[Mapping[str, Callable[[object], object]]] = MappingProxyType(
    {"timestamp": parse_time, "date": parse_day}
)
_is_digits = re.compile("[0-9]+").fullmatch
_is_url = re.compile("[a-z]+://.*", re.DOTALL).fullmatch


@dataclass(slots=True)
class Seen:
    """How often something came, and what its values were like."""

    count: int = 0
    #: The types of its values, in the words of JSON.
    types: set[str] = field(default_factory=set)
    #: The shape of the first value that was not null.
    example: str = "null"
    #: What the model wants instead; only for a value that does not fit.
    expected: str = ""
    #: Of an unknown event: its fields, and their types.
    fields: dict[str, set[str]] = field(default_factory=dict)

    def add(self, value: Any) -> None:
        """Count one, with this value."""
        self.count += 1
        self.types.add(json_type(value))
        if self.example == "null" and value is not None:
            self.example = shape_of(value)


@dataclass(slots=True)
class Report:
    """All that was met. Not for use by several threads."""

    messages: int = 0
    events: Counter[str] = field(default_factory=Counter)
    undecodable: int = 0
    unknown: dict[Unknown, Seen] = field(default_factory=dict)
    #: Known fields whose value does not fit their type.
    misfits: dict[Unknown, Seen] = field(default_factory=dict)
    #: True if there was more than can be remembered.
    is_cut: bool = False

    def add(self, event: Event) -> None:
        """Look at an event."""
        self.events[event.format] += 1
        for unknown, value in unknown_in(event):
            seen = self._seen(self.unknown, unknown)
            if seen is not None:
                seen.add(value)
                if not unknown.path:
                    _add_fields(seen, event)
        for misfit, value, expected in _misfits_in(event):
            seen = self._seen(self.misfits, misfit)
            if seen is not None:
                seen.add(value)
                seen.expected = expected

    @property
    def is_clean(self) -> bool:
        """True if everything could be decoded, is known, and fits."""
        return not (self.undecodable or self.unknown or self.misfits)

    def _seen(self, among: dict[Unknown, Seen], key: Unknown) -> Seen | None:
        seen = among.get(key)
        if seen is None:
            if len(among) >= _MOST:
                self.is_cut = True
                return None
            seen = among[key] = Seen()
        return seen


def _add_fields(seen: Seen, event: Event) -> None:
    for key, value in event.body.items():
        path = inner_path("body" if event.format == "canvas" else "", key)
        if path in seen.fields or len(seen.fields) < _MOST_FIELDS:
            seen.fields.setdefault(path, set()).add(json_type(value))


def _misfits_in(event: Event) -> Iterator[tuple[Unknown, Any, str]]:
    model = model_of(event.name, event.format)
    canvas = event.format == "canvas"
    if model is not None:
        for path, value, expected in _faults(model, event.body, "body" if canvas else ""):
            yield Unknown(event.format, event.name, path), value, expected
    around = (Metadata, "metadata") if canvas else (Envelope, "envelope")
    for path, value, expected in _faults(around[0], event.metadata, around[1]):
        yield Unknown(event.format, ANY_EVENT, path), value, expected


def _faults(
    model: type[Record], values: Mapping[str, Any], path: str
) -> Iterator[tuple[str, Any, str]]:
    """Where a value can't be read as its type: the path, the value, and what was expected."""
    for where, value, facts in _unread(model, values, path):
        yield where, value, facts.type_words
    try:
        model.model_validate(values)
    except ValidationError as error:
        types = _types(model, path)
        found: dict[str, tuple[Any, str]] = {}
        for fault in error.errors(include_url=False, include_context=False, include_input=False):
            where, value = _followed(fault["loc"], values, path)
            found.setdefault(where, (value, types.get(where, fault["msg"])))
        for where, (value, expected) in found.items():
            yield where, value, expected


def _unread(
    model: type[Record], values: Mapping[str, Any], path: str
) -> Iterator[tuple[str, Any, FieldFacts]]:
    """Times and dates that say none: the model has None for them, and does not complain."""
    for facts in _fields(model):
        value, where = values.get(facts.key), inner_path(path, facts.key)
        if facts.record is not None:
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    inner = f"{where}[]" if isinstance(value, list) else where
                    yield from _unread(facts.record, item, inner)
        elif facts.kind in _READERS and value not in (None, "") and not _READERS[facts.kind](value):
            yield where, value, facts


@lru_cache(maxsize=1_000)
def _fields(model: type[Record]) -> tuple[FieldFacts, ...]:
    return fields_of(model)


@lru_cache(maxsize=300)
def _types(model: type[Record], path: str) -> dict[str, str]:
    """Of each field the type in plain words."""
    return {where: facts.type_words for where, facts in all_fields_of(model, path)}


def _followed(place: tuple[int | str, ...], values: Any, path: str) -> tuple[str, Any]:
    """Where a fault is; pydantic's place goes on behind that with the alternatives of the type."""
    for part in place:
        if isinstance(values, dict) and isinstance(part, str) and part in values:
            path, values = inner_path(path, part), values[part]
        elif isinstance(values, list) and isinstance(part, int) and part < len(values):
            path, values = f"{path}[]", values[part]
        else:
            break
    return path, values


def json_type(value: Any) -> str:
    """The type in the words of JSON: string, number, boolean, object, array, null."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case dict():
            return "object"
        case list():
            return "array"
        case _:
            return "number"


def shape_of(value: Any) -> str:
    """What a value looks like, and nothing of what it says: it may be a person's."""
    shape = "number with a fraction"
    match value:
        case str():
            looks = next((words for fits, words in _LOOKS if fits(value)), "")
            shape = f"text of {_counted(len(value), 'character')}{looks}"
        case dict():
            shape = f"object with {_counted(len(value), 'field')}"
        case list():
            of = " or ".join(sorted({json_type(item) for item in value}))
            shape = f"list of {_counted(len(value), 'item')}{of and f' ({of})'}"
        case None:
            shape = "null"
        case bool():
            shape = "true or false"
        case int():
            shape = f"number of {_counted(len(str(abs(value))), 'digit')}"
    return shape


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


_LOOKS: Final = (
    (_is_digits, ", digits only"),
    (parse_time, ", a time"),
    (_is_url, ", a URL"),
)

"""Collects what is in events but not in the catalog. Keeps type and shape of values only."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import NoneType
from typing import Any, Final

from pydantic import ValidationError

from consumer.events.catalog import model_of
from consumer.events.catalog.base import Record
from consumer.events.catalog.caliper.envelope import Envelope
from consumer.events.catalog.describe import all_fields_of, fields_of
from consumer.events.catalog.metadata import Metadata
from consumer.events.drift import ANY_EVENT, Unknown, inner_path, unknown_in
from consumer.events.timestamps import parse_day, parse_time
from consumer.messages import Event

#: How many different unknown things, and misfits, are remembered.
_MOST: Final = 10_000
#: How many fields of an unknown event are remembered.
_MOST_FIELDS: Final = 100

_READERS: Final = {"timestamp": parse_time, "date": parse_day}
_is_url = re.compile("[a-z]+://.*", re.DOTALL).fullmatch
_JSON_TYPES: Final = {
    NoneType: "null", bool: "boolean", str: "string", dict: "object", list: "array",
}  # fmt: skip

#: A value that does not fit its type: the path, the value and the type.
_Fault = tuple[str, Any, str]


class Report:
    """What was found in events: a row for each different thing. Not for use by several threads."""

    def __init__(self) -> None:
        self._messages = self._events = self._undecodable = 0
        kinds = ("unknown_events", "unknown_fields", "misfits")
        self._rows: dict[str, dict[Unknown, dict[str, Any]]] = {kind: {} for kind in kinds}
        self._is_complete = True

    def add(self, events: tuple[Event, ...]) -> None:
        """Look at the events of a message; () if it can't be decoded."""
        self._messages += 1
        self._events += len(events)
        self._undecodable += not events
        for event in events:
            for unknown, value in unknown_in(event):
                if unknown.path:
                    self._add_value("unknown_fields", unknown, value)
                else:
                    self._add_event(unknown, body=value)
            for misfit, value, expected in _misfits_in(event):
                self._add_value("misfits", misfit, value, expected=expected)

    def _add_event(self, event: Unknown, body: Mapping[str, Any]) -> None:
        fields = self._counted(event, "unknown_events", fields={})["fields"]
        for key, value in body.items():
            path = inner_path("body" if event.format == "canvas" else "", key)
            if path in fields or len(fields) < _MOST_FIELDS:
                fields.setdefault(path, set()).add(_json_type(value))

    def _add_value(self, kind: str, field: Unknown, value: Any, **more: str) -> None:
        """Add the JSON type of a value, and the shape of the first one that is not null."""
        row = self._counted(field, kind, field=field.path, types=set(), example="null")
        row["types"].add(_json_type(value))
        if row["example"] == "null":
            row["example"] = shape_of(value)
        row.update(more)

    def _counted(self, key: Unknown, kind: str, **new: Any) -> dict[str, Any]:
        """The row of this event or field, with one added to its count; one to forget if full."""
        new |= {"format": key.format, "event_name": key.name, "count": 0}
        rows = self._rows[kind]
        if key not in rows and len(rows) >= _MOST:
            self._is_complete = False
            return new
        row = rows.setdefault(key, new)
        row["count"] += 1
        return row

    def as_data(self) -> dict[str, Any]:
        """All of it as data, the most frequent first. Types are sets."""
        return {
            "messages": self._messages,
            "events": self._events,
            "undecodable": self._undecodable,
            **{kind: _most_frequent_first(rows) for kind, rows in self._rows.items()},
            "complete": self._is_complete,
        }


def _most_frequent_first(rows: dict[Unknown, dict[str, Any]]) -> list[dict[str, Any]]:
    return [rows[key] for key in sorted(rows, key=lambda key: (-rows[key]["count"], key))]


def _misfits_in(event: Event) -> Iterator[tuple[Unknown, Any, str]]:
    model = model_of(event.name, event.format)
    canvas = event.format == "canvas"
    if model is not None:
        for path, value, expected in _faults(model, event.body, "body" if canvas else ""):
            yield Unknown(event.format, event.name, path), value, expected
    around = (Metadata, "metadata") if canvas else (Envelope, "envelope")
    for path, value, expected in _faults(around[0], event.metadata, around[1]):
        yield Unknown(event.format, ANY_EVENT, path), value, expected


def _faults(model: type[Record], values: Mapping[str, Any], path: str) -> Iterator[_Fault]:
    yield from _unread(model, values, path)
    try:
        model.model_validate(values)
    except ValidationError as error:
        types = _types(model, path)
        found: dict[str, _Fault] = {}
        for fault in error.errors(include_url=False, include_context=False, include_input=False):
            where, value = _followed(fault["loc"], values, path)
            found.setdefault(where, (where, value, types.get(where, fault["msg"])))
        yield from found.values()


def _unread(model: type[Record], values: Mapping[str, Any], path: str) -> Iterator[_Fault]:
    """Times and dates that can't be read: the model has None for them, without an error."""
    for facts in _fields(model):
        value, where = values.get(facts.key), inner_path(path, facts.key)
        if facts.record is not None:
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    inner = f"{where}[]" if isinstance(value, list) else where
                    yield from _unread(facts.record, item, inner)
        elif facts.kind in _READERS and value not in (None, "") and not _READERS[facts.kind](value):
            yield where, value, facts.type_words


_fields = lru_cache(maxsize=1_000)(fields_of)


@lru_cache(maxsize=300)
def _types(model: type[Record], path: str) -> dict[str, str]:
    """The type of each field in plain words."""
    return {where: facts.type_words for where, facts in all_fields_of(model, path)}


def _followed(place: tuple[int | str, ...], values: Any, path: str) -> tuple[str, Any]:
    """Path and value of a fault, without the alternatives of a type that pydantic adds to it."""
    for part in place:
        if isinstance(values, dict) and isinstance(part, str) and part in values:
            path, values = inner_path(path, part), values[part]
        elif isinstance(values, list) and isinstance(part, int) and part < len(values):
            path, values = f"{path}[]", values[part]
        else:
            break
    return path, values


def _json_type(value: Any) -> str:
    return _JSON_TYPES.get(type(value), "number")


def shape_of(value: Any) -> str:
    """What a value looks like, without its content, which may be personal data."""
    match value:
        case None:
            shape = "null"
        case bool():
            shape = "true or false"
        case float():
            shape = "number with a fraction"
        case int():
            shape = f"number of {_counted(len(str(abs(value))), 'digit')}"
        case dict():
            shape = f"object with {_counted(len(value), 'field')}"
        case list():
            types = " or ".join(sorted({_json_type(item) for item in value}))
            shape = f"list of {_counted(len(value), 'item')}{types and f' ({types})'}"
        case _:
            shape = f"text of {_counted(len(value), 'character')}{_look_of(value)}"
    return shape


def _look_of(text: str) -> str:
    if text.isascii() and text.isdecimal():
        return ", digits only"
    if parse_time(text):
        return ", a time"
    return ", a URL" if _is_url(text) else ""


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"

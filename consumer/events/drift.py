"""Drift: names of events, and fields, that the catalog does not list.

Uses only the small table in `catalog/shapes.json`, so that a daemon can check each event without
loading a model.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from threading import Lock
from typing import Any, Final, NamedTuple

from consumer.events.catalog.index import table
from consumer.messages import Event, Format

#: In place of the event's name, for fields that any event may have: metadata, envelope.
ANY_EVENT: Final = "*"

#: Names come from outside: longer ones are cut.
_LONGEST = 100
_is_plain = re.compile(r"@?[A-Za-z_][A-Za-z0-9_-]{0,99}").fullmatch
#: A key that may be data: an address, or one that contains an id.
_may_be_data = re.compile(r".@|[0-9]{5}").search
#: After so many events of a name in a row without drift, only one in `RARELY` is checked.
SURE: Final = 100
RARELY: Final = 10
#: At most so many unknown fields of an event are reported.
_MOST_IN_ONE = 200
#: The keys of a message in Canvas format; self-hosted Canvas sends attributes instead of metadata.
_TOP = frozenset({"metadata", "attributes", "body"})


class Unknown(NamedTuple):
    """An event, or a field of it, that the catalog does not list in this format.

    Both texts are short and printable ASCII, for any input.
    """

    format: Format
    #: Of the event; `ANY_EVENT` for a field outside the body: metadata, envelope, other keys.
    name: str
    #: Where the field is, as `inner_path` writes it; "" for the event itself.
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """The known fields of an object."""

    known: frozenset[str]
    #: Those that are objects, or lists of objects.
    inside: "tuple[tuple[str, Shape], ...]" = ()


@cache
def _shape(number: int) -> Shape:
    row: dict[str, int | None] = table()["shapes"][number]
    inside = tuple((key, _shape(inner)) for key, inner in row.items() if inner is not None)
    return Shape(frozenset(row), inside)


@cache
def _numbers(event_format: Format) -> Mapping[str, int]:
    by_category = [table()["caliper"]] if event_format == "caliper" else table()["canvas"].values()
    return {name: number for found in by_category for name, number in found.items()}


def shape_of(event_format: Format, name: str) -> Shape | None:
    """The shape of an event's body, or None if the catalog does not list it in this format.

    Any thread may call it.
    """
    number = _numbers(event_format).get(name)
    return None if number is None else _shape(number)


@cache
def shape_around(event_format: Format) -> Shape:
    """The shape of what surrounds any event: Canvas's metadata, Caliper's envelope."""
    return _shape(table()["metadata" if event_format == "canvas" else "envelope"])


class Drift:
    """Checks events: all of a name until a hundred in a row had no drift, then one in ten.

    A check takes as much CPU time as decoding, and a change in Canvas affects all later events.
    Any thread may call it; only an event with drift takes a lock.

    Args:
        on_new: called once with each `Unknown`, in the thread that found it; must not raise.
        most: how many different ones are remembered; the others are only counted.
    """

    def __init__(
        self, on_new: Callable[[Unknown], None] | None = None, *, most: int = 1_000
    ) -> None:
        self._on_new = on_new
        self._most = most
        self._lock = Lock()
        self._counts: dict[Unknown, int] = {}
        #: Events so far whose name the catalog does not list.
        self.unknown_names = 0
        #: Fields so far that the catalog does not list.
        self.unknown_fields = 0
        #: Entities so far that were skipped in Caliper envelopes.
        self.skipped_entities = 0
        #: How many events in a row had no drift.
        self._fitting: dict[Shape, int] = {}

    def see(self, event: Event) -> None:
        """Check an event, and count what is unknown in it."""
        if event.skipped and not event.index:
            with self._lock:
                self.skipped_entities += event.skipped
        shape = shape_of(event.format, event.name)
        fitting = 0 if shape is None else self._fitting.get(shape, 0)
        found: list[Unknown] = []
        if fitting < SURE or fitting % RARELY == 0:
            found = [unknown for unknown, _ in unknown_in(event)]
        if shape is not None:
            self._fitting[shape] = 0 if found else fitting + 1
        if found:
            self._count(found)

    def _count(self, found: list[Unknown]) -> None:
        new: list[Unknown] = []
        with self._lock:
            for unknown in found:
                if unknown.path:
                    self.unknown_fields += 1
                else:
                    self.unknown_names += 1
                count = self._counts.get(unknown, 0)
                if not count:
                    if len(self._counts) >= self._most:
                        continue
                    new.append(unknown)
                self._counts[unknown] = count + 1
        if self._on_new is not None:
            for unknown in new:
                self._on_new(unknown)

    def counts(self) -> dict[Unknown, int]:
        """How often each was found: exact, but only of the first `most` different ones."""
        with self._lock:
            return dict(self._counts)


def unknown_in(event: Event) -> Iterator[tuple[Unknown, Any]]:
    """What the catalog does not list of this event, each with its value; for an event its body.

    For an unknown event only the fields outside the body are included. At most 200 fields.
    """
    shape = shape_of(event.format, event.name)
    canvas = event.format == "canvas"
    if shape is None:
        yield Unknown(event.format, printable(event.name), ""), event.body
    outside = _unknown_fields(
        shape_around(event.format), event.metadata, "metadata" if canvas else "envelope"
    )
    if canvas:
        beside = ((inner_path("", k), v) for k, v in event.payload.items() if k not in _TOP)
        outside = chain(beside, outside)
    for path, value in islice(outside, _MOST_IN_ONE):
        yield Unknown(event.format, ANY_EVENT, path), value
    if shape is not None:
        found = _unknown_fields(shape, event.body, "body" if canvas else "")
        for path, value in islice(found, _MOST_IN_ONE):
            yield Unknown(event.format, event.name, path), value


def _unknown_fields(
    shape: Shape, values: Mapping[str, Any], path: str
) -> Iterator[tuple[str, Any]]:
    if not shape.known.issuperset(values):
        for key, value in values.items():
            if key not in shape.known:
                yield inner_path(path, key), value
    for key, inner in shape.inside:
        value = values.get(key)
        if isinstance(value, dict):
            yield from _unknown_fields(inner, value, inner_path(path, key))
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    yield from _unknown_fields(inner, item, f"{inner_path(path, key)}[]")


def inner_path(path: str, key: str) -> str:
    """The path of a field: `body.user.name`, `object.extensions["com.instructure.canvas"].url`.

    The elements of a list are `[]`, as in `jq`. A key that may be data itself (an address, an id)
    is written as `["*"]`, a long one is cut.
    """
    if _may_be_data(key):
        return f'{path}["*"]'
    if _is_plain(key):
        return f"{path}.{key}" if path else key
    return f'{path}["{printable(key)}"]'


def printable(text: str) -> str:
    """At most 100 characters of a text from outside, in ASCII; the others are escaped."""
    cut = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
    return json.dumps(cut)[1:-1]

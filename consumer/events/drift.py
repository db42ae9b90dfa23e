"""What comes that the catalog does not know: names of events, and fields. Counted, told once each.

Knows the catalog by a small table of names only (`catalog/shapes.json`), so that it can look at
every event of a daemon that never loads a model.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from consumer.events.catalog.index import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from consumer.messages import Event, Format

#: Stands for the name of the event where a field belongs to all: metadata, envelope.
ANY_EVENT: Final = "*"

#: Names come from outside: no longer ones are remembered.
_LONGEST = 100
_is_plain = re.compile(r"@?[A-Za-z_][A-Za-z0-9_-]{0,99}").fullmatch
#: A key that may be data: an address, or with an id in it.
_may_be_data = re.compile(r".@|[0-9]{5}").search
#: So many events of a name in a row must fit before only one in `RARELY` is looked at.
SURE: Final = 100
RARELY: Final = 10
#: More in one event are not looked at: it is another thing altogether.
_MOST_IN_ONE = 200
#: What a message in Canvas format has; self-hosted Canvas calls its metadata attributes.
_TOP = frozenset({"metadata", "attributes", "body"})


class Unknown(NamedTuple):
    """An event, or a field of it, that the catalog does not know in this format.

    Both texts are short and printable ASCII, whatever came.
    """

    format: Format
    #: Of the event; `ANY_EVENT` for what is around it: metadata, envelope, other keys.
    name: str
    #: Where the field is, as `inner_path` puts it; "" for the event itself.
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """The fields that the catalog knows of an object."""

    known: frozenset[str]
    #: Those that are objects again, or lists of them.
    inside: tuple[tuple[str, Shape], ...] = ()


class Shapes:
    """The table: made from the file on first use, the shape of each event when it is asked for.

    Any thread may use it.
    """

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._rows: list[dict[str, int | None]] = table["shapes"]
        self._names: dict[Format, dict[str, int]] = {
            "canvas": {k: n for found in table["canvas"].values() for k, n in found.items()},
            "caliper": table["caliper"],
        }
        self._made: dict[int, Shape] = {}
        #: By format: what goes around every event. Canvas's metadata, Caliper's envelope.
        self.around: Final[Mapping[Format, Shape]] = {
            "canvas": self._shape(table["metadata"]),
            "caliper": self._shape(table["envelope"]),
        }

    def of(self, event_format: Format, name: str) -> Shape | None:
        """The shape of the event with this name; None if the catalog does not know it."""
        number = self._names[event_format].get(name)
        return None if number is None else self._shape(number)

    def _shape(self, number: int) -> Shape:
        shape = self._made.get(number)
        if shape is None:
            row = self._rows[number]
            shape = Shape(
                frozenset(row),
                tuple((key, self._shape(n)) for key, n in row.items() if n is not None),
            )
            self._made[number] = shape
        return shape


@cache
def shapes() -> Shapes:
    """The table that comes with this package."""
    return Shapes(table())


class Drift:
    """Looks at events: at each, until a hundred of a name in a row were as the catalog has them.

    Then at one in ten of that name, since a look costs as much as reading the event. What changes
    in Canvas changes in all that follows. Any thread may call it; a lock is taken only for what is
    unknown.

    Args:
        on_new: told of each `Unknown` once, in the thread that met it; must not raise.
        most: how many different ones are remembered; what comes after them is only counted.
    """

    def __init__(
        self, on_new: Callable[[Unknown], None] | None = None, *, most: int = 1_000
    ) -> None:
        self._on_new = on_new
        self._most = most
        self._lock = Lock()
        self._counts: dict[Unknown, int] = {}
        self._names = 0
        self._fields = 0
        self._skipped = 0
        #: How many events in a row were as the catalog has them.
        self._fitting: dict[Shape, int] = {}

    def see(self, event: Event) -> None:
        """Count what is unknown in this event, if anything is."""
        if event.skipped and not event.index:
            with self._lock:
                self._skipped += event.skipped
        known = shapes()
        shape = known.of(event.format, event.name)
        if shape is not None:
            fitting = self._fitting.get(shape, 0)
            self._fitting[shape] = fitting + 1
            if fitting >= SURE and fitting % RARELY:
                return
        if (
            shape is not None
            and known.around[event.format].known.issuperset(event.metadata)
            and _fits(shape, event.body)
            and (len(event.payload) == 2 or event.format != "canvas")
        ):
            return
        if shape is not None:
            self._fitting[shape] = 0
        self._note([unknown for unknown, _ in unknown_in(event)])

    def _note(self, found: list[Unknown]) -> None:
        new: list[Unknown] = []
        with self._lock:
            for unknown in found:
                if unknown.path:
                    self._fields += 1
                else:
                    self._names += 1
                count = self._counts.get(unknown, 0)
                if not count:
                    if len(self._counts) >= self._most:
                        continue
                    new.append(unknown)
                self._counts[unknown] = count + 1
        if self._on_new is not None:
            for unknown in new:
                self._on_new(unknown)

    @property
    def unknown_names(self) -> int:
        """How many events so far had a name that the catalog does not know."""
        return self._names

    @property
    def unknown_fields(self) -> int:
        """How often so far a field came that the catalog does not know."""
        return self._fields

    @property
    def skipped_entities(self) -> int:
        """How many entities so far stood beside events in Caliper envelopes, and were skipped."""
        return self._skipped

    def counts(self) -> dict[Unknown, int]:
        """How often each came: exact, but only of the first `most` different ones."""
        with self._lock:
            return dict(self._counts)


def _fits(shape: Shape, values: Mapping[str, Any]) -> bool:
    if not shape.known.issuperset(values):
        return False
    for key, inner in shape.inside:
        value = values.get(key)
        if value.__class__ is dict:
            if not _fits(inner, value):
                return False
        elif value.__class__ is list and not all(
            _fits(inner, item) for item in value if item.__class__ is dict
        ):
            return False
    return True


def unknown_in(event: Event) -> Iterator[tuple[Unknown, Any]]:
    """What the catalog does not know of this event, each with its value; of an event its body.

    Of an unknown event no field is told but those around it: of the metadata or the envelope, and
    keys beside metadata and body. At most 200.
    """
    shape = shapes().of(event.format, event.name)
    around = shapes().around[event.format]
    canvas = event.format == "canvas"
    if shape is None:
        yield Unknown(event.format, printable(event.name), ""), event.body
    found = _unknown_fields(around, event.metadata, "metadata" if canvas else "envelope")
    if canvas:
        beside = ((inner_path("", k), v) for k, v in event.payload.items() if k not in _TOP)
        found = chain(beside, found)
    for _, (path, value) in zip(range(_MOST_IN_ONE), found, strict=False):
        yield Unknown(event.format, ANY_EVENT, path), value
    if shape is not None:
        found = _unknown_fields(shape, event.body, "body" if canvas else "")
        for _, (path, value) in zip(range(_MOST_IN_ONE), found, strict=False):
            yield Unknown(event.format, event.name, path), value


def _unknown_fields(
    shape: Shape, values: Mapping[str, Any], path: str
) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if key not in shape.known:
            yield inner_path(path, key), value
    for key, inner in shape.inside:
        value = values.get(key)
        where = inner_path(path, key)
        if isinstance(value, dict):
            yield from _unknown_fields(inner, value, where)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    yield from _unknown_fields(inner, item, f"{where}[]")


def inner_path(path: str, key: str) -> str:
    """Where a field is: `body.user.name`, `object.extensions["com.instructure.canvas"].url`.

    The elements of a list are `[]`, and so is the path in the words of `jq`. A key that may be
    data itself (an address, an id) is `["*"]`, a long one cut.
    """
    if _may_be_data(key):
        return f'{path}["*"]'
    if _is_plain(key):
        return f"{path}.{key}" if path else key
    return f'{path}["{printable(key)}"]'


def printable(text: str) -> str:
    """At most a hundred characters of a text from outside, in ASCII: the others as escapes."""
    cut = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
    return json.dumps(cut)[1:-1]

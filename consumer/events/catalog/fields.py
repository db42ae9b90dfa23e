"""The types of fields in the catalog, and what is known of a field besides its type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictInt, StrictStr, WithJsonSchema

from consumer.events.identifiers import TRUNCATED_LENGTH
from consumer.events.timestamps import parse_day, parse_time

#: identifier: tells who a person is. education: part of an education record. secret: opens a door
#: (a token, a session, a signed URL).
Privacy = Literal["none", "identifier", "education", "secret"]

Kind = Literal[
    "global id", "local id", "id", "opaque id", "timestamp", "date", "text", "number", "boolean",
    "object", "text or object",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Is:
    """What kind of value a type of this module stands for; found in a field's annotation."""

    kind: Kind


def _time(value: object) -> object:
    return value if isinstance(value, datetime) else parse_time(value)


def _day(value: object) -> object:
    return value if isinstance(value, date) else parse_day(value)


def _number(value: object) -> object:
    # Caliper may write a number as {"numberStr": "7.5"}, other services as a text.
    if isinstance(value, Mapping):
        value = value.get("numberStr", value)
    return None if value == "" else value


def _object(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value else None
    except (ValueError, RecursionError):
        return value


_WRITTEN_TIME = WithJsonSchema(
    {"type": "string", "description": "ISO 8601 in one of several shapes, mostly with an offset."}
)
_WRITTEN_DAY = WithJsonSchema(
    {"type": "string", "description": "A date, alone or with a time of that day."}
)
_WRITTEN_NUMBER = WithJsonSchema(
    {
        "anyOf": [
            {"type": "number"},
            {"type": "string"},
            {"type": "object", "properties": {"numberStr": {"type": "string"}}},
        ]
    }
)

# Each value may be null or absent: Canvas leaves nulls out for some accounts.

#: With the shard in front, as text or integer and exactly as received; "" where there is none.
GlobalId = Annotated[StrictStr | StrictInt | None, Is("global id")]
#: Without the shard; otherwise like a global id.
LocalId = Annotated[StrictStr | StrictInt | None, Is("local id")]
#: Either of them, depending on who writes the event.
AnyId = Annotated[StrictStr | StrictInt | None, Is("id")]
#: An id that is none of Canvas's numbers: a UUID, an LTI id, one of an SIS or another service.
OpaqueId = Annotated[StrictStr | StrictInt | None, Is("opaque id")]
#: Aware, UTC; None also for what can't be read as a certain moment (`written` has the text).
Time = Annotated[Annotated[datetime, _WRITTEN_TIME] | None, BeforeValidator(_time), Is("timestamp")]
#: A day, whether it came alone or with a time; None also for what can't be read as one.
Day = Annotated[Annotated[date, _WRITTEN_DAY] | None, BeforeValidator(_day), Is("date")]
Text = Annotated[str | None, Is("text")]
#: Integer or float, also where it is written as a text or as `{"numberStr": ...}`.
Number = Annotated[
    Annotated[int | float, _WRITTEN_NUMBER] | None, BeforeValidator(_number), Is("number")
]
Integer = Annotated[int | None, BeforeValidator(_number), Is("number")]
Flag = Annotated[bool | None, Is("boolean")]
#: An object whose keys are not fixed; also where it comes as a text with JSON in it.
Open = Annotated[dict[str, Any] | None, BeforeValidator(_object), Is("object")]
#: A text, an object, or a list of them: the vocabulary of JSON-LD.
Context = Annotated[str | list[Any] | dict[str, Any] | None, Is("text or object")]
Texts = Annotated[list[str] | None, Is("text")]
Ids = Annotated[list[StrictStr | StrictInt] | None, Is("id")]


@dataclass(frozen=True, slots=True)
class Marks:
    """What `about` was told of a field."""

    meaning: str
    #: What an id names, such as "course".
    of: str = ""
    privacy: Privacy = "none"
    #: Canvas cuts this text at 8,192 characters.
    truncated: bool = False
    #: Values that are known to occur; others may.
    values: tuple[Any, ...] = ()


def about(
    meaning: str,
    *,
    of: str = "",
    privacy: Privacy = "none",
    truncated: bool = False,
    values: tuple[Any, ...] = (),
    alias: str | None = None,
) -> Any:
    """A field of a model: None by default, with a meaning in one line and its marks.

    They stand in the JSON Schema, too: as `description`, `examples` and keywords with `x-`.
    """
    marks: dict[str, Any] = {}
    if of:
        marks["x-id-of"] = of
    if privacy != "none":
        marks["x-privacy"] = privacy
    if truncated:
        marks["x-truncated-at"] = TRUNCATED_LENGTH
    return Field(
        default=None,
        alias=alias,
        description=meaning,
        examples=list(values) or None,
        json_schema_extra=marks or None,
    )


def marks_of(field: Any) -> Marks:
    """What `about` was told of this field, a pydantic `FieldInfo`."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    return Marks(
        meaning=field.description or "",
        of=str(extra.get("x-id-of", "")),
        privacy=extra.get("x-privacy", "none"),
        truncated="x-truncated-at" in extra,
        values=tuple(field.examples or ()),
    )

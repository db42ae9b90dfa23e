"""The types of fields in the catalog, and what is known about a field in addition to its type."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictInt, StrictStr

from consumer.events.identifiers import TRUNCATED_LENGTH
from consumer.events.timestamps import parse_day, parse_time

#: identifier: shows who a person is. education: part of an education record. secret: gives access
#: (a token, a session, a signed URL).
Privacy = Literal["none", "identifier", "education", "secret"]

Kind = Literal[
    "global id", "local id", "id", "opaque id", "timestamp", "date", "text", "number", "boolean",
    "object", "text or object",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Is:
    """The kind of value that a type of this module stands for; part of the annotation."""

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


# Each value may be null or absent: Canvas omits nulls for some accounts.

#: With the shard in front; a text or an integer, as received; "" if there is none.
GlobalId = Annotated[StrictStr | StrictInt | None, Is("global id")]
#: Without the shard; otherwise like a global id.
LocalId = Annotated[StrictStr | StrictInt | None, Is("local id")]
#: Either of them, depending on which service sends the event.
AnyId = Annotated[StrictStr | StrictInt | None, Is("id")]
#: Not a number of Canvas: a UUID, an LTI id, an id of an SIS or another service.
OpaqueId = Annotated[StrictStr | StrictInt | None, Is("opaque id")]
#: Aware, UTC; None if the text is not an unambiguous time (`written` returns the text).
Time = Annotated[datetime | None, BeforeValidator(_time), Is("timestamp")]
#: A day, received with or without a time; None if the text is not a day.
Day = Annotated[date | None, BeforeValidator(_day), Is("date")]
Text = Annotated[str | None, Is("text")]
#: Integer or float; also if it is received as a text or as `{"numberStr": ...}`.
Number = Annotated[int | float | None, BeforeValidator(_number), Is("number")]
Int = Annotated[int | None, BeforeValidator(_number), Is("number")]
Flag = Annotated[bool | None, Is("boolean")]
#: An object with any keys; also if it is received as a text that contains JSON.
Open = Annotated[dict[str, Any] | None, BeforeValidator(_object), Is("object")]
#: The vocabulary of JSON-LD: a text, an object, or a list of them.
Context = Annotated[str | list[Any] | dict[str, Any] | None, Is("text or object")]
Texts = Annotated[list[str] | None, Is("text")]
Ids = Annotated[list[StrictStr | StrictInt] | None, Is("id")]


@dataclass(frozen=True, slots=True)
class Marks:
    """What is known about a field: the arguments of `about`."""

    meaning: str
    of: str = ""
    privacy: Privacy = "none"
    truncated: bool = False
    values: tuple[Any, ...] = ()

    def __call__(self, schema: dict[str, Any]) -> None:
        """Add them to the JSON Schema of the field, also to that made by pydantic."""
        if self.of:
            schema["x-id-of"] = self.of
        if self.privacy != "none":
            schema["x-privacy"] = self.privacy
        if self.truncated:
            schema["x-truncated-at"] = TRUNCATED_LENGTH


def about(
    meaning: str,
    *,
    of: str = "",
    privacy: Privacy = "none",
    truncated: bool = False,
    values: str | tuple[Any, ...] = (),
    alias: str | None = None,
) -> Any:
    """A field of a model, None by default.

    Args:
        meaning: one line for users.
        of: what an id identifies, such as "course".
        truncated: True if Canvas cuts this text at 8,192 characters.
        values: values that are known to occur, as a tuple or separated by blanks; others may, too.
        alias: the key in the payload, if it is not the name of the field.
    """
    examples = tuple(values.split()) if isinstance(values, str) else values
    marks = Marks(meaning, of, privacy, truncated, examples)
    return Field(default=None, alias=alias, description=meaning, json_schema_extra=marks)


def marks_of(field: Any) -> Marks:
    """What is known about a field, given as pydantic's `FieldInfo`."""
    return field.json_schema_extra if isinstance(field.json_schema_extra, Marks) else Marks("")

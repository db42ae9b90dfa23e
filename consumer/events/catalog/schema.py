"""The JSON Schema (2020-12) of a whole message: what Canvas puts into the queue for one event.

It is as lenient as the models: any field may be absent or null, and others may be present.
"""

from typing import Any, Final

from consumer.events.caliper import forms_of
from consumer.events.catalog import model_of
from consumer.messages import Format

from .base import EventData, Record
from .caliper.entities import Entity
from .caliper.envelope import Envelope
from .describe import FieldFacts, fields_of, meaning_of
from .fields import Kind
from .metadata import Metadata

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

#: For kinds other than numbers and ids; the others are texts.
_TYPES: Final[dict[Kind, list[str]]] = {
    "boolean": ["boolean"],
    "object": ["object", "string"],
    "text or object": ["string", "object", "array"],
}
#: The published example of this event has another name in its metadata.
_ALSO_NAMED: Final = {"grade_override": ("grade_change",)}

_Schema = dict[str, Any]


def message_schema(name: str, event_format: Format = "canvas") -> _Schema:
    """The schema of a message with this event, as JSON data. Any thread may call it.

    In addition to the keywords of JSON Schema, a field may have `x-type` (such as "global id" or
    "timestamp"), `x-id-of`, `x-privacy` and `x-truncated-at`. Raises `KeyError` for an event that
    the catalog does not list in this format.
    """
    model = model_of(name, event_format)
    if model is None:
        raise KeyError(name)
    schemas = _Definitions(event_format)
    message = (_canvas if event_format == "canvas" else _caliper)(name, model, schemas)
    return {
        "$schema": DIALECT,
        "title": name,
        "description": meaning_of(model),
        "type": "object",
        **message,
        "$defs": schemas.definitions,
    }


def _canvas(name: str, model: type[EventData], schemas: "_Definitions") -> _Schema:
    metadata = schemas.refer(Metadata)
    metadata["properties"] = {"event_name": _one_of([name, *_ALSO_NAMED.get(name, ())])}
    return {
        "properties": {"metadata": metadata, "body": schemas.refer(model)},
        "required": ["metadata", "body"],
    }


def _caliper(name: str, model: type[EventData], schemas: "_Definitions") -> _Schema:
    event = schemas.refer(model)
    forms = forms_of(name)
    if forms:
        event["properties"] = {
            "type": _one_of([form.type for form in forms]),
            "action": _one_of([form.action for form in forms]),
        }
        event["required"] = ["type", "action"]
    properties = schemas.properties(Envelope, but="data")
    properties["data"] = {"type": "array", "minItems": 1, "items": event}
    return {"properties": properties, "required": list(properties)}


def _one_of(values: list[str]) -> _Schema:
    distinct = list(dict.fromkeys(values))
    return {"const": distinct[0]} if len(distinct) == 1 else {"enum": distinct}


class _Definitions:
    """The schemas of the objects, by the names of their classes, which differ in each event."""

    def __init__(self, event_format: Format) -> None:
        self._format = event_format
        self.definitions: dict[str, _Schema] = {}

    def refer(self, record: type[Record]) -> _Schema:
        name = record.__name__
        if name not in self.definitions:
            definition = self.definitions[name] = {"description": meaning_of(record)}
            definition |= {"type": "object", "properties": self.properties(record)}
        return {"$ref": f"#/$defs/{name}"}

    def properties(self, record: type[Record], but: str = "") -> dict[str, _Schema]:
        return {f.key: self._field(f) for f in fields_of(record) if f.key != but}

    def _field(self, facts: FieldFacts) -> _Schema:
        marks = facts.marks
        schema: _Schema = {"description": marks.meaning, **self._type(facts)}
        if facts.kind.endswith("id") or facts.kind in {"timestamp", "date"}:
            schema["x-type"] = facts.kind
        marks(schema)
        if marks.values:
            (schema["items"] if facts.many else schema)["examples"] = list(marks.values)
        return schema

    def _type(self, facts: FieldFacts) -> _Schema:
        item = self.refer(facts.record) if facts.record else {"type": self._types(facts)}
        if facts.many:
            return {"type": ["array", "null"], "items": item}
        if facts.record is None:
            return {"type": [*item["type"], "null"]}
        # Caliper allows the id alone instead of an object.
        otherwise = ["string", "null"] if issubclass(facts.record, Entity) else "null"
        return {"anyOf": [item, {"type": otherwise}]}

    def _types(self, facts: FieldFacts) -> list[str]:
        if facts.kind.endswith("id"):
            return ["string", "integer"]
        if facts.kind != "number":
            return _TYPES.get(facts.kind, ["string"])
        # Sometimes a text, and in Caliper an object such as {"numberStr": "7.5"}.
        number = ["integer" if facts.whole else "number", "string"]
        return [*number, "object"] if self._format == "caliper" else number

"""The JSON Schema of the configuration file, for editors: each key, what it means, its range."""

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, Final

from consumer.config.cases import CaseSettings
from consumer.config.conditions import DEFINITIONS, REFERENCE
from consumer.config.entries import CoalesceSettings, HandlerSettings, RedactSettings, RetryKeys
from consumer.config.fields import SECTIONS, SINGLE, right_for
from consumer.config.handler_options import OPTIONS, REQUIRED
from consumer.config.handlers import ENTRY_POINT_GROUP
from consumer.config.models import Settings
from consumer.config.section import Section

#: The sections of a handler.
_SECTIONS: Final[tuple[tuple[str, type[Section], str], ...]] = (
    ("retry", RetryKeys, "its own delays"),
    ("redact", RedactSettings, "what of a person it gets to see"),
    ("coalesce", CoalesceSettings, "one call for many events"),
)


def file_schema(meanings: Mapping[str, str]) -> dict[str, Any]:
    """A schema (2020-12) that accepts what `load` accepts in a file, as far as a schema can say it.

    Args:
        meanings: what dotted keys and sections mean; precedes what would be right for them.
    """
    properties = _keys(Settings, "", meanings)
    properties |= {name: _either(properties[name], {"type": "null"}) for name in SINGLE}
    for name, entry in (("handlers", _entry()), ("tests", _case())):
        properties[name] = {
            "type": ["array", "null"],
            "description": meanings.get(name, ""),
            "items": entry,
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of canvas-live-events-consumer",
        **_object(properties, "null"),
        "$defs": DEFINITIONS,
    }


def _case() -> dict[str, Any]:
    keys = _keys(CaseSettings, "tests.", {})
    keys["gets"]["additionalProperties"] = REFERENCE
    return {
        **_object(keys, description="a test: an event, and the handlers that are to get it"),
        "required": ["name", "handlers"],
        "oneOf": [{"required": ["event"]}, {"required": ["payload"]}],
    }


def _entry() -> dict[str, Any]:
    keys = _keys(HandlerSettings, "handlers.", {})
    del keys["type"], keys["options"]
    keys["events"]["anyOf"].append({"type": "null"})
    keys["when"] = _either({**REFERENCE, **keys["when"]}, {"type": "null"})
    for name, section, meaning in _SECTIONS:
        keys[name] = _object(_keys(section, "", {}), "null", meaning)
    types = {kind: _object(options, "null") for kind, options in OPTIONS.items()}
    for kind, required in REQUIRED.items():
        types[kind] |= {"type": "object", "required": required}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        types.setdefault(point.name, {"type": ["object", "null"]})
    return {
        **_object({**keys, **types}, description="a handler: its name, and one type"),
        "required": ["name"],
        "oneOf": [{"required": [kind]} for kind in types],
    }


def _keys(model: type[Section], prefix: str, meanings: Mapping[str, str]) -> dict[str, Any]:
    keys: dict[str, Any] = model.model_json_schema()["properties"]
    for name, field in model.model_fields.items():
        if section := SECTIONS.get(f"{prefix}{name}"):
            inner = _keys(section, f"{prefix}{name}.", meanings)
            # A section whose lines are all commented out is null.
            keys[name] = _object(inner, "null", meanings.get(f"{prefix}{name}", ""))
            continue
        keys[name].pop("title", None)  # the key in other letters
        right = f"Must be {right_for(field)}."
        keys[name]["description"] = f"{meanings.get(prefix + name, '')} {right}".strip()
        if keys[name].get("type") == "array":
            keys[name] = _either(keys[name], keys[name]["items"])  # one item needs no list
    return keys


def _either(key: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {"description": key.pop("description"), "anyOf": [key, other]}


def _object(
    properties: dict[str, Any], other_type: str = "object", description: str = ""
) -> dict[str, Any]:
    return {
        "type": sorted({"object", other_type}),
        "description": description,
        "properties": properties,
        "additionalProperties": False,
    }

"""The JSON Schema of the configuration file, for editors: each key, what it means, its range."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from consumer.config.fields import (
    SECTIONS,
    bare_type,
    choices,
    is_list,
    right_for,
    takes_none,
)
from consumer.config.handlers import ENTRY_POINT_GROUP
from consumer.config.models import HandlerSettings, RetryKeys, Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

_TYPES: Final = {int: "integer", float: "number", bool: "boolean"}
#: The options of the built-in handlers.
_OPTIONS: Final[dict[str, Any]] = {
    "archive": {
        "directory": {
            "type": ["string", "null"],
            "description": "where; else in the state directory",
        },
        "max_file_bytes": {"type": "integer", "minimum": 1, "default": 134_217_728},
        "scrub_secrets": {"type": "boolean", "default": True},
    },
    "log": {},
    "python": {"target": {"type": "string", "description": "module:function or module:registry"}},
}
NO_MEANINGS: Final[Mapping[str, str]] = MappingProxyType({})
_NULL: Final = {"type": "null"}


def file_schema(meanings: Mapping[str, str]) -> dict[str, Any]:
    """A schema (2020-12) that takes what `load` takes in a file, as far as a schema can say it.

    Args:
        meanings: what dotted keys and sections mean; stands before what would be right for them.
    """
    properties: dict[str, Any] = {
        # A section whose lines are all commented out is null.
        name: _object(
            _keys(model, name, meanings), nullable=True, description=meanings.get(name, "")
        )
        for name, model in SECTIONS.items()
    }
    properties["handlers"] = {
        "type": ["array", "null"],
        "description": meanings.get("handlers", ""),
        "items": _entry(),
    }
    properties["unmatched"] = {
        "enum": ["archive", "delete"],
        "default": "archive",
        "description": meanings.get("unmatched", ""),
    }
    properties["state_directory"] = {
        "type": ["string", "null"],
        "description": meanings.get("state_directory", ""),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of canvas-live-events-consumer",
        **_object(properties, nullable=True),
    }


def _entry() -> dict[str, Any]:
    keys = _keys(HandlerSettings, "handlers")
    for ours in ("type", "options"):
        del keys[ours]
    keys["events"] = {
        "description": 'names of events, or patterns with * and ?; else ["*"]',
        "anyOf": [_text(), {"type": "array", "minItems": 1, "items": _text()}, _NULL],
    }
    keys["retry"] = _object(_keys(RetryKeys, "retry"), nullable=True, description="its own delays")
    types = {kind: _object(options, nullable=True) for kind, options in _OPTIONS.items()}
    types["python"] |= {"type": "object", "required": ["target"]}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        types.setdefault(point.name, {"type": ["object", "null"]})
    entry = _object({**keys, **types}, description="a handler: its name, and one type")
    return {
        **entry,
        "required": ["name"],
        "oneOf": [{"required": [kind]} for kind in types],
    }


def _keys(
    model: type[Section], section: str, meanings: Mapping[str, str] = NO_MEANINGS
) -> dict[str, Any]:
    keys = {}
    for name, field in model.model_fields.items():
        meaning = meanings.get(f"{section}.{name}", "")
        right = f"Must be {right_for(field, f'{section}.{name}')}."
        keys[name] = {"description": f"{meaning} {right}".strip(), **_key(field)}
    return keys


def _key(field: FieldInfo) -> dict[str, Any]:
    kind = bare_type(field.annotation)
    schema: dict[str, Any] = {}
    if is_list(field):
        items = {"enum": list(choices(field))}
        schema["anyOf"] = [{"type": "array", "items": items}, items]
    elif words := choices(field):
        schema["enum"] = [*words, *([None] if takes_none(field) else [])]
    else:
        name = _TYPES.get(kind, "string")
        schema["type"] = [name, "null"] if takes_none(field) else name
    for bound, word in (("ge", "minimum"), ("le", "maximum"), ("pattern", "pattern")):
        value = next((getattr(m, bound) for m in field.metadata if hasattr(m, bound)), None)
        if value is not None:
            schema[word] = value
    if field.default is not None and not field.is_required() and kind is not SecretStr:
        schema["default"] = _plain(field.default)
    return schema


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def _text() -> dict[str, Any]:
    return {"type": "string", "minLength": 1}


def _object(
    properties: dict[str, Any], *, nullable: bool = False, description: str = ""
) -> dict[str, Any]:
    return {
        "type": ["object", "null"] if nullable else "object",
        **({"description": description} if description else {}),
        "properties": properties,
        "additionalProperties": False,
    }

"""Conditions on events as the configuration has them: their form, as text, and as JSON Schema.

What they mean is checked where they are understood: `consumer.handlers.around.conditions`.
"""

import math
from typing import Annotated, Any, Final

import yaml
from pydantic import BeforeValidator

_SCALAR: Final = {"type": ["string", "number", "boolean"]}
_OPERATORS: Final[dict[str, Any]] = {
    "equals": {**_SCALAR, "description": "it has this value"},
    "in": {
        "type": "array", "minItems": 1, "items": _SCALAR,
        "description": "it has one of these values",
    },
    "glob": {
        "type": ["string", "array"], "minItems": 1, "items": {"type": "string"},
        "description": "it is a text that matches this pattern with * and ?, or one of them",
    },
    "exists": {"type": "boolean", "description": "it is there, and not null"},
    "not": {"$ref": "#/$defs/condition", "description": "the opposite of a value or of operators"},
}  # fmt: skip
#: The common view of events.
_COMMON: Final = {
    "name": "the name of the event",
    "format": "canvas or caliper",
    "change": "created, updated, deleted or restored",
    "triggered_by_job": "true: a background job of Canvas caused it",
    "user_id": "who caused it",
    "course_id": "the course where it happened",
    "account_id": "the root account",
    "entity_id": "what it is about",
    "entity_kind": "what kind of thing that is, such as submission",
}
_MAPPING: Final[dict[str, Any]] = {
    "type": "object",
    "minProperties": 1,
    "properties": {
        name: {"$ref": "#/$defs/condition", "description": meaning}
        for name, meaning in _COMMON.items()
    },
    "patternProperties": {r"^(body|metadata)\..": {"$ref": "#/$defs/condition"}},
    "additionalProperties": False,
}

#: To be added to a schema that refers to conditions.
DEFINITIONS: Final[dict[str, Any]] = {
    "condition": {
        "anyOf": [
            _SCALAR,
            {
                "type": "object", "minProperties": 1,
                "properties": _OPERATORS, "additionalProperties": False,
            },
        ]
    },
    "conditions": {"anyOf": [_MAPPING, {"type": "array", "minItems": 1, "items": _MAPPING}]},
}  # fmt: skip
REFERENCE: Final = {"$ref": "#/$defs/conditions"}


def _checked(value: object) -> object:
    found = value if isinstance(value, (list, tuple)) else [value]
    if value is not None and not all(isinstance(mapping, dict) for mapping in found):
        raise ValueError("a mapping, or a list of mappings")
    return value


#: A mapping, a list of mappings, or None.
Conditions = Annotated[Any, BeforeValidator(_checked)]


def written(conditions: Any) -> str:
    """The conditions as one line of YAML, without the outer braces."""
    text = yaml.safe_dump(conditions, default_flow_style=True, sort_keys=False, width=math.inf)
    return text.strip().removeprefix("{").removesuffix("}")

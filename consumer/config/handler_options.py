"""The options of the built-in handlers, as JSON Schema: for editors, and for the README's tables.

What an option must be is checked by the handler itself.
"""

from typing import Any, Final

_TEXT: Final = {"type": ["string", "null"]}
_SCRUB: Final = {
    "type": "boolean", "default": True,
    "description": "remove access tokens and other secrets from URLs in events",
}  # fmt: skip

#: By type: each option with what it accepts and means.
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "archive": {
        "directory": {**_TEXT, "description": "where; else in the state directory"},
        "max_file_bytes": {"type": "integer", "minimum": 1, "default": 134_217_728},
        "scrub_secrets": _SCRUB,
    },
    "command": {
        "run": {
            "type": ["array", "string"],
            "items": {"type": "string"},
            "minItems": 1,
            "description": "the program and its arguments, a list; no shell is involved",
        },
        "mode": {
            "enum": ["batch", "lines"],
            "default": "batch",
            "description": "batch: a process for each batch; lines: a long-lived one that answers",
        },
        "answer_seconds": {
            "type": "number",
            "minimum": 0.1,
            "maximum": 43_200,
            "default": 60,
            "description": "how long it may take for a batch (lines: until its next answer)",
        },
        "directory": {**_TEXT, "description": "where it runs; else the daemon's directory"},
        "environment": {
            "type": ["object", "null"],
            "additionalProperties": {"type": ["string", "integer", "null"]},
            "description": "further variables; null: the value that the daemon has",
        },
        "stderr": {
            "enum": ["discard", "inherit"],
            "default": "discard",
            "description": "what becomes of what it writes to standard error",
        },
        "scrub_secrets": _SCRUB,
    },
    "log": {},
    "python": {"target": {"type": "string", "description": "module:function or module:registry"}},
}

#: By type: the options that it can't do without.
REQUIRED: Final[dict[str, list[str]]] = {"command": ["run", "mode"], "python": ["target"]}

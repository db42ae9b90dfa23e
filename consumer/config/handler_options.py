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
    "log": {},
    "postgres": {
        "connection": {
            "type": "string",
            "description": "libpq's URI or text, without a password: postgresql://USER@HOST/DATABASE",
        },
        "password_file": {
            **_TEXT,
            "description": "a file that holds the password and nothing else",
        },
        "table": {**_TEXT, "default": "live_events", "description": "NAME or SCHEMA.NAME"},
        "create": {
            "type": "boolean",
            "default": True,
            "description": "create the table and migrate",
        },
        "views": {
            "type": "boolean",
            "default": True,
            "description": "create a view for each event",
        },
        "scrub_secrets": _SCRUB,
    },
    "python": {"target": {"type": "string", "description": "module:function or module:registry"}},
}

#: By type: the options that it can't do without.
REQUIRED: Final[dict[str, list[str]]] = {"postgres": ["connection"], "python": ["target"]}

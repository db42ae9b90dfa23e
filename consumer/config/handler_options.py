"""The options of the built-in handlers, as JSON Schema: for editors, and for the README's tables.

What an option must be is checked by the handler itself.
"""

from typing import Any, Final

_TEXT: Final = {"type": ["string", "null"]}
_SCRUB: Final = {
    "type": "boolean", "default": True,
    "description": "remove access tokens and other secrets from URLs in events",
}  # fmt: skip
#: Of `handlers.sql.options`.
_TABLE: Final = {
    "type": ["string", "null"], "default": "live_events",
    "pattern": "^(?!sqlite_|pg_|live$)[a-z_][a-z0-9_]{0,23}$",
}  # fmt: skip

#: By type: each option with what it accepts and means.
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "archive": {
        "directory": {**_TEXT, "description": "where; else in the state directory"},
        "max_file_bytes": {"type": "integer", "minimum": 1, "default": 134_217_728},
        "scrub_secrets": _SCRUB,
    },
    "log": {},
    "sqlite": {
        "file": {**_TEXT, "description": "where; else live_events.sqlite3 in the state directory"},
        "table": {**_TABLE, "description": "the table's name"},
        "views": {
            "type": "boolean",
            "default": True,
            "description": "whether there is a view for each known event",
        },
        "scrub_secrets": _SCRUB,
    },
    "python": {"target": {"type": "string", "description": "module:function or module:registry"}},
}

#: By type: the options that it can't do without.
REQUIRED: Final[dict[str, list[str]]] = {"python": ["target"]}

"""The options of the built-in handlers, as JSON Schema: for editors, and for the README's tables.

What an option must be is checked by the handler itself.
"""

from typing import Any, Final

_TEXT: Final = {"type": ["string", "null"]}
_LIMIT: Final = {"type": ["integer", "null"], "minimum": 1}
_SCRUB: Final = {
    "type": "boolean", "default": True,
    "description": "remove access tokens and other secrets from URLs in events",
}  # fmt: skip
#: Of `handlers.sql.options`.
_TABLE: Final = {
    "type": ["string", "null"], "default": "live_events", "pattern": "^[a-z_][a-z0-9_]{0,23}$",
}  # fmt: skip

_AWS: Final = {
    "region": {**_TEXT, "description": "its AWS region; else the queue's"},
    "endpoint_url": {**_TEXT, "description": "another endpoint than AWS's own"},
    "scrub_secrets": _SCRUB,
}
_CONTENT: Final = {
    "enum": ["record", "raw"], "default": "record",
    "description": "the record, as in the archive, or the payload alone",
}  # fmt: skip

#: By type: each option with what it accepts and means.
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "archive": {
        "directory": {**_TEXT, "description": "where; else in the state directory"},
        "max_file_bytes": {"type": "integer", "minimum": 1, "default": 134_217_728},
        "gzip": {
            "type": "boolean",
            "default": False,
            "description": "compress files that are full or of an earlier day",
        },
        "keep_days": {
            **_LIMIT,
            "description": "delete files that are older; else they are kept for ever",
        },
        "keep_bytes": {
            **_LIMIT,
            "description": "delete the oldest files while all together are larger",
        },
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
    "eventbridge": {
        "bus": {"type": "string", "default": "default", "description": "its name or ARN"},
        "source": {"type": "string", "default": "canvas.live-events"},
        "detail": _CONTENT,
        **_AWS,
    },
    "log": {},
    "postgres": {
        "connection": {
            "type": "string",
            "description": "libpq's URI or text, without a password: postgresql://USER@HOST/DATABASE",
        },
        "password_file": {**_TEXT, "description": "a file with the password and nothing else"},
        "table": {**_TEXT, "default": "live_events", "description": "NAME or SCHEMA.NAME"},
        "create": {
            "type": "boolean",
            "default": True,
            "description": "whether the table and the views are created and migrated",
        },
        "views": {
            "type": "boolean",
            "default": True,
            "description": "whether there is a view for each known event",
        },
        "scrub_secrets": _SCRUB,
    },
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
    "s3": {
        "bucket": {"type": "string"},
        "prefix": {**_TEXT, "description": "what all keys begin with"},
        "max_object_bytes": {"type": "integer", "minimum": 1, "default": 67_108_864},
        "kms_key": {**_TEXT, "description": "the ARN of a KMS key; else as the bucket encrypts"},
        **_AWS,
    },
    "sqs": {
        "queue_url": {"type": "string", "description": "another queue than the one consumed"},
        "body": _CONTENT,
        **_AWS,
    },
}

#: By type: the options that it can't do without.
REQUIRED: Final[dict[str, list[str]]] = {
    "command": ["run", "mode"], "postgres": ["connection"], "python": ["target"],
    "s3": ["bucket"], "sqs": ["queue_url"],
}  # fmt: skip

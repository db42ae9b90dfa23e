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
    "type": ["string", "null"], "default": "live_events",
    "pattern": "^(?!sqlite_|pg_|live$)[a-z_][a-z0-9_]{0,23}$",
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
    "http": {
        "url": {**_TEXT, "description": "where to post; reasons show its host"},
        "url_file": {**_TEXT, "description": "a file with the URL, if that is a secret"},
        "method": {"enum": ["POST", "PUT", None], "default": "POST"},
        "body": {
            "enum": ["json", "ndjson", None],
            "default": "json",
            "description": "json: the record of the event, or an array of them with batch_size",
        },
        "template": {
            "type": ["string", "object", "array", "null"],
            "description": "a message about one event, with values such as {body.title}",
        },
        "preset": {"enum": ["none", "splunk_hec", "slack", None], "default": "none"},
        "source": {**_TEXT, "default": "canvas-live-events", "description": "for splunk_hec"},
        "sourcetype": {**_TEXT, "description": "for splunk_hec; else the token's"},
        "index": {**_TEXT, "description": "for splunk_hec; else the token's"},
        "host": {**_TEXT, "description": "for splunk_hec; else the token's"},
        "headers": {
            "type": ["object", "null"],
            "additionalProperties": {"type": "string"},
            "description": "further headers",
        },
        "token": {**_TEXT, "description": "sent as Authorization: Bearer TOKEN"},
        "token_file": {**_TEXT, "description": "a file with the token"},
        "token_type": {**_TEXT, "default": "Bearer", "description": "Splunk for splunk_hec"},
        "signing_secret": {**_TEXT, "description": "signs each request; base64, or whsec_…"},
        "signing_secret_file": {**_TEXT, "description": "a file with it"},
        "second_signing_secret": {**_TEXT, "description": "signs, too, while one is replaced"},
        "second_signing_secret_file": {**_TEXT, "description": "a file with it"},
        "reject": {
            "type": ["array", "string", "integer", "null"],
            "default": ["4xx"],
            "description": "the answers that are about one event, which is then rejected",
        },
        "connect_timeout_seconds": {"type": "number", "default": 5},
        "request_timeout_seconds": {"type": "number", "default": 30},
        "ca_file": {**_TEXT, "description": "certificates to trust (PEM); else the system's"},
        "scrub_secrets": _SCRUB,
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

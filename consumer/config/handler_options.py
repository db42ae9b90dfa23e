"""The options of the built-in handlers, as JSON Schema: for editors, and for the README's tables.

What an option must be is checked by the handler itself.
"""

from typing import Any, Final

_TEXT: Final = {"type": ["string", "null"]}
_SCRUB: Final = {
    "type": "boolean", "default": True,
    "description": "remove access tokens and other secrets from URLs in events",
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
        "scrub_secrets": _SCRUB,
    },
    "eventbridge": {
        "bus": {"type": "string", "default": "default", "description": "its name or ARN"},
        "source": {"type": "string", "default": "canvas.live-events"},
        "detail": _CONTENT,
        **_AWS,
    },
    "log": {},
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
    "python": ["target"], "s3": ["bucket"], "sqs": ["queue_url"],
}  # fmt: skip

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
    "python": {"target": {"type": "string", "description": "module:function or module:registry"}},
}

#: By type: the options that it can't do without.
REQUIRED: Final[dict[str, list[str]]] = {"python": ["target"]}

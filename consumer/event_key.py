"""The key of an event without an id of its own: equal for copies of the same event."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# One encoder for all calls: json.dumps with options creates one in each call.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode


def digest_of(payload: Mapping[str, Any], raw: str) -> str:
    """SHA-256 of the payload as canonical JSON: sorted keys, no white space, ASCII only.

    If it can't be written as such, SHA-256 of `raw`.
    """
    try:
        canonical = _canonical(payload)
    except (RecursionError, ValueError):  # nested too deeply, or an integer has too many digits
        canonical = raw
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()

"""What makes an event the same event again, where it has no id of its own."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# One encoder for all: json.dumps with options would build one for each call.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode


def digest_of(payload: Mapping[str, Any], raw: str) -> str:
    """SHA-256 of the payload as canonical JSON, or of its text where it can't be written so.

    Canonical is with sorted keys, no white space and ASCII only.
    """
    try:
        canonical = _canonical(payload)
    except (RecursionError, ValueError):  # nests or counts beyond what can be written
        canonical = raw
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()

"""Secrets in URLs, taken out before anything is written or logged.

Canvas reports the URL of each request, its referrer, and signed URLs of files and exports. Their
parameters hold access tokens, file verifiers and signatures, with which anybody could act.
"""

from __future__ import annotations

import json
import re
from typing import Any

SCRUBBED = "[scrubbed]"

#: A parameter whose name contains one of these is a secret (access_token, X-Amz-Signature, ...).
_STEMS = (
    "token", "secret", "signature", "verifier", "passw", "credential", "assertion", "ticket",
    "jwt", "apikey", "api_key", "saml",
)  # fmt: skip
#: And one whose whole name is one of these.
_NAMES = frozenset({
    "code", "sig", "policy", "key-pair-id", "auth", "as_user_id", "session_id", "sid", "pwd",
})  # fmt: skip

# What may stand before a parameter and behind its name: as it is, percent-encoded (any number of
# times, for a URL inside a URL), escaped in JSON, or escaped in HTML.
_BEFORE = r"(?:[?&#;]|%(?:25)*(?:3f|26|23|3b)|\\u00(?:3f|26|23|3b))"
_NAME = r"[\w.\-]{1,64}"
# A secret ends where the parameter does. Behind an encoded "=", an encoded "&" ends it, too.
_PLAIN = r"(?:[^&#\"\s<>\\]|\\/|\\u(?!00(?:22|26|23|20|3c|3e))[0-9a-f]{4})*"
_ENCODED = r"(?:[^&#\"\s<>\\%]|%(?!(?:25)*(?:26|23))|\\/)*"
_PARAMETER = re.compile(
    rf"({_BEFORE})({_NAME})(?:(=|\\u003d)({_PLAIN})|(%(?:25)*3d)({_ENCODED}))", re.IGNORECASE
)
_USER_INFO = re.compile(r"(:(?:\\?/){2})[^/?#\s\"\\@]{1,512}@")

#: ASCII written as an escape that no ordinary writer escapes could hide any of it.
_HIDDEN = re.compile(r"\\u00(?!2[2367f]|3[cde])[2-7][0-9a-f]", re.IGNORECASE)


def scrub_text(text: str) -> str:
    """`text` with the secret parameters of every URL in it replaced; all else stays as it is."""
    # Cheap to look for: a text with no "=", in none of its forms, has no parameter in it.
    if "=" in text or "%3" in text or "%2" in text or "\\u003" in text:
        text = _PARAMETER.sub(_replace, text)
    if "@" in text:
        text = _USER_INFO.sub(rf"\1{SCRUBBED}@", text)
    return text


def _replace(match: re.Match[str]) -> str:
    before, name, equals, _, encoded_equals, _ = match.groups()
    lowered = name.lower()
    if lowered in _NAMES or any(stem in lowered for stem in _STEMS):
        return f"{before}{name}{equals or encoded_equals}{SCRUBBED}"
    return match[0]


def scrub_json(raw: str) -> str:
    """The JSON text on one line, with the secrets in its URLs replaced; else as it was received.

    A text that was not strictly JSON (raw control characters, NaN) is written anew, so that the
    result always is. Raises `ValueError` for what is no JSON at all.
    """
    if not raw.isprintable() or "NaN" in raw or "Infinity" in raw:
        raw = _one_strict_line(raw)
    if "\\u00" in raw and _HIDDEN.search(raw):
        return _write(_scrub_tree(_lenient(raw)))
    return scrub_text(raw)


def _one_strict_line(raw: str) -> str:
    raw = raw.lstrip("\ufeff")
    try:
        json.loads(raw, parse_constant=_refuse, parse_int=str)
    except ValueError:
        return _write(_lenient(raw))
    # Strict JSON has control characters only between tokens, where a blank says the same.
    return raw.replace("\r", " ").replace("\n", " ").replace("\t", " ")


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _integer(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:  # more digits than Python converts: kept as text rather than lost
        return digits


def _lenient(raw: str) -> Any:
    """Parse whatever the decoder takes; NaN and its like, which JSON lacks, become their names."""
    return json.loads(raw, strict=False, parse_constant=str, parse_int=_integer)


def _write(tree: Any) -> str:
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=True)


def _scrub_tree(tree: Any) -> Any:
    """Every text in it scrubbed. Goes no deeper than the parser did."""
    if isinstance(tree, str):
        return scrub_text(tree)
    if isinstance(tree, dict):
        return {scrub_text(key): _scrub_tree(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_scrub_tree(value) for value in tree]
    return tree

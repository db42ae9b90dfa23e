"""Removes secrets in URLs before anything is written or logged.

Canvas sends the URL of each request, its referrer, and signed URLs of files and exports. Their
parameters contain access tokens, file verifiers and signatures, and the paths of feeds contain
codes. Anyone who knows them has access.
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from urllib.parse import unquote

from consumer.events.json_text import STRING, one_line

SCRUBBED = "[scrubbed]"

#: A parameter whose name contains one of these is a secret: access_token, X-Amz-Signature.
_STEMS = (
    "token", "secret", "signature", "verifier", "passw", "passcode", "passphrase", "credential",
    "assertion", "ticket", "jwt", "saml", "api_key", "api-key", "apikey", "access_key",
    "accesskey", "private_key", "sessionid", "session_id", "pairing_code",
)  # fmt: skip
#: So is one with one of these names.
_NAMES = (
    "code", "sig", "policy", "key-pair-id", "auth", "authorization", "as_user_id", "sid", "pwd",
    "session", "hmac", "invitation", "lti_message_hint",
)  # fmt: skip
#: Of longer names only the end is considered.
_LONGEST_NAME = 100

_any_of = "|".join
_ASCII = re.IGNORECASE | re.ASCII
_has_stem = re.compile(_any_of(_STEMS), _ASCII).search
_is_secret_name = re.compile(rf"(?:{_any_of(_NAMES)})[\[\]]*", _ASCII).fullmatch
_ends_in_secret_name = re.compile(rf"(?:{_any_of(_NAMES)})[\[\]]*\Z", _ASCII).search

# A delimiter in a URL may be literal, percent-encoded (once for each URL around it), or a JSON
# escape inside text. All is possessive or atomic: hostile text can't cause backtracking. Groups are
# atomic, because Python before 3.11.5 matches (...)*+ wrongly (python/cpython#106052).
_BREAK = r'\s"<>'
_REST = rf"(?>(?:[^{_BREAK}\\]++|\\[^{_BREAK}])*)"
_NAME_CHARACTERS = r"\w.~$+:\-\[\]"
_NAME = rf"(?>(?:[{_NAME_CHARACTERS}]|%(?!(?:25)*+(?:3f|26|23|3b|3d|2f|2c)))+)"
_EQUALS = r"(?:=|%((?:25)*+)3d|\\u003d)"

#: From the first delimiter of a URL's variable part to its end; outside, ";" separates sentences.
_TAIL = re.compile(
    rf"(?:[?&#]|:(?:\\?/){{2}}|%(?:25)*+(?:3f|26|23)|\\u00(?:3f|26|23)){_REST}", re.IGNORECASE
)
#: Also after "/" or ",": web applications put their own paths and lists after the "#".
_PARAMETER = re.compile(
    rf"(?:[?&#;/,]|%(?:25)*+(?:3f|26|23|3b|2f|2c)|\\u00(?:3f|26|23|3b))({_NAME}){_EQUALS}",
    re.IGNORECASE,
)
#: Before a host: a name and a password, or a token.
_USER_INFO = (
    re.compile(rf":(?:\\?/){{2}}((?:[^/?#\\{_BREAK}]|\\u)+)@"),
    re.compile(
        r"%(?:25)*+3a(?:%(?:25)*+2f){2}"
        rf"((?>(?:[^/?#&@%\\{_BREAK}]|%(?!(?:25)*+(?:2f|3f|26|23|40)))+))(?:@|%(?:25)*+40)",
        re.IGNORECASE,
    ),
)
#: An access token of Canvas, anywhere: the shard, "~", letters and digits. The digits of the shard
#: may follow an escape, but are not part of it.
_TOKEN = re.compile(
    r"(?:%(?:25)*[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|(?<![0-9%])(?<!%[0-9a-fA-F])(?<!\\u))"
    r"([0-9]{1,12}(?:~|%(?:25)*+7[eE])[a-zA-Z0-9]{20,}+)"
)
#: The code in the URL of a feed: /feeds/calendars/user_CODE.ics, /feeds/topics/1/CODE.
_SLASH = r"(?:\\?/|%(?:25)*+2[fF])"
_FEED = re.compile(
    rf"{_SLASH}feeds{_SLASH}[a-z_]++{_SLASH}(?:[0-9]++{_SLASH})?([a-zA-Z0-9_]{{16,}}+)"
)


def _value(separator: str) -> re.Pattern[str]:
    """The value of a parameter, which `separator` after a "%" ends, too."""
    return re.compile(
        rf"(?>(?:[^{_BREAK}\\&#;%']++|%(?!{separator})|;(?!{_NAME}{_EQUALS})|'(?!\Z)"
        rf"|\\(?!u00(?:26|23))[^{_BREAK}])*)",
        re.IGNORECASE,
    )


#: By how often the "=" is encoded. A "&" that is encoded more often is part of the value.
_VALUES = (
    _value("(?!)"),  # none
    _value("(?:26|23)"),
    _value("(?:25)?(?:26|23)"),
    _value("(?:25)*+(?:26|23)"),
)

# For the quick check. They start with literals, because searching for those is fast.
_not_in_name = re.compile(rf"[^%{_NAME_CHARACTERS}]").split
_has_encoded_mark = re.compile(r"%(?:25)*+(?:3(?:[dD]|[aA]%)|7[eE])").search
_has_token = re.compile(r"~[a-zA-Z0-9]{20}").search
_has_user_info = re.compile(rf"://(?>(?:[^/?#@\\{_BREAK}]++|\\u)*)@").search
_has_escaped_user_info = re.compile(rf":(?:\\?/){{2}}(?>(?:[^/?#@\\{_BREAK}]++|\\u)*)@").search
#: An escaped ASCII character may hide a secret; those that Rails escapes for HTML do not.
_has_hidden = re.compile(r"\\u00(?!2[267]|3[cCeE])[2-7][0-9a-fA-F]").search

_STRING = re.compile(STRING, re.DOTALL)
#: The notation of one character in a JSON string.
_UNIT = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]",
    re.DOTALL,
)


def scrub_text(text: str) -> str:
    """Replace the secret parameters, passwords and feed codes of all URLs in a text.

    The rest is unchanged. Outside of URLs only an access token of Canvas is a secret. Takes time
    in proportion to the length. Never raises; any thread may call it.
    """
    return _spliced(text, _spans(text)) if _may_hold(text) else text


def scrub_json(raw: str) -> str:
    """The JSON text, strict and on one line, with the secrets in its URLs replaced.

    The rest is unchanged, except what was not strict (see `one_line`). Takes time in proportion to
    the length. Never raises; any thread may call it.
    """
    line = one_line(raw)
    return _STRING.sub(_scrub_string, line) if _may_hold(line) else line


def _may_hold(text: str) -> bool:
    """A quick check of plain text or JSON: False only if it certainly contains no secret."""
    if "=" in text:
        for part in text.split("=")[:-1]:
            # The name ends at the "=", so it is read backwards.
            if _may_be_secret(_not_in_name(part[: -_LONGEST_NAME - 1 : -1], 1)[0]):
                return True
    if "%" in text and _has_encoded_mark(text):
        return True
    if "feeds" in text or ("~" in text and _has_token(text)):
        return True
    if "\\" in text:
        if "\\u00" in text and _has_hidden(text):
            return True
        if "\\/" in text and _has_escaped_user_info(text):
            return True
    return _has_user_info(text) is not None


@lru_cache(maxsize=1_000)
def _may_be_secret(backwards: str) -> bool:
    """For the text before a "=", reversed. Cached, because the same few names occur often."""
    name = backwards[::-1]
    return "%" in name or bool(_has_stem(name) or _ends_in_secret_name(name))


def _scrub_string(match: re.Match[str]) -> str:
    """One string of a JSON text, with its quotes: only secrets are replaced."""
    literal = match[0]
    if not _may_hold(literal):
        return literal
    if "\\" not in literal:
        return _spliced(literal, _spans(literal))
    try:
        if not _spans(json.loads(literal)):
            return literal
        units = _UNIT.findall(literal[1:-1])
        text = "".join([json.loads(f'"{u}"') if u[0] == "\\" else u for u in units])
    except ValueError:  # not JSON: scrub too much rather than too little
        return _spliced(literal, _spans(literal))
    return f'"{_spliced(units, _spans(text))}"'


def _spliced(units: Sequence[str], spans: list[tuple[int, int]]) -> str:
    parts: list[str] = []
    position = 0
    for start, end in spans:
        parts += (*units[position:start], SCRUBBED)
        position = end
    return "".join([*parts, *units[position:]])


def _spans(text: str) -> list[tuple[int, int]]:
    """Where the secrets of a plain text are, in order and without overlaps."""
    found = sorted([*_parameters(text), *_by_shape(text)])
    merged = found[:1]
    for start, end in found[1:]:
        if start >= merged[-1][1]:
            merged.append((start, end))
        else:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
    return merged


def _by_shape(text: str) -> Iterator[tuple[int, int]]:
    for pattern in (*_USER_INFO, _TOKEN, _FEED):
        for match in pattern.finditer(text):
            yield match.span(1)


def _parameters(text: str) -> Iterator[tuple[int, int]]:
    for tail in _TAIL.finditer(text):
        position, end = tail.span()
        while (found := _PARAMETER.search(text, position, end)) is not None:
            position = found.end()
            if not _is_secret(found[1][-_LONGEST_NAME:]):
                continue
            depth = 0 if found[2] is None else 1 + len(found[2]) // len("25")
            value = _VALUES[min(depth, len(_VALUES) - 1)].match(text, position, end)
            if value is not None and value.end() > position:
                yield value.span()
                position = value.end()


@lru_cache(maxsize=1_000)
def _is_secret(name: str) -> bool:
    """True for the name of a secret parameter, however often it is encoded."""
    while "%" in name and (decoded := unquote(name)) != name:
        name = decoded
    return _has_stem(name) is not None or _is_secret_name(name) is not None

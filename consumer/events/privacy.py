"""Secrets in URLs, taken out before anything is written or logged.

Canvas reports the URL of each request, its referrer, and signed URLs of files and exports. Their
parameters hold access tokens, file verifiers and signatures, and the paths of feeds their codes,
with which anybody could act or read.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from consumer.events.json_text import STRING, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCRUBBED = "[scrubbed]"

#: A parameter whose name contains one of these is a secret (access_token, X-Amz-Signature, ...).
_STEMS = (
    "token", "secret", "signature", "verifier", "passw", "passcode", "passphrase", "credential",
    "assertion", "ticket", "jwt", "saml", "api_key", "api-key", "apikey", "access_key",
    "accesskey", "private_key", "sessionid", "session_id", "pairing_code",
)  # fmt: skip
#: And one whose whole name is one of these.
_NAMES = (
    "code", "sig", "policy", "key-pair-id", "auth", "authorization", "as_user_id", "sid", "pwd",
    "session", "hmac", "invitation", "lti_message_hint",
)  # fmt: skip
#: Longer names are judged by their end.
_LONGEST_NAME = 100

_any_of = "|".join
_ASCII = re.IGNORECASE | re.ASCII
_has_stem = re.compile(_any_of(_STEMS), _ASCII).search
_is_secret_name = re.compile(rf"(?:{_any_of(_NAMES)})[\[\]]*", _ASCII).fullmatch
_ends_in_secret_name = re.compile(rf"(?:{_any_of(_NAMES)})[\[\]]*\Z", _ASCII).search

# What parts a URL may stand as it is, percent-encoded (once for each URL that it is inside of), or
# as an escape of JSON inside of text. All is possessive: no hostile text is looked at again.
_BREAK = r'\s"<>'
_REST = rf"(?:[^{_BREAK}\\]++|\\[^{_BREAK}])*+"
_NAME_CHARACTERS = r"\w.~$+:\-\[\]"
_NAME = rf"(?:[{_NAME_CHARACTERS}]|%(?!(?:25)*+(?:3f|26|23|3b|3d|2f|2c)))++"
_EQUALS = r"(?:=|%((?:25)*+)3d|\\u003d)"

#: From the first mark of a URL's variable part to its end: outside of it ";" parts sentences.
_TAIL = re.compile(
    rf"(?:[?&#]|:(?:\\?/){{2}}|%(?:25)*+(?:3f|26|23)|\\u00(?:3f|26|23)){_REST}", re.IGNORECASE
)
#: Also behind a "/" or ",": programs in a browser keep paths and lists of their own behind the "#".
_PARAMETER = re.compile(
    rf"(?:[?&#;/,]|%(?:25)*+(?:3f|26|23|3b|2f|2c)|\\u00(?:3f|26|23|3b))({_NAME}){_EQUALS}",
    re.IGNORECASE,
)
#: In front of a host: a name and a password, or a token.
_USER_INFO = (
    re.compile(rf":(?:\\?/){{2}}((?:[^/?#\\{_BREAK}]|\\u)+)@"),
    re.compile(
        r"%(?:25)*+3a(?:%(?:25)*+2f){2}"
        rf"((?:[^/?#&@%\\{_BREAK}]|%(?!(?:25)*+(?:2f|3f|26|23|40)))++)(?:@|%(?:25)*+40)",
        re.IGNORECASE,
    ),
)
#: An access token of Canvas, by its shape, wherever it stands: the shard, "~", letters and digits.
#: The shard's digits may follow an escape, of which they are no part.
_TOKEN = re.compile(
    r"(?:%(?:25)*[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|(?<![0-9%])(?<!%[0-9a-fA-F])(?<!\\u))"
    r"([0-9]{1,12}(?:~|%(?:25)*+7[eE])[a-zA-Z0-9]{20,}+)"
)
#: Whoever knows the code of a feed reads it: /feeds/calendars/user_CODE.ics, /feeds/topics/1/CODE.
_SLASH = r"(?:\\?/|%(?:25)*+2[fF])"
_FEED = re.compile(
    rf"{_SLASH}feeds{_SLASH}[a-z_]++{_SLASH}(?:[0-9]++{_SLASH})?([a-zA-Z0-9_]{{16,}}+)"
)


def _value(separator: str) -> re.Pattern[str]:
    """What a parameter's value is made of, where `separator` behind a "%" ends it, too."""
    return re.compile(
        rf"(?:[^{_BREAK}\\&#;%']++|%(?!{separator})|;(?!{_NAME}{_EQUALS})|'(?!\Z)"
        rf"|\\(?!u00(?:26|23))[^{_BREAK}])*+",
        re.IGNORECASE,
    )


#: By how often the "=" was encoded. A "&" that was encoded more often is part of the value.
_VALUES = (
    _value("(?!)"),  # none
    _value("(?:26|23)"),
    _value("(?:25)?(?:26|23)"),
    _value("(?:25)*+(?:26|23)"),
)

# For the quick look; literals in front, since those are found at the speed of a copy.
_not_in_name = re.compile(rf"[^%{_NAME_CHARACTERS}]").split
_has_encoded_mark = re.compile(r"%(?:25)*+(?:3(?:[dD]|[aA]%)|7[eE])").search
_has_token = re.compile(r"~[a-zA-Z0-9]{20}").search
_has_user_info = re.compile(rf"://(?:[^/?#@\\{_BREAK}]++|\\u)*+@").search
_has_escaped_user_info = re.compile(rf":(?:\\?/){{2}}(?:[^/?#@\\{_BREAK}]++|\\u)*+@").search
#: ASCII written as an escape could hide anything; what Rails escapes for HTML hides nothing.
_has_hidden = re.compile(r"\\u00(?!2[267]|3[cCeE])[2-7][0-9a-fA-F]").search

_STRING = re.compile(STRING, re.DOTALL)
#: What stands for one character inside a JSON string.
_UNIT = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]",
    re.DOTALL,
)


def scrub_text(text: str) -> str:
    """`text` with the secret parameters, passwords and feed codes of every URL in it replaced.

    All else stays as it is; outside of URLs nothing but an access token of Canvas is a secret.
    Takes time in proportion to the length. Never raises; any thread may call it.
    """
    return _spliced(text, _spans(text)) if _may_hold(text) else text


def scrub_json(raw: str) -> str:
    """The JSON text strict and on one line, with the secrets in its URLs replaced.

    All else stays character by character as it was received (see `one_line` for what was not
    strict). Takes time in proportion to the length. Never raises; any thread may call it.
    """
    line = one_line(raw)
    return _STRING.sub(_scrub_string, line) if _may_hold(line) else line


def _may_hold(text: str) -> bool:
    """The quick look, at plain text or JSON alike: False only if there is certainly no secret."""
    if "=" in text:
        for part in text.split("=")[:-1]:
            # A name ends at its "=", so it is read from there.
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
    """Of what stands before a "=", the last letter first. Few names come again and again."""
    name = backwards[::-1]
    return "%" in name or bool(_has_stem(name) or _ends_in_secret_name(name))


def _scrub_string(match: re.Match[str]) -> str:
    """One string of a JSON text, with its quotes: only what is a secret is written anew."""
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
    except ValueError:  # no JSON: better too much is scrubbed than too little
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
    """Where the secrets of a plain text are, in order and apart."""
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
    """By a parameter's name as it stands in a URL, however often it was encoded."""
    while "%" in name and (decoded := unquote(name)) != name:
        name = decoded
    return _has_stem(name) is not None or _is_secret_name(name) is not None

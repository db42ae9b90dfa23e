"""Recognizes texts that look like the values of a field that the catalog lists."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from consumer.events.identifiers import URN

_Matcher = Callable[[str], object]

#: By kind; other kinds of the catalog are like one of these.
_BY_KIND: Final[Mapping[str, _Matcher]] = {
    "timestamp": re.compile(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]{1,20})?(?: ?(?:UTC|Z|[+-][0-9:]{1,6}))?"
    ).fullmatch,
    "number": re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,4})?").fullmatch,
    "boolean": re.compile("true|false").fullmatch,
    # Also the URN of what is neither a person nor a session.
    "id": re.compile(
        rf"[0-9]{{0,40}}|{URN}(?:(?:(?!user:|session:)[a-z][A-Za-z_/]*:){{1,2}}[0-9]+(?::(?!\Z)|\Z))+"
    ).fullmatch,
}
_LIKE: Final = {"date": "timestamp", "global id": "id", "local id": "id"}

#: All of a URN but its last id: `urn:instructure:canvas:user`, and that of what it is in.
is_place: Final[_Matcher] = re.compile(
    rf"{URN}(?:(?!user:|session:)[A-Za-z][A-Za-z_/]*:[0-9]+:)*[A-Za-z][A-Za-z_/]*"
).fullmatch
#: A word from a list, or several; no number that could be an id.
is_word: Final[_Matcher] = re.compile(
    r"(?!.*[0-9]{5})[A-Za-z0-9_.:#/,+!?-]{1,64}", re.ASCII
).fullmatch
#: An id that another system made.
is_opaque: Final[_Matcher] = re.compile(r"[A-Za-z0-9_.:+/=-]{0,200}").fullmatch
#: An id that was made by chance.
is_uuid: Final[_Matcher] = re.compile(
    r"(?:urn:uuid:)?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
).fullmatch
#: Words before the id of a user, in lower case: `user_123`.
PERSONS: Final = ("user", "student", "mention", "author", "observer", "pseudonym", "profile")
_has_no_sign = re.compile(r"[^.:/?%&@\\~=\uff20\ufe6b]*").fullmatch

is_time: Final[_Matcher] = _BY_KIND["timestamp"]


def fits(kind: str, text: str, default: _Matcher | None = None) -> bool:
    """True for a text that looks like a value of this kind; `default` decides for a text."""
    matcher = _BY_KIND.get(_LIKE.get(kind, kind), default)
    return matcher is not None and bool(matcher(text))


def is_simple(text: str) -> bool:
    """True for a text that is too simple to contain an address, a URL, a URN or `user_123`."""
    if not _has_no_sign(text):
        return False
    text = text.lower()
    for person in PERSONS:  # noqa: SIM110 - twice as fast as all(), and many times as a pattern
        if person in text:
            return False
    return True

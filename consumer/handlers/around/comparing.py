"""Compares values of events with those of a configuration; never raises because of a payload.

Texts are equal as they are written, and case counts. A number equals the same number that is
written as a text. True and false equal nothing else. Of a list, one element is enough.
"""

import re
from collections.abc import Callable, Collection, Iterable
from fnmatch import translate
from typing import Any, Final

from consumer.events.identifiers import URN, canvas_id
from consumer.subject import CanvasId

#: Of a value of an event; None if there is none.
Test = Callable[[Any], bool]
#: A plain value of the configuration.
Scalar = str | int | float | bool

#: JSON's numbers, of a length that is converted quickly: "007" is only a text.
_is_number = re.compile(
    r"-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?"
).fullmatch
#: Python refuses to write numbers with very many digits.
_MOST: Final = 10**30


def one_of(wanted: Collection[Scalar], *, ids: bool) -> Test:
    """True for a value that equals one of these.

    Args:
        ids: the values may be ids of Canvas. An id equals its local id and its global id.
    """
    flags = {value for value in wanted if isinstance(value, bool)}
    texts = {value for value in wanted if isinstance(value, str)}
    numbers = {value for value in wanted if not isinstance(value, str | bool)}
    # A number equals a wanted text that is this number; but a text that differs does not.
    of_texts = numbers | ({_number(text) for text in texts} - {None})
    is_wanted = _has_id_of(wanted) if ids else None

    def equal(value: Any) -> bool:
        if isinstance(value, str):
            if value in texts or (numbers and _number(value) in numbers):
                return True
        elif isinstance(value, bool):
            return value in flags
        elif isinstance(value, int | float):
            if value in of_texts:
                return True
        elif isinstance(value, list):
            return any(equal(item) for item in value if not isinstance(item, list))
        return is_wanted is not None and is_wanted(value)

    return equal


def like(patterns: Iterable[str]) -> Test:
    """True for a text, or a number as it is written, that matches one of these globs."""
    matches = re.compile("|".join(translate(pattern) for pattern in patterns)).match

    def test(value: Any) -> bool:
        if isinstance(value, str):
            return matches(value) is not None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return -_MOST < value < _MOST and matches(str(value)) is not None
        if isinstance(value, list):
            return any(test(item) for item in value if not isinstance(item, list))
        return False

    return test


def _has_id_of(wanted: Iterable[Scalar]) -> Test:
    # A URN has the kind of thing in it, too: it is only a text.
    found = filter(None, (canvas_id(value) for value in wanted if not str(value).startswith(URN)))
    ids = {found.local_id if found.shard is None else found.global_id for found in found}

    def test(value: Any) -> bool:
        its = value if isinstance(value, CanvasId) else canvas_id(value)
        return its is not None and (its.local_id in ids or its.global_id in ids)

    return test


def _number(text: str) -> int | float | None:
    if not _is_number(text):
        return None
    return int(text) if text.lstrip("-").isdecimal() else float(text)

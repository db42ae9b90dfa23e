"""JSON as it comes: read although it is not quite strict, and made strict, on one line."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic_core import from_json

from consumer.errors import DecodeError

_BOM = "\ufeff"

#: One string of a JSON text, with its quotes. Possessive: each character is looked at once. Text
#: that ends inside a string is no JSON, but shall not cost more for that.
STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)'

# A single pass, since each one costs: neither control characters nor what could be a constant.
_is_strict_line = re.compile(
    r"[ -HJ-MO-\U0010ffff]*+(?:(?:I(?!nfinity)|N(?!aN))[ -HJ-MO-\U0010ffff]*+)*+"
).fullmatch
_LOOSE = re.compile(
    rf"{STRING}|-?[0-9]++(?:[.eE+-]++[0-9]++)*+|-?Infinity|NaN|[\x00-\x1f]++", re.DOTALL
)
_CONTROL = re.compile(r"[\x00-\x1f]")
#: Python reads no integer with more digits, unless it is told to.
_MAX_DIGITS = 4300
#: Of a longer number, every 268th character is at least 16 digits.
_has_huge = re.compile("[0-9]{16}").search


def _huge_integer(digits: str) -> int | str:
    """An integer, or its digits where Python refuses to convert so many."""
    try:
        return int(digits)
    except ValueError:
        return digits


# Raw control characters inside strings are wrong in JSON, but lose nothing: strict=False.
_decode = json.JSONDecoder(strict=False).decode
_decode_huge = json.JSONDecoder(strict=False, parse_int=_huge_integer).decode


def parse(text: str) -> Any:
    """What a JSON text says. Accepts what loses nothing, too.

    That is a byte order mark and white space around it, raw control characters inside strings,
    NaN and Infinity. Of integers with more digits than Python converts the digits are kept, as
    text. Raises `DecodeError`, with the position of the fault and no part of the text.
    """
    try:
        # Half the CPU time, and the same result wherever it has one. Only keys are cached, for
        # values are people's data.
        return from_json(text, cache_strings="keys")
    except (TypeError, ValueError):  # TypeError: half a surrogate pair in the text
        pass
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        pass
    # Outside of that block: its exception holds the whole text, and would hang on to ours.
    return _parse_unusual(text)


def _parse_unusual(text: str) -> Any:
    try:
        return _decode_huge(_unwrapped(text))
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        reason = "nested too deeply"
    raise DecodeError(reason)


def one_line(text: str) -> str:
    """The same JSON on one line and strict, if it is not so already; else as it was received.

    Line breaks between tokens become blanks, raw control characters inside strings their escapes.
    NaN and Infinity, which JSON lacks, become texts, as do integers with more digits than Python
    reads. `text` is something that `parse` takes; other text need not become JSON. Takes time in
    proportion to the length.
    """
    if (
        text[:1] == "{"
        and text[-1:] == "}"
        and _is_strict_line(text)
        and not _has_huge(text[::268])
    ):
        return text
    return _LOOSE.sub(_strict, _unwrapped(text))


def _strict(match: re.Match[str]) -> str:
    token = match[0]
    if token[0] == '"':
        return _CONTROL.sub(lambda control: f"\\u{ord(control[0]):04x}", token)
    if token[0] < " ":
        return " "
    digits = token.lstrip("-")
    is_huge = len(digits) > _MAX_DIGITS and digits.isdecimal()
    return f'"{token}"' if is_huge or token[-1] in "yN" else token


def _unwrapped(text: str) -> str:
    return text.strip().strip(_BOM).strip()

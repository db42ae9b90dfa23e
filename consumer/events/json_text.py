"""Reads JSON that is not quite strict, and writes it as strict JSON on one line."""

import json
import re
from typing import Any

from pydantic_core import from_json

from consumer.errors import DecodeError

_BOM = "\ufeff"

#: A string of a JSON text, with its quotes. Atomic: each character is looked at once. A text
#: that ends inside a string is not JSON, but must not take longer for that.
STRING = r'"(?>[^"\\]*(?:\\.[^"\\]*)*)(?:"|\Z)'

# In a single pass: neither control characters nor what could be a constant.
_is_strict_line = re.compile(
    r"(?>[ -HJ-MO-\U0010ffff]*(?:(?:I(?!nfinity)|N(?!aN))[ -HJ-MO-\U0010ffff]*)*)"
).fullmatch
_LOOSE = re.compile(
    rf"{STRING}|-?(?>[0-9]+(?:[.eE+-]+[0-9]+)*)|-?Infinity|NaN|[\x00-\x1f]++", re.DOTALL
)
_CONTROL = re.compile(r"[\x00-\x1f]")
#: By default Python converts no integer with more digits.
_MAX_DIGITS = 4300
#: In a longer number, every 268th character is one of at least 16 digits in a row.
_has_huge = re.compile("[0-9]{16}").search


def _huge_integer(digits: str) -> int | str:
    """An integer, or its digits if Python refuses to convert so many."""
    try:
        return int(digits)
    except ValueError:
        return digits


# Raw control characters inside strings are not strict JSON, but nothing is lost: strict=False.
_decode = json.JSONDecoder(strict=False, parse_int=_huge_integer).decode


def parse(text: str) -> Any:
    """The value of a JSON text.

    Also accepts a byte order mark and white space around it, raw control characters inside strings,
    NaN and Infinity. An integer with more digits than Python converts becomes a text. Raises
    `DecodeError`, with the position of the error and no part of the text.
    """
    try:
        # Takes half the CPU time; where it succeeds, the result is the same. Only keys are cached,
        # because values are personal data.
        return from_json(text, cache_strings="keys")
    except (TypeError, ValueError):  # TypeError: half a surrogate pair in the text
        pass
    # Outside the except block, whose exception contains the whole text and would be our context.
    try:
        return _decode(_trimmed(text))
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" at")
        reason = f"not JSON: {what} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        reason = "nested too deeply"
    raise DecodeError(reason)


def one_line(text: str) -> str:
    """The same JSON, strict and on one line; unchanged if it already is.

    Line breaks between tokens become blanks, raw control characters inside strings are escaped.
    NaN, Infinity, and integers with more digits than Python converts become texts. `text` is
    something that `parse` accepts; other text may not become JSON. Takes time in proportion to the
    length.
    """
    if (
        text[:1] == "{"
        and text[-1:] == "}"
        and _is_strict_line(text)
        and not _has_huge(text[::268])
    ):
        return text
    return _LOOSE.sub(_strict, _trimmed(text))


def _strict(match: re.Match[str]) -> str:
    token = match[0]
    if token[0] == '"':
        return _CONTROL.sub(lambda control: f"\\u{ord(control[0]):04x}", token)
    if token[0] < " ":
        return " "
    digits = token.lstrip("-")
    is_huge = len(digits) > _MAX_DIGITS and digits.isdecimal()
    return f'"{token}"' if is_huge or token[-1] in "yN" else token


def _trimmed(text: str) -> str:
    return text.strip().strip(_BOM).strip()

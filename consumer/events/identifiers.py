"""Canvas's ids, exactly: local to a shard, or global with the shard in front.

A global id is shard * 10**13 + local id: 17 digits and more, which a float can't hold. So there is
no float here, and no float is accepted.
"""

from __future__ import annotations

from typing import TypeGuard

from consumer.subject import SHARD_SIZE, CanvasId

_URN = "urn:instructure:canvas:"
#: Longer than any id can be; what is longer is not converted (that would take quadratic time).
_MAX_DIGITS = 40
#: Texts of this many characters are cut by Canvas, which then ends them with three dots.
TRUNCATED_LENGTH = 8192
#: Canvas cuts at a blank, so what is left may be a long word shorter.
_LONGEST_WORD = 1024


def _integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    # A URN holds the id in its last part, nested ones, too: urn:instructure:canvas:course:1:user:2.
    if text.startswith(_URN):
        text = text.rpartition(":")[2]
    if not text.isascii() or not text.isdecimal() or len(text) > _MAX_DIGITS:
        return None
    return int(text)


def _is_shard(shard: object) -> TypeGuard[int]:
    # Neither True, nor a float, which would make one of the id.
    return isinstance(shard, int) and not isinstance(shard, bool) and shard >= 0


def local_id(value: object) -> int | None:
    """The id within its shard: 123 for 21070000000000123, "123", or a URN of either.

    None for what is no Canvas id: "", None, a UUID, a float.
    """
    number = _integer(value)
    return None if number is None else number % SHARD_SIZE


def shard_of(value: object) -> int | None:
    """The shard of a global id: 2107 for 21070000000000123; 0 for a local one; None for no id."""
    number = _integer(value)
    return None if number is None else number // SHARD_SIZE


def global_id(value: object, shard: int | None = None) -> int | None:
    """The id with its shard in front. A global id stays as it is; a local one needs `shard`.

    None for what is no id, and for a local id without a shard: a whole number from 0.
    """
    number = _integer(value)
    if number is None or number >= SHARD_SIZE:
        return number
    return shard * SHARD_SIZE + number if _is_shard(shard) else None


def is_truncated(text: object) -> bool:
    """True if Canvas has probably cut this text: near 8,192 characters long and ends in "...".

    Canvas sets no mark; a text that really ends so, at that length, can't be told from a cut one.
    Nor is a cut seen behind a word of more than a thousand characters (an image inside of HTML).
    """
    return (
        isinstance(text, str)
        and TRUNCATED_LENGTH - _LONGEST_WORD <= len(text) <= TRUNCATED_LENGTH
        and text.endswith("...")
    )


def canvas_id(value: object, shard: int | None = None) -> CanvasId | None:
    """The id in `value` in both of its forms; a local one is of `shard`. None for no id."""
    number = _integer(value)
    if number is None:
        return None
    told, local = divmod(number, SHARD_SIZE)
    return CanvasId(local, told or (shard if _is_shard(shard) else None))

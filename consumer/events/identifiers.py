"""Canvas's ids: local to a shard, or global with the shard in front.

A global id is shard * 10**13 + local id: 17 digits or more, which a float can't represent exactly.
Therefore floats are never used, nor accepted.
"""

from consumer.subject import SHARD_SIZE, CanvasId

#: The beginning of all URNs of Canvas.
URN = "urn:instructure:canvas:"
#: More digits than any id has; more are not converted, because that takes quadratic time.
_MAX_DIGITS = 40
#: Canvas cuts texts at this length, and then ends them with three dots.
TRUNCATED_LENGTH = 8192
#: Canvas cuts at a blank, so a cut text may be shorter by one long word.
_LONGEST_WORD = 1024


def _integer(value: object) -> int | None:
    if (
        isinstance(value, str) and value.isdecimal() and value.isascii()
    ):  # as Canvas sends nearly all
        return int(value) if len(value) <= _MAX_DIGITS else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    # The id is the last part of a URN, also of a nested one: urn:instructure:canvas:course:1:user:2
    if text.startswith(URN):
        text = text.rpartition(":")[2]
    if not text.isascii() or not text.isdecimal() or len(text) > _MAX_DIGITS:
        return None
    return int(text)


def local_id(value: object) -> int | None:
    """The id within its shard: 123 for 21070000000000123, "123", or a URN of either.

    None for anything else: "", None, a UUID, a float.
    """
    number = _integer(value)
    return None if number is None else number % SHARD_SIZE


def shard_of(value: object) -> int | None:
    """The shard of an id: 2107 for 21070000000000123; 0 for a local id; None if it is not an id."""
    number = _integer(value)
    return None if number is None else number // SHARD_SIZE


def global_id(value: object, shard: int | None = None) -> int | None:
    """The id with its shard in front. A global id is unchanged; a local id needs `shard`.

    None if it is not an id, or is local and `shard` is not a whole number from 0.
    """
    found = canvas_id(value, shard)
    return None if found is None else found.global_id


def is_truncated(text: object) -> bool:
    """True if Canvas probably cut this text: about 8,192 characters that end in "...".

    Canvas does not mark cut texts. A text of that length that really ends so is not distinguished,
    and a cut is not recognized after a word of more than 1,000 characters (an inline image).
    """
    return (
        isinstance(text, str)
        and TRUNCATED_LENGTH - _LONGEST_WORD <= len(text) <= TRUNCATED_LENGTH
        and text.endswith("...")
    )


def canvas_id(value: object, shard: int | None = None) -> CanvasId | None:
    """The id in both forms; `shard` is that of a local id. None if it is not an id."""
    number = _integer(value)
    if number is None:
        return None
    if not isinstance(shard, int) or isinstance(shard, bool) or shard < 0:
        shard = None  # a float would make the id a float
    own_shard, local = divmod(number, SHARD_SIZE)
    return CanvasId(local, own_shard or shard)

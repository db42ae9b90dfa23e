"""What comes from outside, made safe to show."""

import json


def printable(text: str) -> str:
    r"""The text with each character that is not printable as an escape: "\u001b", "\n", "\u202e".

    Such characters move the cursor, hide what is before them, or turn the reading direction.
    Any thread may call it.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def shown(value: object) -> str:
    """A value that is wrong, for an error: a text or number as it is, anything else by its type.

    An object's repr may hold a secret.
    """
    return f"{value!r:.80}" if isinstance(value, str | int | float) else type_of(value)


def type_of(value: object) -> str:
    """The type of a value, for an error: "a list", "an object"; None is "None"."""
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1] if character < " " else f"\\u{ord(character):04x}"

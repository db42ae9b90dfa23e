"""Texts that come from outside, made safe to show on a terminal."""

import json


def printable(text: str) -> str:
    r"""The text with each character that is not printable as an escape: "\u001b", "\n", "\u202e".

    Such characters move the cursor, hide what is before them, or turn the reading direction.
    Any thread may call it.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1] if character < " " else f"\\u{ord(character):04x}"

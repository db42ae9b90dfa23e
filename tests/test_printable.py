"""Texts from outside can't harm a terminal."""

from __future__ import annotations

from consumer.printable import printable
from tests.cases import for_each


@for_each(
    "text, shown",
    [
        ("submission_created", "submission_created"),
        ("Straße 北京 \U0001f600", "Straße 北京 \U0001f600"),
        ("\x1b[31mred\x07", "\\u001b[31mred\\u0007"),
        ("two\nlines\r\t", "two\\nlines\\r\\t"),
        ("\x7f\x9b2J", "\\u007f\\u009b2J"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066\u2069\u200f\u2028", "\\u2066\\u2069\\u200f\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\ue0001"),
    ],
)
def test_characters_that_are_not_printable_are_escaped(text: str, shown: str) -> None:
    """Control characters (C1, too), direction marks, and lone surrogates."""
    assert printable(text) == shown
    assert printable(text).isprintable()

"""Remembers what an event shows of persons, and finds it in its other texts."""

import re
import unicodedata
from html import unescape
from typing import Final
from urllib.parse import unquote

#: A shorter text of a person may be in any other by chance.
_LEAST: Final = 5
#: Each is looked for in all texts; those in the metadata come first.
_MOST: Final = 200
#: A letter with its accents; not too many, because sorting them takes quadratic time.
_accented = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]{1,200}")
_runs_of_digits = re.compile(r"[0-9]+").findall


class Known:
    """Texts and numbers of persons. A number is found only if no more digits are around it."""

    __slots__ = ("_numbers", "_texts")

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._numbers: set[str] = set()

    def add(self, text: str) -> None:
        """Remember a text of a person, unless it is too short."""
        text = _plain(text).strip()
        found = self._numbers if text.isdecimal() else self._texts
        if len(text) >= _LEAST and len(found) < _MOST:
            found.add(text)

    def add_name(self, name: str) -> None:
        """Remember a full name, also with the last word first."""
        self.add(name)
        first, _, last = name.strip().rpartition(" ")
        if first:
            self.add(f"{last}, {first}")

    def is_in(self, text: str) -> bool:
        """True if the text contains one, whatever the case, and however it is encoded."""
        if not self._texts and not self._numbers:
            return False
        text = _plain(text)
        if any(known in text for known in self._texts):
            return True
        if not any(known in text for known in self._numbers):
            return False
        return not self._numbers.isdisjoint(_runs_of_digits(text))


def _plain(text: str) -> str:
    if "&" in text:
        text = unescape(text)
    if "%" in text:
        text = unquote(unquote(text))
    if not text.isascii():
        text = _accented.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    return text.casefold()

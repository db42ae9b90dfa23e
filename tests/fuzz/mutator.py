"""Damages real messages in many ways; the same seed gives the same damage."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

from consumer.events.samples import realistic_messages

#: Documented payloads outside of the repository, if available.
CORPUS: Final = Path(__file__).resolve().parents[3] / "shared" / "corpus"

_ODD: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 2**63, 10**40, 1.5, float("nan"), float("inf"), "", "\x00", "\ud800",
    "999999999999999999999999", [], {}, [[]], {"": {}}, "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00", "urn:instructure:canvas:course:" + "9" * 50,
    {"numberStr": "1e999"},
)  # fmt: skip
_TOKENS: Final = (
    "{", "}", "[", "]", '"', ":", ",", "\\", "\\u0000", "\\ud800", "\\udc00", "NaN", "Infinity",
    "-", "1e999", "1" * 5_000, "\ufeff", "\u2028", "null", "true", "\x00", "\n", "'", "//", "\\x",
)  # fmt: skip


def seeds() -> list[str]:
    """Generated and documented messages of both formats."""
    made = [m.body for m in realistic_messages(200, ("canvas", "caliper"), seed=11)]
    found = [path.read_text(encoding="utf-8") for path in sorted(CORPUS.glob("c*/*.json"))]
    return [text for text in made if len(text) < 6_000] + found


class Mutator:
    """Creates a text from others. Used by one thread."""

    def __init__(self, texts: list[str], seed: int) -> None:
        self._texts = texts
        self._dice = Random(seed)
        self._ways: tuple[Callable[[str], str], ...] = (
            self._cut, self._drop, self._repeat, self._insert, self._flip, self._splice,
            self._value, self._value, self._key, self._nest,
        )  # fmt: skip

    def next_text(self) -> str:
        """Another text, damaged once or several times."""
        text = self._dice.choice(self._texts)
        for _ in range(self._dice.choice((1, 1, 2, 5))):
            text = self._dice.choice(self._ways)(text)
        return text

    def _place(self, text: str) -> int:
        return self._dice.randint(0, len(text))

    def _cut(self, text: str) -> str:
        return text[: self._place(text)]

    def _drop(self, text: str) -> str:
        start = self._place(text)
        return text[:start] + text[start + self._dice.choice((1, 2, 50)) :]

    def _repeat(self, text: str) -> str:
        start = self._place(text)
        piece = text[start : start + self._dice.choice((1, 10, 200))]
        return text[:start] + piece * self._dice.choice((2, 3, 50)) + text[start:]

    def _insert(self, text: str) -> str:
        start = self._place(text)
        return text[:start] + self._dice.choice(_TOKENS) + text[start:]

    def _flip(self, text: str) -> str:
        start = min(self._place(text), max(len(text) - 1, 0))
        return (
            text[:start]
            + chr(self._dice.choice((0x20, 0x7F, 0xD800, 0x10FFFF, 0x5C, 0x22)))
            + (text[start + 1 :])
        )

    def _splice(self, text: str) -> str:
        other = self._dice.choice(self._texts)
        return text[: self._place(text)] + other[self._place(other) :]

    def _value(self, text: str) -> str:
        """Another value in a text that is JSON."""
        return self._changed(text, lambda _key: self._dice.choice(_ODD))

    def _key(self, text: str) -> str:
        """Another key in a text that is JSON."""
        odd = self._dice.choice(("", "__proto__", "event_name", "id", "x" * 300, "\x00", "\u0131"))
        return self._changed(text, lambda _key: {odd: 1}, rename=odd)

    def _nest(self, text: str) -> str:
        return self._changed(text, lambda _key: json.loads("[" * 60 + "]" * 60))

    def _changed(self, text: str, new: Callable[[str], Any], rename: str | None = None) -> str:
        try:
            payload = json.loads(text)
        except (ValueError, RecursionError):
            return self._insert(text)
        node = payload
        for _ in range(self._dice.randint(0, 5)):
            inner = [v for v in _inner(node) if isinstance(v, dict | list) and v]
            if not inner:
                break
            node = self._dice.choice(inner)
        if isinstance(node, dict) and node:
            key = self._dice.choice(list(node))
            if rename is not None:
                node[rename] = node.pop(key)
            else:
                node[key] = new(key)
        elif isinstance(node, list) and node:
            node[self._dice.randrange(len(node))] = new("")
        return json.dumps(payload)


def _inner(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []

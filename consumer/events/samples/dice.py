"""Chance that falls alike everywhere: built on `random()` alone, which Python keeps as it is."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_BITS = 1 << 32


class Dice:
    """The same seed gives the same throws, in every process and every Python."""

    __slots__ = ("random",)

    def __init__(self, seed: int) -> None:
        #: A number from 0 up to 1.
        self.random = Random(seed).random

    def below(self, limit: int) -> int:
        """A whole number from 0 up to `limit`, which is not reached."""
        return int(self.random() * limit)

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, choices: Sequence[T]) -> T:
        """One of them, each as often."""
        return choices[int(self.random() * len(choices))]

    def chance(self, share: float) -> bool:
        """True in this share of cases, 0 to 1."""
        return self.random() < share

    def seed(self) -> int:
        """For other dice."""
        return int(self.random() * (1 << 53))

    def hexadecimal(self, words: int) -> str:
        """Eight characters for each of `words`."""
        return "".join([f"{int(self.random() * _BITS):08x}" for _ in range(words)])

    def uuid(self) -> str:
        """A UUID of version 4."""
        return as_uuid(self.hexadecimal(4))


def as_uuid(digits: str) -> str:
    """The UUID of version 4 that 32 hexadecimal digits make."""
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"

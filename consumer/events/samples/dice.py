"""Random choices for samples, from `Random.random()` alone, which is the same in every Python."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")


class Dice:
    """The same seed gives the same choices, in every process and every Python."""

    __slots__ = ("random",)

    def __init__(self, seed: int) -> None:
        #: A number from 0 to below 1.
        self.random = Random(seed).random

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, choices: Sequence[T]) -> T:
        """One of them, each with the same probability."""
        return choices[int(self.random() * len(choices))]

    def chance(self, share: float) -> bool:
        """True with this probability, 0 to 1."""
        return self.random() < share

    def seed(self) -> int:
        """A seed for other dice."""
        return int(self.random() * (1 << 53))

    def hexadecimal(self, words: int = 4) -> str:
        """Eight digits for each of `words`."""
        return "".join([f"{int(self.random() * (1 << 32)):08x}" for _ in range(words)])

    def uuid(self) -> str:
        """A UUID of version 4."""
        return str(UUID(self.hexadecimal(), version=4))

"""Which known word was probably meant, for the hint at the end of an error."""

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str], *, count: int = 1, cutoff: float = 0.6) -> list[str]:
    """Up to `count` known words that are spelt like `word`, the closest first; often none.

    `cutoff` is how alike they must be, from 0 (anything) to 1 (the same).
    """
    return difflib.get_close_matches(word, list(known), n=count, cutoff=cutoff)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The question `did you mean "archive"?`, or "" if no known word is like this one."""
    near = closest(word, known)
    return f'did you mean "{near[0]}"?' if near else ""

"""Which known word was probably meant, for the hint at the end of an error."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The question `did you mean "archive"?`, or "" if no known word is like this one."""
    near = get_close_matches(word, list(known), n=1)
    return f'did you mean "{near[0]}"?' if near else ""

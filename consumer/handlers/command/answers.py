"""What a program answers to an event, one line for each."""

import re
from typing import Final

from consumer.errors import Reject, Retry
from consumer.printable import printable

#: A longer line is no answer.
LONGEST: Final = 4_096

_RETRY: Final = re.compile(r"retry(?:\s+(\d{1,9}(?:\.\d{1,9})?))?(?:\s+(.+))?").fullmatch
_REJECT: Final = re.compile(r"reject(?:\s+(.+))?").fullmatch


def answer_of(line: bytes) -> Retry | Reject | None:
    """None for "ok". Raises ValueError for what is no answer."""
    if len(line) > LONGEST:
        raise ValueError("no answer")
    text = printable(line.decode("utf-8", "replace").strip())
    if text == "ok":
        return None
    if found := _RETRY(text):
        after = None if found[1] is None else float(found[1])
        return Retry(found[2] or "the program asked for it", after=after)
    if found := _REJECT(text):
        return Reject(found[1] or "rejected by the program")
    raise ValueError("no answer")

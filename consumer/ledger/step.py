"""What the ledger remembers of a message."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class Step(NamedTuple):
    """One handler's work on one event of a message; what the ledger remembers of it."""

    #: The position of the event in its envelope.
    event_index: int
    #: The handler's name.
    handler: str


#: The same step again and again, for most messages have one event: cheaper than making it.
step_of = lru_cache(maxsize=4096)(Step)

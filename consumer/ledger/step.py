"""What the ledger remembers of a message."""

from __future__ import annotations

from typing import NamedTuple


class Step(NamedTuple):
    """One handler's work on one event of a message; what the ledger remembers of it."""

    #: The position of the event in its envelope.
    event_index: int
    #: The handler's name.
    handler: str

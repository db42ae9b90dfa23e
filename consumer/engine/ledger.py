"""Remembers what was handled and not deleted, so that a redelivery runs only what is missing."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: One handler's work on one event of a message: (position in the envelope, handler name).
Step = tuple[int, str]

_NOTHING: frozenset[Step] = frozenset()


class Ledger:
    """Steps that succeeded, by message id. Bounded: the oldest message is forgotten first.

    Written only when something went wrong (a handler failed beside others that succeeded, a delete
    did not go through), so that the ordinary way of a message never touches it. Lives in the
    process: a restart forgets, and handlers see those messages again. Any thread may call.
    """

    def __init__(self, *, max_messages: int = 100_000) -> None:
        self._lock = threading.Lock()
        self._steps: OrderedDict[str, set[Step]] = OrderedDict()
        self._max_messages = max_messages

    def __len__(self) -> int:
        """How many messages are remembered."""
        return len(self._steps)

    def succeeded(self, message_id: str) -> frozenset[Step]:
        """The steps of this message that need not run again."""
        if message_id not in self._steps:  # nearly always; no lock for it
            return _NOTHING
        with self._lock:
            return frozenset(self._steps.get(message_id, ()))

    def record(self, message_id: str, steps: Iterable[Step]) -> None:
        """Remember these steps as done."""
        with self._lock:
            self._steps.setdefault(message_id, set()).update(steps)
            self._steps.move_to_end(message_id)
            while len(self._steps) > self._max_messages:
                self._steps.popitem(last=False)

    def forget(self, message_id: str) -> None:
        """The message is deleted: it can't come again."""
        if message_id in self._steps:
            with self._lock:
                self._steps.pop(message_id, None)

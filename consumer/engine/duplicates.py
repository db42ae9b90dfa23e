"""Recognises events that the producer sent twice: another message, the same content."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.clock import Clock
    from consumer.engine.journal import Journal
    from consumer.messages import Event

#: More keys than these are not kept in memory; the oldest go first.
MOST_KEYS = 500_000
_PURGE_SECONDS = 600.0
_LONGEST_KEY = 300


class Duplicates:
    """The keys of events that were handled within a window of time. Any thread may call.

    A key is remembered once every handler has succeeded, in the ledger's file, together with the
    next batch of deletes; without a file, in memory. While one copy is being handled, others wait:
    should it fail, one of them is handled instead.

    Args:
        window_seconds: how long after an event was handled a copy of it counts as a duplicate.
        journal: the ledger's; None keeps the keys in memory.
    """

    def __init__(self, *, window_seconds: float, clock: Clock, journal: Journal | None) -> None:
        self._window = window_seconds
        self._clock = clock
        self._journal = journal
        self._lock = threading.Lock()
        self._busy: dict[str, str] = {}
        #: Not in the file yet, or there is none: key -> when it was handled.
        self._fresh: dict[str, int] = {}
        self._purge_due = clock.monotonic()

    def begin(self, events: Sequence[Event], message_id: str) -> Literal["busy"] | list[bool]:
        """Which of the events of a message are new; or "busy": a copy is being handled now.

        Then the message is to come again. `end` must follow where the answer is a list.
        """
        keys = [_key(event) for event in events]
        with self._lock:
            if any(self._busy.get(key, message_id) != message_id for key in keys):
                return "busy"
            oldest = self._now() - self._window
            new = [not self._is_seen(key, oldest) for key in keys]
            for index, key in enumerate(keys):
                # Twice in one envelope is twice, too.
                new[index] = new[index] and key not in keys[:index]
            self._busy.update(dict.fromkeys(keys, message_id))
        return new

    def end(self, events: Sequence[Event], *, handled: bool) -> None:
        """The message came to its end; if every handler succeeded, its events are remembered."""
        now = self._now()
        with self._lock:
            for key in map(_key, events):
                self._busy.pop(key, None)
                if handled:
                    self._fresh[key] = now
            while len(self._fresh) > MOST_KEYS:
                del self._fresh[next(iter(self._fresh))]

    def flush(self) -> None:
        """Write the keys that are new to the file, and forget old ones; called now and then."""
        now = self._clock.monotonic()
        with self._lock:
            oldest = self._now() - self._window
            purge = now >= self._purge_due
            if purge:
                self._purge_due = now + _PURGE_SECONDS
                self._fresh = {key: at for key, at in self._fresh.items() if at >= oldest}
            # What can't be written stays in memory, and is tried again with the next.
            if self._journal is not None and (
                self._journal.write_keys(self._fresh, purge_before=oldest if purge else None)
            ):
                self._fresh = {}

    def _is_seen(self, key: str, oldest: float) -> bool:
        at = self._fresh.get(key)
        if at is None and self._journal is not None:
            at = self._journal.key_time(key)
        return at is not None and at >= oldest

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def _key(event: Event) -> str:
    # With the name: one id over events of several kinds is more likely a fault than a duplicate.
    text = f"{event.name} {event.key}"
    if len(text) <= _LONGEST_KEY and text.isprintable():
        return text
    # A name may be anything, half of a surrogate pair included, which no database takes.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

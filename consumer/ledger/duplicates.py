"""Recognises events that the producer sent twice: another message, the same content."""

from __future__ import annotations

import hashlib
import threading
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from consumer.messages import Outcome
from consumer.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.clock import Clock
    from consumer.ledger.seen import SeenKeys
    from consumer.messages import Event, ReceivedMessage

#: More keys than these are not kept in memory; the oldest go first.
MOST_KEYS = 500_000
#: So many keys are written in one transaction, several times a second.
MOST_IN_A_WRITE = 10_000
#: How often old keys are forgotten, once all that are old have gone.
PURGE_SECONDS = 10.0
#: A message that waits for a copy to end comes again after this long at first, then ever later.
COPY_BACKOFF = RetryPolicy(base_seconds=15.0, max_seconds=3600.0)
_LONGEST_KEY = 300


class Duplicates:
    """The keys of events that were handled within a window of time. Any thread may call.

    A key is remembered once every handler has succeeded, in the ledger's file within half a second;
    without a file, in memory. While one copy is being handled, others wait: should it fail, one of
    them is handled instead.

    Args:
        window_seconds: how long after an event was handled a copy of it counts as a duplicate.
        seen: the keys in the ledger's file; None keeps them in memory.
    """

    def __init__(self, *, window_seconds: float, clock: Clock, seen: SeenKeys | None) -> None:
        self._window = window_seconds
        self._clock = clock
        self._seen = seen
        self._lock = threading.Lock()
        #: Keys of events that are being handled -> the message that has them.
        self._busy: dict[str, str] = {}
        #: Not in the file yet, or there is none: key -> when it was handled.
        self._fresh: dict[str, int] = {}
        self._purge_due = clock.monotonic()

    def begin(self, events: Sequence[Event], message: ReceivedMessage) -> list[Event] | Outcome:
        """The events of a message that are new; a retry while a copy is being handled.

        `end` must follow, with all of the events, where the answer is a list.
        """
        message_id = message.message_id
        keys = dict(zip(map(_key, reversed(events)), reversed(events), strict=True))
        with self._lock:
            if any(self._busy.get(key, message_id) != message_id for key in keys):
                # Four times as long each time: it may be held for as long as its handler fails.
                seconds = COPY_BACKOFF.ceiling(2 * message.receive_count - 1)
                return Outcome.retry("a copy of it is being handled", seconds)
            # Ours from here on: a copy that ended before is in one of the two, or failed.
            self._busy.update(dict.fromkeys(keys, message_id))
            times = {key: self._fresh[key] for key in keys if key in self._fresh}
        if self._seen is not None:
            times = self._seen.times(keys.keys() - times.keys()) | times
        oldest = self._now() - self._window
        # Twice in one envelope is twice, too: of equal keys the first event is left.
        copies = [key for key in keys if times.get(key, float("-inf")) >= oldest]
        with self._lock:
            for key in copies:
                del self._busy[key]
                del keys[key]
        return sorted(keys.values(), key=lambda event: event.index)

    def end(self, events: Sequence[Event], *, handled: bool) -> None:
        """The message came to its end; if every handler succeeded, its events are remembered."""
        now = self._now()
        with self._lock:
            for key in map(_key, events):
                self._busy.pop(key, None)
                if handled:
                    self._fresh.pop(key, None)  # so that the oldest stay first
                    self._fresh[key] = now
            while len(self._fresh) > MOST_KEYS:
                del self._fresh[next(iter(self._fresh))]

    def flush(self) -> None:
        """Write the keys that are new to the file, and forget old ones; one thread calls it."""
        oldest = self._now() - self._window
        with self._lock:
            fresh = dict(islice(self._fresh.items(), MOST_IN_A_WRITE))
        # What can't be written stays in memory, and is tried again with the next.
        if fresh and self._seen is not None and self._seen.write(fresh):
            with self._lock:
                for key, at in fresh.items():
                    if self._fresh.get(key) == at:
                        del self._fresh[key]
        if self._clock.monotonic() >= self._purge_due and self._purge(oldest):
            self._purge_due = self._clock.monotonic() + PURGE_SECONDS

    def _purge(self, oldest: float) -> bool:
        all_gone = self._seen is None or self._seen.purge(before=oldest)
        with self._lock:
            old = [*takewhile(lambda key: self._fresh[key] < oldest, self._fresh)]
            for key in old:
                del self._fresh[key]
        return all_gone

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def _key(event: Event) -> str:
    # With the name: one id over events of several kinds is more likely a fault than a duplicate.
    text = f"{event.name} {event.key}"
    if len(text) <= _LONGEST_KEY and text.isprintable():
        return text
    # A name may be anything, half of a surrogate pair included, which no database takes.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

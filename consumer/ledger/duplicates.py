"""Recognises events that the producer sent twice: two messages with the same content."""

import hashlib
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, takewhile

from consumer.clock import Clock
from consumer.ledger.database import Database
from consumer.messages import Event, Outcome, ReceivedMessage
from consumer.retry import RetryPolicy

#: Beyond this many keys in the file (about 250 bytes each), or in memory, the oldest are forgotten.
MOST_KEYS = 2_000_000
MOST_KEYS_IN_MEMORY = 500_000
#: So many keys are written in one transaction, several times a second.
MOST_IN_A_WRITE = 10_000
#: How often old keys are deleted, once all that were old are gone.
PURGE_INTERVAL_SECONDS = 10.0
#: So many are deleted in one transaction, so that other writes wait for milliseconds only; and for
#: how long at a time.
PURGE_STEP = 500
PURGE_SECONDS = 0.1
#: How often the keys are counted while there seem to be too many: that takes a tenth of a second.
RECOUNT_SECONDS = 60.0
#: While a copy is being handled, a message is delivered again after this long, then ever later.
COPY_BACKOFF = RetryPolicy(base_seconds=15.0, max_seconds=3600.0)
_LONGEST_KEY = 300


class SeenKeys:
    """The keys in the ledger's file. Any thread may call `times`; one at a time the others."""

    def __init__(self, database: Database, *, clock: Clock, most_keys: int = MOST_KEYS) -> None:
        self._database = database
        self._clock = clock
        self._most = most_keys
        self._recount_due = clock.monotonic()
        #: Never too low: a key that is written twice counts twice.
        self._count = 0
        self._recount()

    def _recount(self) -> None:
        count = self._database.read(lambda c: c.execute("SELECT count(*) FROM seen").fetchone())
        if count is not None:
            (self._count,) = count

    def times(self, keys: Iterable[str]) -> dict[str, int]:
        """When the events with these keys were handled, in seconds since 1970, where known."""

        def look(connection: sqlite3.Connection) -> dict[str, int]:
            select = "SELECT key, at FROM seen WHERE key = ?"
            rows = (connection.execute(select, (key,)).fetchone() for key in keys)
            return dict(row for row in rows if row is not None)

        return self._database.read(look) or {}

    def write(self, keys: Mapping[str, int]) -> bool:
        """Note events as handled at a time; False if the write failed."""
        insert = "INSERT OR REPLACE INTO seen VALUES (?, ?)"
        written = self._database.write(lambda c: c.executemany(insert, keys.items())) is not None
        self._count += len(keys) * written
        return written

    def purge(self, *, before: float) -> bool:
        """Delete keys of an earlier time, and the oldest of too many; False if there are more."""
        now = self._clock.monotonic()
        if self._count > self._most and now >= self._recount_due:
            self._recount_due = now + RECOUNT_SECONDS
            self._recount()

        def delete(connection: sqlite3.Connection) -> int:
            too_many = self._count - self._most
            rows = connection.execute("SELECT key, at FROM seen ORDER BY at LIMIT ?", (PURGE_STEP,))
            old = [(key,) for n, (key, at) in enumerate(rows) if at < before or n < too_many]
            connection.executemany("DELETE FROM seen WHERE key = ?", old)
            return len(old)

        while self._clock.monotonic() < now + PURGE_SECONDS:
            deleted = self._database.write(delete) or 0
            self._count -= deleted
            if deleted < PURGE_STEP:
                return True
        return False


class Duplicates:
    """The keys of events that were handled within a window of time. Any thread may call.

    A key is remembered once every handler has succeeded: in the ledger's file within half a second,
    or in memory without a file. While one copy is being handled, others wait: if it fails, one of
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
        """Return the events of a message that are new; or a retry while a copy is being handled.

        After a list, `end` must follow with all of the events.
        """
        message_id = message.message_id
        keys = dict(zip(map(_key, reversed(events)), reversed(events), strict=True))
        with self._lock:
            if any(self._busy.get(key, message_id) != message_id for key in keys):
                # Four times as long each time: the copy may be held while its handler fails.
                seconds = COPY_BACKOFF.ceiling(2 * message.receive_count - 1)
                return Outcome.retry("a copy of it is being handled", seconds)
            # Claimed now. A copy that ended before has failed, or is in memory or in the file.
            self._busy.update(dict.fromkeys(keys, message_id))
            times = {key: self._fresh[key] for key in keys if key in self._fresh}
        if self._seen is not None:
            times = self._seen.times(keys.keys() - times.keys()) | times
        oldest = self._now() - self._window
        # Of equal events in one envelope only the first is left.
        copies = [key for key in keys if times.get(key, float("-inf")) >= oldest]
        with self._lock:
            for key in copies:
                del self._busy[key]
                del keys[key]
        return sorted(keys.values(), key=lambda event: event.index)

    def end(self, events: Sequence[Event], *, handled: bool) -> None:
        """The message is finished; if every handler succeeded, its events are remembered."""
        now = self._now()
        with self._lock:
            for key in map(_key, events):
                self._busy.pop(key, None)
                if handled:
                    self._fresh.pop(key, None)  # so that the oldest stay first
                    self._fresh[key] = now
            while len(self._fresh) > MOST_KEYS_IN_MEMORY:
                del self._fresh[next(iter(self._fresh))]

    def flush(self) -> None:
        """Write new keys to the file, and forget old ones. One thread calls it."""
        oldest = self._now() - self._window
        with self._lock:
            fresh = dict(islice(self._fresh.items(), MOST_IN_A_WRITE))
        # If the write fails, they stay in memory for the next one.
        if fresh and self._seen is not None and self._seen.write(fresh):
            with self._lock:
                for key, at in fresh.items():
                    if self._fresh.get(key) == at:
                        del self._fresh[key]
        if self._clock.monotonic() >= self._purge_due and self._purge(oldest):
            self._purge_due = self._clock.monotonic() + PURGE_INTERVAL_SECONDS

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

"""The keys of events that were handled, in the ledger's file."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from consumer.clock import Clock
    from consumer.ledger.database import Database

#: More keys than these are not kept (about 250 bytes each); the oldest go first.
MOST_KEYS = 2_000_000
#: So many are deleted in one transaction, so that other writes wait for milliseconds only.
PURGE_STEP = 500
#: And for no longer than this in one go.
PURGE_SECONDS = 0.1
#: How often the keys are counted where there seem to be too many: that takes a tenth of a second.
RECOUNT_SECONDS = 60.0


class SeenKeys:
    """Any thread may call `times`; one at a time the others."""

    def __init__(self, database: Database, *, clock: Clock, most_keys: int = MOST_KEYS) -> None:
        self._database = database
        self._clock = clock
        self._most = most_keys
        self._count = database.read(_count) or 0
        self._recount_due = clock.monotonic()

    def times(self, keys: Iterable[str]) -> dict[str, int]:
        """When the events with these keys were handled, in seconds since 1970, where known."""

        def look(connection: sqlite3.Connection) -> dict[str, int]:
            found: dict[str, int] = {}
            for key in keys:
                row = connection.execute("SELECT at FROM seen WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    found[key] = int(row[0])
            return found

        return self._database.read(look) or {}

    def write(self, keys: Mapping[str, int]) -> bool:
        """Note events as handled at a time; False if that could not be written."""

        def insert(connection: sqlite3.Connection) -> bool:
            connection.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", keys.items())
            return True

        written = self._database.write(insert) or False
        self._count += len(keys) if written else 0
        return written

    def purge(self, *, before: float) -> bool:
        """Forget keys of an earlier time, and the oldest of too many; False if there are more."""
        now = self._clock.monotonic()
        if self._count > self._most and now >= self._recount_due:
            # It counts a key twice that was written twice.
            self._recount_due = now + RECOUNT_SECONDS
            self._count = self._database.read(_count) or self._count
        deadline = now + PURGE_SECONDS
        while self._clock.monotonic() < deadline:
            too_many = min(max(self._count - self._most, 0), PURGE_STEP)
            delete = partial(_delete, before=int(before), too_many=too_many)
            deleted = self._database.write(delete) or 0
            self._count -= deleted
            if deleted < PURGE_STEP:
                return True
        return False


def _count(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("SELECT count(*) FROM seen").fetchone()
    return int(count)


def _delete(connection: sqlite3.Connection, *, before: int, too_many: int) -> int:
    oldest = "SELECT key FROM seen WHERE at < ? ORDER BY at LIMIT ?"
    rows = connection.execute(oldest, (before, PURGE_STEP)).fetchall()
    if len(rows) < too_many:
        oldest = "SELECT key FROM seen ORDER BY at LIMIT ?"
        rows = connection.execute(oldest, (too_many,)).fetchall()
    connection.executemany("DELETE FROM seen WHERE key = ?", rows)
    return len(rows)

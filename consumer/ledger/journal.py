"""The ledger's rows in the file: which steps of which messages were handled."""

from __future__ import annotations

import json
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from pydantic_core import to_json

from consumer.sqs_limits import MAX_RETENTION_SECONDS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from consumer.ledger.database import Database


#: So many rows that are no longer needed are not left to the next `flush`.
MOST_DROPPED = 100


class Step(NamedTuple):
    """One handler's work on one event of a message."""

    #: The position of the event in its envelope.
    event_index: int
    #: The handler's name.
    handler: str


#: The same steps occur again and again, for most messages have one event. Cheaper than a new one.
step_of = lru_cache(maxsize=4096)(Step)


class Loaded(NamedTuple):
    """What the file has of one message: its row, and the steps that succeeded."""

    row: int
    steps: set[Step]


class Journal:
    """Rows of {message id: steps}. Any thread may call any method."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: Rows that are no longer needed.
        self._dropped: deque[int] = deque()

    def load(self) -> dict[str, Loaded]:
        """By message id what was handled and perhaps not deleted, each in a row of its own now.

        Raises `sqlite3.Error`, and `ValueError` or the like for rows that are not ours.
        """
        oldest = self._database.now() - MAX_RETENTION_SECONDS  # what is older can't come again
        return self._database.transaction(lambda connection: _load(connection, oldest))

    def write(self, groups: Sequence[Mapping[str, Iterable[Step]]]) -> list[int] | None:
        """Note steps as handled, a row for each group; returns the rows for `drop`.

        None if they could not be written: then none of them was.
        """
        now = self._database.now()
        # A row that is no longer needed is written over: one statement, where most writes would
        # need four with all that waits for them.
        over = [self._dropped_row() for _ in groups]
        result = self._database.write(
            lambda connection: [
                _insert(connection, now, group, row)
                for group, row in zip(groups, over, strict=True)
            ],
            is_one_statement=len(groups) == 1,
        )
        if result is None:
            self._dropped.extend(row for row in over if row is not None)
        elif len(self._dropped) >= MOST_DROPPED:
            self.flush()
        return result

    def _dropped_row(self) -> int | None:
        try:
            return self._dropped.popleft()
        except IndexError:
            return None

    def drop(self, row: int) -> None:
        """The messages of this row are deleted: it is written over, or goes with a `flush`."""
        self._dropped.append(row)

    def flush(self) -> None:
        """Delete the rows that were dropped; called now and then, and at the end."""
        dropped = [row for _ in range(len(self._dropped)) if (row := self._dropped_row())]
        rows = [(row,) for row in dropped]
        delete = "DELETE FROM handled WHERE id = ?"
        if rows and self._database.write(lambda c: c.executemany(delete, rows)) is None:
            self._dropped.extend(dropped)


def _load(connection: sqlite3.Connection, oldest: int) -> dict[str, Loaded]:
    found: dict[str, set[Step]] = {}
    ages: dict[str, int] = {}
    rows = connection.execute(
        "SELECT at, messages FROM handled WHERE at >= ? ORDER BY id", (oldest,)
    )
    for at, text in rows.fetchall():
        for message_id, steps in json.loads(text).items():
            known = found.setdefault(message_id, set())
            known.update(Step(int(index), str(handler)) for index, handler in steps)
            ages[message_id] = at
    # Above all rows that there are: another process on this file may still write over its own.
    (highest,) = connection.execute("SELECT ifnull(max(id), 0) FROM handled").fetchone()
    loaded = {
        message_id: Loaded(_insert(connection, ages[message_id], {message_id: steps}, None), steps)
        for message_id, steps in found.items()
    }
    connection.execute("DELETE FROM handled WHERE id <= ?", (highest,))
    return loaded


def _insert(
    connection: sqlite3.Connection, at: int, handled: Mapping[str, Iterable[Step]], over: int | None
) -> int:
    text = to_json({message_id: list(steps) for message_id, steps in handled.items()}).decode()
    row = connection.execute("REPLACE INTO handled VALUES (?, ?, ?)", (over, at, text))
    return row.lastrowid or 0

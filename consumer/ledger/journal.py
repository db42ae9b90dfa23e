"""The ledger's rows in the file: which steps of which messages were handled."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from pydantic_core import to_json

from consumer.ledger.step import Step
from consumer.sqs_limits import MAX_RETENTION_SECONDS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from consumer.ledger.database import Database


class Loaded(NamedTuple):
    """What the file has of one message: its row, and the steps that succeeded."""

    row: int
    steps: set[Step]


class Journal:
    """Rows of {message id: steps}. Any thread may call any method."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: Rows that are no longer needed; they go with the next write.
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
        return self._write(lambda connection: [_insert(connection, now, g) for g in groups])

    def drop(self, row: int) -> None:
        """The messages of this row are deleted: it goes with the next write."""
        self._dropped.append(row)

    def flush(self) -> None:
        """Delete the rows that were dropped; called now and then, and at the end."""
        if self._dropped:
            self._write(lambda _connection: [])

    def _write(self, work: Callable[[sqlite3.Connection], list[int]]) -> list[int] | None:
        dropped: list[int] = []

        def drop_and_work(connection: sqlite3.Connection) -> list[int]:
            dropped.extend(self._dropped.popleft() for _ in range(len(self._dropped)))
            rows = [(row,) for row in dropped]
            connection.executemany("DELETE FROM handled WHERE id = ?", rows)
            return work(connection)

        result = self._database.write(drop_and_work)
        if result is None:
            self._dropped.extend(dropped)
        return result


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
    connection.execute("DELETE FROM handled")
    return {
        message_id: Loaded(_insert(connection, ages[message_id], {message_id: steps}), steps)
        for message_id, steps in found.items()
    }


def _insert(connection: sqlite3.Connection, at: int, handled: Mapping[str, Iterable[Step]]) -> int:
    text = to_json({message_id: list(steps) for message_id, steps in handled.items()}).decode()
    row = connection.execute("INSERT INTO handled (at, messages) VALUES (?, ?)", (at, text))
    return row.lastrowid or 0

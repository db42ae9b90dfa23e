"""The rows in the ledger's file: which steps of which messages succeeded."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from pydantic_core import to_json


class Step(NamedTuple):
    """One handler's work on one event of a message."""

    #: The position of the event in its envelope.
    event_index: int
    #: The handler's name.
    handler: str


#: The same steps occur again and again, for most messages have one event. Cheaper than a new one.
step_of = lru_cache(maxsize=4096)(Step)


def load_rows(connection: sqlite3.Connection, *, since: int) -> dict[str, tuple[int, set[Step]]]:
    """Give each message a row of its own; returns these rows and the steps, by message id.

    Raises `sqlite3.Error`, and `ValueError` or the like for rows that this program did not write.
    """
    found: dict[str, set[Step]] = {}
    ages: dict[str, int] = {}
    select = "SELECT at, messages FROM handled WHERE at >= ? ORDER BY id"
    for at, text in connection.execute(select, (since,)).fetchall():
        for message_id, steps in json.loads(text).items():
            known = found.setdefault(message_id, set())
            known.update(Step(int(index), str(handler)) for index, handler in steps)
            ages[message_id] = at
    # The new ids are above all old ones: another process with this file may still delete the rows
    # that it knows.
    (highest,) = connection.execute("SELECT ifnull(max(id), 0) FROM handled").fetchone()
    loaded = {
        message_id: (write_row(connection, {message_id: steps}, ages[message_id]), steps)
        for message_id, steps in found.items()
    }
    connection.execute("DELETE FROM handled WHERE id <= ?", (highest,))
    return loaded


def write_row(
    connection: sqlite3.Connection, handled: Mapping[str, Iterable[Step]], at: int
) -> int:
    """Write the steps of some messages as a new row; returns its id."""
    text = to_json({message_id: list(steps) for message_id, steps in handled.items()}).decode()
    insert = "INSERT INTO handled (at, messages) VALUES (?, ?)"
    return connection.execute(insert, (at, text)).lastrowid or 0

"""Writes steps to the ledger, and reads its file from outside."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from consumer.ledger.database import FILE_NAME, Step

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.ledger.database import Database
    from consumer.ledger.ledger import Ledger


#: What two handlers did for one message.
STEPS = [Step(0, "archive"), Step(0, "grades")]


def note(ledger: Ledger, message_id: str, steps: list[Step] = STEPS) -> None:
    """Note steps of one message; they are in the file on return, if it can be written."""
    ledger.note([(message_id, step) for step in steps])
    ledger.commit()


def rows_in(directory: Path) -> list[dict[str, set[Step]]]:
    """The rows of what was handled, each with its steps by message id, but for the empty one."""
    with closing(_open(directory)) as connection:
        select = "SELECT messages FROM handled WHERE messages != '{}' ORDER BY id"
        rows = connection.execute(select).fetchall()
    return [
        {
            message_id: {Step(*step) for step in steps}
            for message_id, steps in json.loads(row).items()
        }
        for (row,) in rows
    ]


def steps_in(directory: Path) -> dict[str, set[Step]]:
    """By message id the steps that a process started now would know."""
    found: dict[str, set[Step]] = {}
    for row in rows_in(directory):
        for message_id, steps in row.items():
            found.setdefault(message_id, set()).update(steps)
    return found


def keys_in(directory: Path) -> list[str]:
    """The keys of the events that were handled, oldest first."""
    with closing(_open(directory)) as connection:
        return [key for (key,) in connection.execute("SELECT key FROM seen ORDER BY at, key")]


def _open(directory: Path) -> sqlite3.Connection:
    return sqlite3.connect(directory / FILE_NAME, check_same_thread=False)


def database_of(ledger: Ledger) -> Database:
    """The file that a durable ledger writes to."""
    assert ledger.database is not None
    return ledger.database


class Writes:
    """The statements that a database has run since this was made, failed ones included."""

    def __init__(self, database: Database) -> None:
        self.statements: list[str] = []
        database._writer.set_trace_callback(self.statements.append)

    @property
    def attempts(self) -> int:
        """How many transactions were begun, or tried to begin."""
        return sum(statement.startswith("BEGIN") for statement in self.statements)

"""What the tests of the sqlite handler share: a store in a folder, and a look into its file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from consumer.handlers.sqlite.store import Store
from consumer.messages import Context
from consumer.testing import ManualClock, canvas_body
from tests.handlers.landing.events import event_of

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.messages import Event

CONTEXT = Context(handler="sqlite", message_ids=("m-1",))


class Table:
    """A table in a file, which other connections than the store's look at."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "events.sqlite3"
        self.clock = ManualClock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC))
        self._stores: list[Store] = []
        self.store = self.another()

    def another(self, **options: Any) -> Store:
        """As in another process."""
        options = {"table": "live_events", **options}
        self._stores.append(Store(self.path, clock=self.clock, **options))
        return self._stores[-1]

    def write(self, *events: Event) -> None:
        self.store.write(events, CONTEXT)

    def ask(self, statement: str, *values: Any) -> list[Any]:
        """The rows, or the values if there is one column; also changes the file."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            rows = connection.execute(statement, values).fetchall()
        return [row[0] if len(row) == 1 else row for row in rows]

    def keys(self) -> set[str]:
        return set(self.ask("SELECT event_key FROM live_events"))

    def close(self) -> None:
        for store in self._stores:
            store.close()


def canvas(name: str, body: str, number: int = 0) -> Event:
    """An event with this text as its body."""
    whole = canvas_body(name, body={"it": "is here"})
    return event_of(whole.replace('{"it": "is here"}', body), number)

"""The sqlite handler: a table in a file."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

from consumer.handlers.sqlite.schema import prepare
from tests.handlers.landing.destination import Destination, Feature, Landed
from tests.handlers.landing.events import event_of, text_of

if TYPE_CHECKING:
    from consumer.messages import Event

BAD = 4_000_013


class Sqlite(Destination):
    """In a file on a mount, which goes away."""

    kind = "sqlite"
    features: ClassVar[frozenset[Feature]] = frozenset({Feature.ONCE, Feature.MEBIBYTE})

    def set_up(self) -> None:
        self._mount = self.folder / "mount"
        self._mount.mkdir()
        self._file = self._mount / "events.sqlite3"

    def options(self) -> dict[str, Any]:
        return {"file": str(self._file)}

    def landed(self) -> list[Landed]:
        if not self._file.exists():
            return []
        with closing(sqlite3.connect(self._file)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                return []  # a lander was killed before it made the table
            rows = connection.execute("SELECT event_key, payload FROM live_events").fetchall()
        return [Landed(key, json.loads(payload)) for key, payload in rows]

    def go_down(self) -> None:
        self._mount.rename(self.folder / "unmounted")

    def come_back(self) -> None:
        (self.folder / "unmounted").rename(self._mount)

    def bad_event(self) -> Event:
        """One that a rule of the institution's refuses."""
        event = event_of(text_of(BAD), BAD)
        with closing(sqlite3.connect(self._file)) as connection:
            prepare(connection, "live_events", views=False)
            connection.execute(
                "CREATE TRIGGER refusing BEFORE INSERT ON live_events "
                f"WHEN NEW.event_key = '{event.key}' BEGIN SELECT RAISE(ROLLBACK, 'no'); END"
            )
        return event

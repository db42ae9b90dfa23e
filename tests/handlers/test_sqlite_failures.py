"""What the sqlite handler says when the file can't be written; nothing is lost by it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import Unavailable
from consumer.handlers.sql.rows import COLUMNS
from consumer.handlers.sqlite import store
from consumer.testing import make_event
from tests.handlers.landing.events import numbered
from tests.handlers.sqlite_table import Table

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _waits_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_BUSY_SECONDS", 0.05)


def reason(table: Table, *, check: bool = False) -> str:
    """Why nothing can land; with the file's name, and nothing of an event."""
    events = numbered(range(100, 150))
    with pytest.raises(Unavailable) as caught:
        table.write(*events)
    start = f"the SQLite file {table.path}: "
    assert caught.value.reason.startswith(start)
    if check:
        with pytest.raises(Unavailable) as asked:
            table.store.check()
        assert caught.value.reason == asked.value.reason
    return caught.value.reason.removeprefix(start)


def lands_again(table: Table) -> None:
    """What failed lands, all of it, once its cause is gone."""
    events = numbered(range(100, 150))
    table.write(*events)
    assert {event.key for event in events} <= table.keys()


def test_locked_by_another_process(table: Table) -> None:
    """For longer than a write waits: all stays in the queue, and lands after it."""
    table.write(make_event())
    with closing(sqlite3.connect(table.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "another process has locked it for too long (SQLITE_BUSY)" == reason(table)
        assert table.store.check()
    lands_again(table)


def limited(table: Table, pragma: str) -> None:
    connection = table.store._opened()
    connection.execute(f"PRAGMA {pragma}")


def test_a_full_disk(table: Table) -> None:
    """SQLite's own limit says the same as a disk; nothing of the batch has landed."""
    table.write(make_event())
    (pages,) = table.ask("PRAGMA page_count")
    limited(table, f"max_page_count = {pages + 3}")
    assert "its disk is full (SQLITE_FULL)" == reason(table)
    assert {make_event().key} == table.keys()
    lands_again(table)


def test_read_only(table: Table) -> None:
    """As on a file system that was mounted read-only."""
    table.write(make_event())
    limited(table, "query_only = on")
    assert reason(table).startswith("it can't be written: check owner and mode of the file")
    lands_again(table)


def test_a_missing_directory(table: Table) -> None:
    """It is not made: it may be a mount that is missing."""
    there, gone = table.path.parent / "mount", table.path.parent / "gone"
    there.mkdir()
    table.path = there / "events.sqlite3"
    table.store = table.another()
    there.rename(gone)
    assert "No such file or directory" == reason(table, check=True)
    gone.rename(there)
    lands_again(table)


def test_a_link_into_a_directory_that_is_missing(table: Table) -> None:
    """The mount that counts is the one where the file would be."""
    gone = table.path.parent / "mount"
    table.path.symlink_to(gone / "events.sqlite3")
    assert "No such file or directory" == reason(table, check=True)
    gone.mkdir()
    lands_again(table)


def test_a_directory_in_its_place(table: Table) -> None:
    """The text says what to look at."""
    table.path.mkdir()
    assert reason(table, check=True).startswith("it can't be opened: is its directory there")


def test_no_database(table: Table) -> None:
    """Another program's file stays as it is; renamed, a new one is made."""
    table.path.write_bytes(b"a text, and no database\n" * 100)
    assert reason(table, check=True) == (
        "it is not an SQLite database: rename it, and a new one is made (SQLITE_NOTADB)"
    )
    assert table.path.read_bytes().startswith(b"a text")
    table.path.rename(table.path.with_suffix(".old"))
    lands_again(table)


def test_a_damaged_database(table: Table) -> None:
    """The text has the remedy; done, everything lands."""
    table.write(*numbered(range(50)))
    table.close()
    data = bytearray(table.path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    table.path.write_bytes(data)
    found = reason(table)
    assert found.startswith("it is damaged: rename it, together with its -wal and -shm files")
    for path in list(table.path.parent.iterdir()):
        path.rename(path.with_name(f"old-{path.name}"))
    lands_again(table)


def test_without_a_write_ahead_log(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file system can't have one, readers would wait: it is refused."""
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *_, **options: connect(":memory:", **{**options, "uri": 0})
    )
    assert "its file system is not made for several processes: use a local disk" == reason(table)


#: What an operator may have done to a good table, and what is then said.
CHANGES: dict[str, tuple[str, ...]] = {
    "the table live_events has no time, change: it is another program's, or was changed; "
    "rename it, or choose another table": (
        "DROP INDEX live_events_name_time",
        "ALTER TABLE live_events DROP COLUMN time",
        "ALTER TABLE live_events DROP COLUMN change",
    ),
    "the table live_events has version 99, and this program knows 1: "
    "update the program, or choose another table": ("UPDATE live_events_schema SET version = 99",),
    "the table live_events_schema must have one row, with a version: restore it": (
        "DELETE FROM live_events_schema",
    ),
    "the table live_events is gone: drop live_events_schema, too, and both are made again": (
        "DROP TABLE live_events",
    ),
    "the table live_events needs a value in mine: give it a default": (
        "DROP TABLE live_events",
        "CREATE TABLE live_events (event_key PRIMARY KEY, {columns}, mine NOT NULL)",
    ),
    "event_key is not the primary key of the table live_events: make it that": (
        "DROP TABLE live_events",
        "CREATE TABLE live_events (event_key, {columns})",
    ),
}


def changed(table: Table, statements: tuple[str, ...]) -> None:
    columns = ", ".join(column.name for column in COLUMNS[1:])
    for statement in statements:
        table.ask(statement.format(columns=columns))


def test_another_schema(tmp_path: Path, table: Table) -> None:
    """It says what differs, also while it runs; no event is rejected for it."""
    for number, (said, statements) in enumerate(CHANGES.items()):
        for running in (False, True):
            table.path = tmp_path / f"{number}-{running}.sqlite3"
            table.store = table.another(views=False)
            table.write(make_event())
            if not running:
                table.store.close()
            changed(table, statements)
            if running and "version" in said:  # looked at when the file is opened
                table.store.close()
            elif running:
                with pytest.raises(Unavailable):  # whatever SQLite says to the statement
                    table.write(*numbered(range(3)))
            assert said == reason(table, check=True)


def test_a_table_where_a_view_must_be(table: Table) -> None:
    """Someone else's table is not dropped."""
    table.ask("CREATE TABLE live_grade_change (a)")
    assert "live_grade_change must be a view, and is a table: rename it, or set views: false" == (
        reason(table)
    )
    assert ["live_grade_change"] == table.ask("SELECT name FROM sqlite_master")
    table.store = table.another(views=False)
    lands_again(table)


def test_a_trigger_that_is_wrong(table: Table) -> None:
    """No row is to blame, so none is rejected."""
    table.write(make_event())
    table.ask(
        "CREATE TRIGGER t AFTER INSERT ON live_events BEGIN INSERT INTO audit VALUES (1); END"
    )
    assert "no such table: main.audit (SQLITE_ERROR)" == reason(table)
    table.ask("DROP TRIGGER t")
    lands_again(table)


def test_errors_that_sqlite_does_not_name(table: Table) -> None:
    """Their type is said, and the file."""
    connection: Any = table.store._opened()
    connection.close()
    assert "it can't be used (ProgrammingError)" == reason(table)
    lands_again(table)

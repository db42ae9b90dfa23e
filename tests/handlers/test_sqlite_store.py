"""The sqlite handler's file: durable, private, made and brought up to date by itself."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import BatchFailure, ConfigurationError, Reject
from consumer.handlers.loading.factories import HandlerEnvironment
from consumer.handlers.loading.loader import parse_handler_spec
from consumer.handlers.sql.rows import COLUMNS
from consumer.handlers.sqlite import factory
from consumer.handlers.sqlite.schema import MIGRATIONS, prepare
from consumer.testing import make_event
from tests.handlers.landing.events import numbered
from tests.handlers.sqlite_table import CONTEXT, Table, canvas

if TYPE_CHECKING:
    pass


def kinds(table: Table, kind: str) -> set[str]:
    """The names of all tables, views or indexes."""
    return set(table.ask("SELECT name FROM sqlite_master WHERE type = ?", kind))


def test_by_default_it_is_in_the_state_directory(tmp_path: Path) -> None:
    """Made with the first event and not before, and only the owner can read it."""
    state = tmp_path / "new" / "state"
    (handler,) = factory("sqlite", {}, HandlerEnvironment(state)).handlers
    assert not state.parent.exists()
    assert handler.check_destination is not None
    assert f"{state}/live_events.sqlite3 is made with the first event" == (
        handler.check_destination()
    )
    assert handler.call_batch is not None
    old = os.umask(0)
    try:
        handler.call_batch([make_event()], CONTEXT)
    finally:
        os.umask(old)
    files = sorted(state.iterdir())
    assert ["", "-shm", "-wal"] == [f.name.removeprefix("live_events.sqlite3") for f in files]
    assert {0o600} == {stat.S_IMODE(file.stat().st_mode) for file in files}
    assert handler.close is not None
    handler.close()
    assert ["live_events.sqlite3"] == [file.name for file in state.iterdir()]


def test_the_command_line_names_it() -> None:
    """`--handler sqlite`, as each type that can do without options."""
    assert {"name": "sqlite", "sqlite": {}, "events": ["grade_change"]} == (
        parse_handler_spec("sqlite=grade_change")
    )


def test_a_configured_directory_may_come_later(tmp_path: Path) -> None:
    """It may be a mount: a warning, and nothing is made; a wrong option is refused."""
    warnings: list[str] = []
    environment = HandlerEnvironment(tmp_path, warn=warnings.append)
    factory("x", {"file": str(tmp_path / "mount" / "x.sqlite3")}, environment)
    assert len(warnings) == 1
    assert "mount does not exist" in warnings[0]
    wrong: list[dict[str, object]] = [{"file": ""}, {"views": "x"}, {"fil": "x"}, {"table": "A"}]
    for options in wrong:
        with pytest.raises(ConfigurationError):
            factory("x", options, environment)
    for odd in (str(tmp_path), "/dev/null"):
        with pytest.raises(ConfigurationError, match=f"file must be a file, and {odd} is not"):
            factory("x", {"file": odd}, environment)
    for unexpanded in ("~/x.sqlite3", "$HOME/x.sqlite3"):
        with pytest.raises(ConfigurationError, match="file must be a whole path; nothing in it is"):
            factory("x", {"file": unexpanded}, environment)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="SQLite file can't be written"):
        factory("x", {"file": str(tmp_path / "file" / "x")}, environment)


def test_durable_before_it_returns(table: Table) -> None:
    """A write-ahead log, which is synchronised with each commit."""
    table.write(*numbered(range(3)))
    connection = table.store._connection
    assert connection is not None
    assert ("wal",) == connection.execute("PRAGMA journal_mode").fetchone()
    assert (2,) == connection.execute("PRAGMA synchronous").fetchone()
    assert not connection.in_transaction


def test_times_sort_as_texts(table: Table) -> None:
    """All have milliseconds, so that no shorter one comes after a longer one."""
    table.write(make_event())
    (row,) = table.ask("SELECT time, received_at, typeof(course_id) FROM live_events")
    assert ("2024-03-01T12:00:00.000Z", "2026-11-23T10:00:00.000Z", "integer") == row


def test_the_first_copy_stays(table: Table) -> None:
    """Of an event that comes again, by another message and later."""
    table.write(make_event(message_id="m-1"))
    table.clock.advance(60)
    table.write(make_event(message_id="m-2"), make_event(message_id="m-3"))
    assert [("m-1", "2026-11-23T10:00:00.000Z")] == (
        table.ask("SELECT message_id, received_at FROM live_events")
    )


def test_readers_and_the_writer_do_not_wait(table: Table) -> None:
    """A reader in a transaction keeps what it has seen, and holds up nothing."""
    events = numbered(range(2))
    table.write(events[0])
    question = "SELECT count(*) FROM live_events"
    with closing(sqlite3.connect(table.path, timeout=0, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert (1,) == reader.execute(question).fetchone()
        table.write(events[1])
        assert (1,) == reader.execute(question).fetchone()
        reader.execute("COMMIT")
        assert (2,) == reader.execute(question).fetchone()
        writer = table.another()._opened()
        writer.execute("BEGIN IMMEDIATE")
        assert (2,) == reader.execute(question).fetchone()
        writer.execute("ROLLBACK")


def test_a_look_changes_nothing(table: Table) -> None:
    """`consume check` says what is there: while nothing has landed, and while it is written."""
    folder = table.path.parent
    assert f"{table.path} is made with the first event" == table.store.check()
    table.ask("CREATE TABLE students (id)")
    assert f"{table.path}: the table live_events is made with the first event" == (
        table.store.check()
    )
    table.write(make_event())
    landed = f"{table.path}, table live_events: the newest event landed at 2026-11-23T10:00:00.000Z"
    assert landed == table.store.check()
    table.close()
    before = table.path.read_bytes(), sorted(folder.iterdir())
    assert landed == table.store.check()
    assert before == (table.path.read_bytes(), sorted(folder.iterdir()))
    table.ask("DELETE FROM live_events")
    assert f"{table.path}, table live_events: no event has landed" == table.store.check()


def test_two_tables_in_a_file_of_the_operator(table: Table) -> None:
    """Beside tables that are there; each with its views, or without."""
    table.ask("CREATE TABLE students (id)")
    table.write(make_event())
    for name, views in (("raw", False), ("more", True)):
        table.another(table=name, views=views).write([make_event()], CONTEXT)
        assert [1] == table.ask(f"SELECT count(*) FROM {name}")
    tables = {"live_events", "raw", "more"}
    assert {"students", *tables, *(f"{name}_schema" for name in tables)} == kinds(table, "table")
    made = kinds(table, "view")
    assert {"live_grade_change", "more_grade_change"} <= made
    assert not {view for view in made if view.startswith("raw")}


@pytest.mark.parametrize("path", ["a b%20?#.sqlite3", "\u00e4\n'\"x"])
def test_any_name_of_a_file(tmp_path: Path, path: str) -> None:
    """It is a path, not a URI."""
    (handler,) = factory("x", {"file": str(tmp_path / path)}, HandlerEnvironment(tmp_path)).handlers
    assert handler.call_batch is not None
    assert handler.close is not None
    handler.call_batch([make_event()], CONTEXT)
    handler.close()
    assert [path] == [file.name for file in tmp_path.iterdir()]


def test_a_link_to_the_file(tmp_path: Path) -> None:
    """The file is where the link leads, also if it is not there yet, or the link is changed."""
    first, second, third = numbered(range(3))
    link = tmp_path / "events.sqlite3"
    for name in ("disk", "other"):
        (tmp_path / name).mkdir()
    link.symlink_to(tmp_path / "disk" / "a.sqlite3")
    (handler,) = factory("x", {"file": str(link)}, HandlerEnvironment(tmp_path)).handlers
    assert handler.call_batch is not None
    assert handler.close is not None
    handler.call_batch([first], CONTEXT)
    handler.call_batch([second], CONTEXT)
    link.unlink()
    link.symlink_to(tmp_path / "other" / "b.sqlite3")
    handler.call_batch([third], CONTEXT)
    handler.close()
    for path, keys in (("disk/a", {first.key, second.key}), ("other/b", {third.key})):
        with closing(sqlite3.connect(tmp_path / f"{path}.sqlite3")) as connection:
            rows = connection.execute("SELECT event_key FROM live_events")
            assert keys <= {key for (key,) in rows}


def test_a_file_that_is_removed_or_replaced(table: Table) -> None:
    """What would go to a file without a name is written to the new one before it is acked."""
    first, second, third, fourth = numbered(range(4))
    table.write(first)
    for path in table.path.parent.iterdir():
        path.unlink()
    table.write(second)
    assert {second.key} == table.keys()
    other = Table(table.path.parent)
    other.path = table.path.with_name("restored.sqlite3")
    other.another().write([first], CONTEXT)
    other.close()
    for suffix in ("", "-wal", "-shm"):
        table.path.with_name(table.path.name + suffix).unlink()
    other.path.rename(table.path)
    table.write(third)
    assert {first.key, third.key} == table.keys()
    table.path.with_name(f"{table.path.name}-wal").unlink()
    table.path.with_name(f"{table.path.name}-shm").unlink()
    table.write(fourth)
    assert {first.key, third.key, fourth.key} == table.keys()


def test_refused_rows_are_rejected_alone(table: Table) -> None:
    """By a rule of the operator's, of any kind; the reason quotes nothing, the others land."""
    events = numbered(range(40))
    table.write(events[0])
    refusals = ("ROLLBACK, 'private'", "ABORT, 'private'", "FAIL, 'private'")
    for number, refusal in enumerate(refusals):
        (old,) = table.ask("SELECT count(*) FROM live_events")
        bad = [events[10 * number + n] for n in (1, 2, 9)]
        names = ", ".join(f"'{event.key}'" for event in bad)
        table.ask(
            f"CREATE TRIGGER t{number} BEFORE INSERT ON live_events WHEN NEW.event_key IN ({names})"
            f" BEGIN SELECT RAISE({refusal}); END"
        )
        batch = events[10 * number + 1 : 10 * number + 11]
        with pytest.raises(BatchFailure) as caught:
            table.write(*batch)
        assert set(bad) == set(caught.value.failures)
        for failure in caught.value.failures.values():
            assert isinstance(failure, Reject)
            expected = "the table live_events refuses the row (SQLITE_CONSTRAINT"
            assert failure.reason.removesuffix(")") in {expected, f"{expected}_TRIGGER"}
        assert [old + 7] == table.ask("SELECT count(*) FROM live_events")


def test_an_event_without_a_row_keeps_no_other_back(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails alone, with its own error."""
    good, bad = numbered(range(2))
    monkeypatch.setattr(
        "consumer.handlers.sql.rows.payload_of",
        lambda event, **_: 1 / 0 if event is bad else event.raw,
    )
    with pytest.raises(BatchFailure) as caught:
        table.write(bad, good)
    assert [bad] == list(caught.value.failures)
    assert isinstance(caught.value.failures[bad], ZeroDivisionError)
    assert {good.key} == table.keys()


#: As a later release could go on.
NEXT = (*MIGRATIONS, ('ALTER TABLE "{table}" ADD COLUMN later TEXT',), ("CREATE TABLE x (a)",))


def migrated(path: Path, migrations: Any = NEXT) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        prepare(connection, "live_events", views=True, migrations=migrations)


def test_an_older_file_is_brought_up_to_date(table: Table) -> None:
    """With what is in it; also if another process does the same, or the last one was killed."""
    events = numbered(range(2))
    table.write(events[0])
    table.close()
    migrated(table.path)
    migrated(table.path)
    assert [3] == table.ask("SELECT version FROM live_events_schema")
    assert {"x", "live_events", "live_events_schema"} == kinds(table, "table")
    assert [None] == table.ask("SELECT later FROM live_events")
    assert {events[0].key} == table.keys()


def test_a_migration_is_done_as_a_whole(table: Table) -> None:
    """If one of its statements fails, the file stays as it was."""
    table.write(make_event())
    table.close()
    before = table.ask("SELECT * FROM sqlite_master")
    with pytest.raises(sqlite3.OperationalError):
        migrated(table.path, (*NEXT, ("CREATE TABLE y (a)", "no SQL")))
    assert before == table.ask("SELECT * FROM sqlite_master")


def test_a_table_without_a_version_is_taken_over(table: Table) -> None:
    """It has the columns, such as after the file was restored in part; or it has version 0."""
    event, other = numbered(range(2))
    columns = ", ".join(column.name for column in COLUMNS[1:])
    table.ask(f"CREATE TABLE live_events (event_key PRIMARY KEY, {columns}, mine)")
    table.ask("INSERT INTO live_events (event_key) VALUES (?)", event.key)
    table.write(event, other)
    assert [len(MIGRATIONS)] == table.ask("SELECT version FROM live_events_schema")
    assert {event.key, other.key} == table.keys()
    table.close()
    table.ask("UPDATE live_events_schema SET version = 0, views = NULL")
    table.write(event)
    assert [len(MIGRATIONS)] == table.ask("SELECT version FROM live_events_schema")


def test_views_are_made_again_when_they_may_be_others(table: Table) -> None:
    """By another release; those of the operator stay, and so does a view while nothing is new."""
    table.write(make_event("grade_change"))
    table.ask("CREATE VIEW mine AS SELECT score FROM live_grade_change")
    changes = ("DROP VIEW live_grade_change", "CREATE VIEW live_grade_change AS SELECT 1 AS score")
    for version, expected in ((None, 1), ("0.0.9-older", make_event("grade_change").body["score"])):
        for change in changes:
            table.ask(change)
        if version:
            table.ask("UPDATE live_events_schema SET views = ?", version)
        table.close()
        table.write(make_event("grade_change", message_id="m-2"))
        assert [expected] == table.ask("SELECT score FROM mine")


def test_what_lands_can_be_read_as_it_came(table: Table) -> None:
    """The payload is the text that was received; other columns say where it happened."""
    event = canvas("submission_created", '{"submission_id": "7",   "score": 1.50}')
    table.write(event)
    ((payload, plain),) = table.ask("SELECT payload, payload_plain FROM live_events")
    assert (event.raw, None) == (payload, plain)
    assert json.loads(payload)["body"]["score"] == 1.5

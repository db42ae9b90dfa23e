"""The postgres handler: what is wrong is reported by its kind, with what helps, without data."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from consumer.errors import BatchFailure, Unavailable
from consumer.handlers.postgres.table import Table
from tests.cases import for_each
from tests.handlers.postgres_server import PASSWORD, free_port
from tests.handlers.postgres_site import events_of, land, refused, unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.handlers.registering.handler import Handler
    from tests.handlers.postgres_site import Site

pytestmark = pytest.mark.xdist_group("postgres")

#: What an administrator did, and what the report then says; what follows the last ": " is SQL.
WRONG = {
    "alter table live_events drop column change": (
        '"live_events" has no column change: alter table live_events add column change text'
    ),
    "alter table live_events drop constraint live_events_pkey": (
        '"live_events" does not have its key: alter table live_events add primary key (event_key)'
    ),
    "alter table live_events add column campus text not null default 'x';"
    " alter table live_events alter column campus drop default": (
        'the column campus of "live_events" must not be null, but is not filled: '
        "alter table live_events alter column campus drop not null"
    ),
    "alter table live_events set unlogged": (
        '"live_events" is empty after a crash of the server: alter table live_events set logged'
    ),
    "revoke insert on live_events from canvas": (
        'the user may not insert into "live_events" and read it: '
        "grant insert, select on live_events to canvas"
    ),
    "revoke select on live_events from canvas": (
        'the user may not insert into "live_events" and read it: '
        "grant insert, select on live_events to canvas"
    ),
}
#: With `create: true`.
NOT_CREATED = {
    "revoke create on schema public from canvas, public; alter schema public owner to postgres": (
        'the user may not create "live_events", its views and "live_events_schema": '
        "grant usage, create on schema public to canvas"
    ),
    "drop schema public cascade": (
        "there is no schema in which the user could create tables: "
        "create schema canvas authorization canvas"
    ),
}


def password_file(site: Site, password: str = PASSWORD) -> str:
    """A file with it."""
    path = site.folder / "password"
    path.write_text(f"{password}\n")
    return str(path)


def of_canvas(site: Site, *, create: bool, table: str = "live_events") -> Handler:
    """A handler that connects as the user "canvas"."""
    return site.handler(
        connection=site.server.uri(site.name, user="canvas"),
        password_file=password_file(site),
        create=create,
        table=table,
    )


def checked(handler: Handler) -> str:
    """What `consume check` shows."""
    assert handler.check_destination is not None
    return handler.check_destination()


def test_a_table_that_is_not_as_it_must_be(site: Site) -> None:
    """A call and the check report the same; its statement, run word for word, helps."""
    land(site.handler(), events_of([0]))
    site.execute("drop table live_events_schema; grant all on live_events to canvas")
    handler = of_canvas(site, create=False)
    land(handler, events_of([1]))
    for number, (damage, expected) in enumerate(WRONG.items()):
        site.execute(damage)
        new = of_canvas(site, create=False)
        for call in (lambda: land(new, events_of([2 + number])), lambda: checked(handler)):  # noqa: B023
            reason = unavailable(call)
            assert f'the database "site" on 127.0.0.1: {expected}' == reason
        site.execute(reason.rpartition(": ")[2])
        land(handler, events_of([2 + number]))
        assert '; the table "live_events" is there' in checked(handler)
    assert 2 + len(WRONG) == site.count()


def test_a_key_with_other_columns_beside_it(site: Site) -> None:
    """What PostgreSQL takes as a key is one."""
    land(site.handler(), events_of([0]))
    site.execute(
        "alter table live_events drop constraint live_events_pkey;"
        " create unique index on live_events (event_key) include (name)"
    )
    handler = site.handler()
    land(handler, events_of([1]))
    assert "is there" in checked(handler)


def test_a_key_with_a_limit(site: Site) -> None:
    """All keys of the Canvas format would be too long: it is no fault of the events."""
    land(site.handler(), events_of([0]))
    site.execute("alter table live_events alter event_key type varchar(64)")
    handler = site.handler()
    for call in (lambda: land(handler, events_of([1])), lambda: checked(handler)):
        assert unavailable(call).endswith(
            'column event_key of "live_events" must have the type text'
        )
    site.execute("alter table live_events alter event_key type varchar")
    land(handler, events_of([1]))


def test_a_schema_that_is_missing_or_may_not_be_used(site: Site) -> None:
    """The report names the statement that helps, word for word."""
    site.execute("create schema lake")
    site.execute(Table("lake", "events").definition())
    site.execute("grant select, insert on lake.events to canvas")
    expected = {
        (
            "lake",
            False,
        ): "the user may not use the schema lake: grant usage on schema lake to canvas",
        ("lake", True): (
            'the user may not create "lake.events", its views and "lake.events_schema": '
            "grant usage, create on schema lake to canvas"
        ),
        ("pond", True): "there is no schema pond: create schema pond authorization canvas",
    }
    for (schema, create), text in expected.items():
        site.execute("revoke all on schema lake from canvas")
        handler = of_canvas(site, create=create, table=f"{schema}.events")
        for call in (lambda: land(handler, events_of([1])), lambda: checked(handler)):  # noqa: B023
            reason = unavailable(call)
            assert reason.endswith(f": {text}")
        site.execute(reason.rpartition(": ")[2])
        if schema == "lake" and create:
            site.execute("drop table lake.events")
        land(handler, events_of([1]))
        checked(handler)


def test_all_that_is_wrong_is_reported_at_once(site: Site) -> None:
    """And a column of another type."""
    land(site.handler(), events_of([0]))
    site.execute(
        "alter table live_events drop column change, drop column format,"
        " alter column user_id type text"
    )
    reason = unavailable(lambda: land(site.handler(create=False), events_of([1])))
    assert 3 == len(reason.split("; "))
    assert 'the column user_id of "live_events" must have the type bigint' in reason


def test_a_table_that_is_missing(site: Site) -> None:
    """With `create: false` nothing is created; otherwise the next event creates it."""
    handler = site.handler(create=False)
    for call in (lambda: land(handler, events_of([1])), lambda: checked(handler)):
        assert 'there is no table "live_events": create it as in the README' in unavailable(call)
    handler = site.handler()
    assert 'the table "live_events" will be created with the first event' in checked(handler)
    land(handler, events_of([1]))
    site.execute("drop table live_events, live_events_schema")
    unavailable(lambda: land(handler, events_of([1])))
    land(handler, events_of([1]))
    assert 1 == site.count()


@for_each("damage", NOT_CREATED)
def test_a_table_that_can_not_be_created(site: Site, damage: str) -> None:
    """The report names the statement that helps, word for word."""
    site.execute(damage)
    handler = of_canvas(site, create=True)
    for call in (lambda: land(handler, events_of([1])), lambda: checked(handler)):
        reason = unavailable(call)
        assert reason.endswith(NOT_CREATED[damage])
    site.execute(reason.rpartition(": ")[2])
    assert "will be created" in checked(handler)
    land(handler, events_of([1]))


def test_a_newer_version_of_the_table(site: Site) -> None:
    """Nothing lands in what this program does not know."""
    land(site.handler(), events_of([1]))
    site.execute("update live_events_schema set version = 7")
    handler = site.handler()
    assert handler.check_destination
    for call in (lambda: land(handler, events_of([2])), handler.check_destination):
        reason = unavailable(call)
        assert 'the table "live_events" has version 7, and this program knows 1: install' in reason
    assert 1 == site.count()


def test_a_version_that_is_none(site: Site) -> None:
    """Someone has changed it: it is no error of an event."""
    land(site.handler(), events_of([1]))
    for damage in (
        "update live_events_schema set version = null",
        "alter table live_events_schema alter version type text",
    ):
        site.execute(damage)
        reason = unavailable(lambda: land(site.handler(), events_of([2])))
        assert reason.endswith('"live_events_schema" must have one row, with a version: restore it')


def test_no_connection(site: Site) -> None:
    """Each reason is a plain one, with host and database, and without the password."""
    site.execute("create role locked nologin")
    site.execute("create role few login connection limit 0")
    site.execute("create role stranger login")
    site.execute(f"revoke connect on database {site.name} from public")
    uri = site.server.uri
    hidden = "h1dden-secret"
    wrong: dict[str, Callable[[], Handler]] = {
        "the connection was refused": lambda: site.handler(connection=uri("x", port=free_port())),
        "the database or the user does not exist": lambda: site.handler(connection=uri("nowhere")),
        "the password is wrong": lambda: site.handler(
            connection=uri(user="canvas"), password_file=password_file(site, hidden)
        ),
        "it needs a password": lambda: site.handler(connection=uri(user="canvas")),
        "must have the name of the user that this process runs as": lambda: site.handler(
            connection=f"host={site.server.directory} port={site.server.port} dbname=x user=canvas"
        ),
        "the login was refused": lambda: site.handler(connection=uri(user="locked")),
        "the server has too many connections": lambda: site.handler(connection=uri(user="few")),
        "the name of the host can't be resolved": lambda: site.handler(
            connection="host=db.invalid dbname=canvas"
        ),
        "no encrypted connection is possible": lambda: site.handler(
            connection=uri() + "?sslmode=require"
        ),
        "the user may not connect to the database": lambda: site.handler(
            connection=uri(site.name, user="stranger")
        ),
        "a value in its connection text can't be used": lambda: site.handler(
            connection=uri() + "?sslmode=verify_full"
        ),
        "there is no such service": lambda: site.handler(connection="service=nothing"),
    }
    for expected, made in wrong.items():
        handler = made()
        for call in (lambda: land(handler, events_of([1])), lambda: checked(handler)):  # noqa: B023
            reason = unavailable(call)
            assert expected in reason
            assert reason.startswith("the database ")
            assert hidden not in reason
    site.execute("drop role locked; drop role few; drop role stranger")


def test_a_password_file_that_changes(site: Site) -> None:
    """It is read for each connection; if it can't be read, the events wait."""
    handler = of_canvas(site, create=True)
    path = site.folder / "password"
    path.unlink()
    assert "the password_file can't be read" in unavailable(lambda: land(handler, events_of([1])))
    password_file(site)
    land(handler, events_of([1]))


def test_a_database_that_can_only_be_read(site: Site) -> None:
    """For maintenance, or because it is a standby; nothing is rejected."""
    handler = site.handler()
    land(handler, events_of([1]))
    site.execute(f"alter database {site.name} set default_transaction_read_only = on")
    reason = unavailable(lambda: land(site.handler(), events_of([2])))
    assert reason.endswith("it can only be read: it is a standby, or was made read-only")
    check = site.handler().check_destination
    assert check is not None
    assert unavailable(check).endswith(
        "it can only be read: it is a standby, or was made read-only"
    )
    uri = site.server.uri(site.name) + "?target_session_attrs=read-write"
    reason = unavailable(lambda: land(site.handler(connection=uri), events_of([2])))
    assert reason.endswith("it can only be read: it is a standby, or was made read-only")


def test_its_disk_is_full_while_each_event_is_stored_alone(site: Site) -> None:
    """What has landed until then is handled; the others find it down, and land later."""
    writer, events = site.handler(), events_of(range(5))
    land(writer, events[:1])
    site.execute("create sequence tries")
    site.execute(
        "create function check_rows() returns trigger language plpgsql as $$ begin"
        " if (select count(*) from new_rows) > 1 then raise exception 'too many'; end if;"
        " if nextval('tries') = 3 then raise exception using errcode = 'disk_full'; end if;"
        " return null; end $$"
    )
    site.execute(
        "create trigger check_rows after insert on live_events"
        " referencing new table as new_rows execute function check_rows()"
    )

    with pytest.raises(BatchFailure) as caught:
        land(writer, events[1:])

    assert [Unavailable, Unavailable] == [type(error) for error in caught.value.failures.values()]
    stored = {row[0] for row in site.execute("select event_key from live_events")}
    assert stored == {event.key for event in events if event not in caught.value.failures}
    site.execute("drop trigger check_rows on live_events")
    land(writer, list(caught.value.failures))
    assert site.count() == 5


def test_locks_and_slow_statements(site: Site) -> None:
    """A lock of another session: the stricter limit of the administrator holds, then it lands."""
    handler = site.handler()
    land(handler, events_of([1]))
    site.execute(f"alter database {site.name} set statement_timeout = '200ms'")
    site.execute(f"alter database {site.name} set lock_timeout = '0'")
    slow = site.handler()
    with psycopg.connect(site.server.uri(site.name)) as other:
        other.execute("lock table live_events in exclusive mode")
        reason = unavailable(lambda: land(slow, events_of([2])))
    assert "the statement took too long, or was canceled (SQLSTATE 57014)" in reason
    land(slow, events_of([2]))
    assert 2 == site.count()


def test_another_encoding(site: Site) -> None:
    """Canvas's texts need UTF8."""
    site.execute("drop database if exists latin")
    site.execute("create database latin encoding 'LATIN1' template template0 locale 'C'")
    handler = site.handler(connection=site.server.uri("latin"))
    for call in (lambda: land(handler, events_of([1])), lambda: checked(handler)):
        assert "has the encoding LATIN1: it must be UTF8" in unavailable(call)
    handler.close() if handler.close else None
    site.execute("drop database latin with (force)")


def test_no_data_in_any_reason(site: Site) -> None:
    """The texts of PostgreSQL quote rows; none of them gets out."""
    handler = site.handler()
    land(handler, events_of([0]))
    site.execute("create unique index one_user on live_events (name)")
    reasons = refused(handler, events_of([1, 2]))
    assert {"PostgreSQL refuses to store it: UniqueViolation (SQLSTATE 23505)"} == set(
        reasons.values()
    )
    site.execute("drop index one_user")
    site.execute("alter table live_events rename column payload to body")
    assert "submission_id" not in unavailable(lambda: land(handler, events_of([3])))


def test_two_daemons_start_at_once(site: Site) -> None:
    """One creates the table, the other waits for it."""
    for _ in range(4):
        site.execute("drop table if exists live_events, live_events_schema")
        handlers = [site.handler() for _ in range(4)]
        threads = [
            threading.Thread(target=land, args=(handler, events_of([number])))
            for number, handler in enumerate(handlers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 4 == site.count()

"""Creates the table and its views, checks them, and says what is wrong with them."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg
import structlog

from consumer import log_events
from consumer.errors import Unavailable
from consumer.handlers.postgres.connections import Session, transaction
from consumer.handlers.postgres.table import STORED, Table
from consumer.handlers.postgres.views import definition
from consumer.handlers.sql.views import views_of_catalog, views_version

_log = structlog.get_logger(__name__)

#: From each version of the table to the next; the first one creates it.
_MIGRATIONS: Final[tuple[Callable[[Table], str], ...]] = (Table.definition,)
#: One creates or changes them at a time, of all daemons that use the database.
_LOCK: Final = b"select pg_advisory_xact_lock(7165120873)"
#: A view of the user depends on it, or a long query reads it.
_IN_USE: Final = ("2BP01", "55P03")
#: A view with the same name has other columns, not only more at its end.
_OTHER_COLUMNS: Final = "42P16"
#: A view without it is the user's own.
_COMMENT: Final = "Made by canvas-live-events-consumer"
_OTHERS: Final = (
    "select relname::text from pg_class"
    " where relnamespace = coalesce(%s, current_schema())::regnamespace and relname = any(%s)"
    " and obj_description(oid, 'pg_class') is distinct from %s"
)
_OTHER_TYPES: Final = {"text": ("character varying",), "json": ("text",)}
_FACTS: Final = (
    "select to_regclass(%s)::oid, to_regclass(%s)::oid, coalesce(%s, current_schema()),"
    " quote_ident(current_user), current_setting('server_version'), pg_is_in_recovery()"
)
_TABLE: Final = (
    "select has_table_privilege(%s::oid, 'INSERT'), has_table_privilege(%s::oid, 'SELECT'),"
    " exists (select from pg_index i join pg_attribute a"
    " on a.attrelid = i.indrelid and a.attnum = i.indkey[0] where i.indrelid = %s::oid"
    " and i.indisunique and i.indnatts = 1 and i.indpred is null and a.attname = 'event_key')"
)
_COLUMNS: Final = (
    "select attname::text, format_type(atttypid, null), attnotnull and not atthasdef"
    " and attidentity = '' from pg_attribute"
    " where attrelid = %s::oid and attnum > 0 and not attisdropped"
)


def create(session: Session, table: Table, *, views: bool) -> None:
    """Create or migrate what is missing or older. Raises: `psycopg.Error`, `Unavailable`."""
    known = len(_MIGRATIONS), views_version() if views else None
    found = _versions(session, table)
    if found[0] != known[0]:
        with transaction(session):
            session.execute(_LOCK)
            _migrate(session, table)
    if views and found[1] != known[1]:
        with transaction(session):
            session.execute(_LOCK)
            if _create_views(session, table):
                _run(session, f"update {table.version} set views = %s", known[1])


def faults(session: Session, table: Table, *, create: bool) -> list[str]:
    """What is wrong with the table, each with its remedy; empty if rows can land."""
    oid, version, schema, user, _, standby = _facts(session, table)
    if standby:
        return ["it can only be read: it is a standby"]
    if create and None in {oid, version} and not _may_create(session, schema):
        return [_may_not_create(table, schema, user)]
    if oid is None:
        missing = (
            f'there is no table "{table.shown}": create it as in the README, or set create: true'
        )
        return [] if create else [missing]
    found = {name: (kind, needed) for name, kind, needed in _all(session, _COLUMNS, oid)}
    inserts, selects, unique = _all(session, _TABLE, oid, oid, oid)[0]
    wrong = list(_wrong_columns(table, found))
    if not (inserts and selects):
        wrong.append(
            f'the user may not insert into "{table.shown}" and read it: '
            f"grant insert, select on {table.shown} to {user}"
        )
    if not unique and "event_key" in found:
        wrong.append(
            f'"{table.shown}" does not have its key: '
            f"alter table {table.shown} add primary key (event_key)"
        )
    return wrong


def found(session: Session, table: Table) -> str:
    """What is there, for a person, if nothing is wrong."""
    oid, _, _, _, version, _ = _facts(session, table)
    state = "is there" if oid is not None else "will be created with the first event"
    return f'PostgreSQL {version.split()[0]}; the table "{table.shown}" {state}'


def _wrong_columns(table: Table, found: dict[str, tuple[str, bool]]) -> Iterator[str]:
    alter = f"alter table {table.shown}"
    for name, kind in STORED.items():
        there = found[name][0] if name in found else None
        if there is None:
            yield f'"{table.shown}" has no column {name}: {alter} add column {name} {kind}'
        elif there not in (kind, *_OTHER_TYPES.get(kind, ())):
            yield f'the column {name} of "{table.shown}" must have the type {kind}'
    for name in found.keys() - STORED.keys():
        if found[name][1]:
            yield (
                f'the column {name} of "{table.shown}" must not be null, but is not filled: '
                f"{alter} alter column {name} drop not null"
            )


def _may_not_create(table: Table, schema: str | None, user: str) -> str:
    if schema is None:
        missing = "there is no schema in which the user could create tables"
        return f"{missing}: create schema {user} authorization {user}"
    return (
        f'the user may not create "{table.shown}", its views and "{table.shown}_schema": '
        f"grant usage, create on schema {schema} to {user}"
    )


def _may_create(session: Session, schema: str | None) -> bool:
    # No row if there is no such schema.
    rows = _all(
        session,
        "select has_schema_privilege(oid, 'CREATE') from pg_namespace where nspname = %s",
        schema,
    )
    return bool(rows and rows[0][0])


def _versions(session: Session, table: Table) -> tuple[int, str | None]:
    """The version of the table and of its views; (0, None) if they were not created by this."""
    if _all(session, "select to_regclass(%s)", table.version)[0][0] is None:
        return 0, None
    rows = _all(session, f"select version, views from {table.version}")
    version, views = rows[0] if rows else (0, None)
    if version > len(_MIGRATIONS):
        raise Unavailable(
            f'the table "{table.shown}" has version {version}, and this program knows '
            f"{len(_MIGRATIONS)}: install the version that created it, or a newer one"
        )
    return version, views


def _migrate(session: Session, table: Table) -> None:
    # Not after a look with to_regclass: what another daemon has created while this one waited for
    # the lock, it may still not see.
    _run(session, f"create table if not exists {table.version} (version integer, views text)")
    if not _all(session, f"select from {table.version}"):
        _run(session, f"insert into {table.version} values (0)")
    for migration in _MIGRATIONS[_versions(session, table)[0] :]:
        _run(session, migration(table))
    _run(session, f"update {table.version} set version = %s", len(_MIGRATIONS))


def _create_views(session: Session, table: Table) -> bool:
    """True if all of them are now as they are defined here.

    Kept are those that are in use, and what the user has made under such a name.
    """
    session.execute(b"set local lock_timeout = '500ms'")
    views = list(views_of_catalog(table.name))
    others = _all(session, _OTHERS, table.schema, [view.name for view in views], _COMMENT)
    kept = [name for (name,) in others]
    for view in views:
        if view.name in kept:
            continue
        query, name = definition(table, view), table.beside(view.name)
        create = f"create or replace view {name} as {query}"
        error = _attempt(session, create)
        if error is not None and error.sqlstate == _OTHER_COLUMNS:
            error = _attempt(session, f"drop view {name}; create view {name} as {query}")
        if error is not None and error.sqlstate not in _IN_USE:
            raise error
        if error is not None:
            kept.append(view.name)
        else:
            _run(session, f"comment on view {name} is '{_COMMENT}'")
    if kept:
        _log.warning(log_events.VIEWS_KEPT, table=table.shown, views=kept)
    return not kept


def _attempt(session: Session, statements: str) -> psycopg.Error | None:
    session.execute(b"savepoint attempt")
    try:
        _run(session, statements)
    except psycopg.Error as error:
        session.execute(b"rollback to savepoint attempt")
        return error
    session.execute(b"release savepoint attempt")
    return None


def _facts(session: Session, table: Table) -> tuple[Any, ...]:
    return _all(session, _FACTS, table.sql, table.version, table.schema)[0]


def _all(session: Session, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    return session.execute(query.encode(), parameters or None).fetchall()


def _run(session: Session, statement: str, *parameters: object) -> None:
    session.execute(statement.encode(), parameters or None)

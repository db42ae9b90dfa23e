"""Creates the table and its views, and brings them to the newest version."""

from collections.abc import Callable
from typing import Any, Final

import psycopg
import structlog

from consumer import log_events
from consumer.errors import Unavailable
from consumer.handlers.postgres.connections import Session, transaction
from consumer.handlers.postgres.table import Table
from consumer.handlers.postgres.views import CASTS, definition
from consumer.handlers.sql.views import views_of_catalog, views_version

_log = structlog.get_logger(__name__)

#: From each version of the table to the next; the first one creates it.
_MIGRATIONS: Final[tuple[Callable[[Table], str], ...]] = (Table.definition,)
#: One creates or changes them at a time, of all daemons that use the database.
_LOCK: Final = b"select pg_advisory_xact_lock(7165120873)"
#: A view of the user depends on it, a long query reads it, or it belongs to another user.
_KEPT: Final = ("2BP01", "55P03", "42501")
#: A view with the same name has other columns, not only more at its end.
_OTHER_COLUMNS: Final = "42P16"
#: A view without it is the user's own.
_COMMENT: Final = "Made by canvas-live-events-consumer"
_OTHERS: Final = (
    "select relname::text from pg_class"
    " where relnamespace = coalesce(%s, current_schema())::regnamespace and relname = any(%s)"
    " and obj_description(oid, 'pg_class') is distinct from %s"
)
#: The statements that make the rights on a view as they are.
_GRANTS: Final = (
    "select format('grant %%s on %%s to %%s%%s', privilege_type, %s::text,"
    " case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,"
    " case when is_grantable then ' with grant option' else '' end)"
    " from pg_class, aclexplode(relacl) where oid = to_regclass(%s) and grantee <> relowner"
)


def create(session: Session, table: Table, *, views: bool) -> None:
    """Create or migrate what is missing or older. Raises: `psycopg.Error`, `Unavailable`."""
    known = len(_MIGRATIONS), views_version(CASTS) if views else None
    found = versions(session, table)
    if found[0] != known[0]:
        with transaction(session):
            session.execute(_LOCK)
            _migrate(session, table)
    if views and found[1] != known[1]:
        with transaction(session):
            session.execute(_LOCK)
            if _create_views(session, table):
                _run(session, f"update {table.version} set views = %s", known[1])


def versions(session: Session, table: Table) -> tuple[int, str | None]:
    """The version of the table and of its views; (0, None) if they were not created by this.

    Raises: `psycopg.Error`, `Unavailable`.
    """
    if rows_of(session, "select to_regclass(%s)", table.version)[0][0] is None:
        return 0, None
    rows = rows_of(session, f"select version, views from {table.version}")
    version, views = rows[0] if rows else (0, None)
    if not isinstance(version, int):
        raise Unavailable(
            f'the table "{table.shown}_schema" must have one row, with a version: restore it'
        )
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
    if not rows_of(session, f"select from {table.version}"):
        _run(session, f"insert into {table.version} values (0)")
    for migration in _MIGRATIONS[versions(session, table)[0] :]:
        _run(session, migration(table))
    _run(session, f"update {table.version} set version = %s", len(_MIGRATIONS))


def _create_views(session: Session, table: Table) -> bool:
    """True if all of them are now as they are defined here.

    Kept are those that are in use, and what the user has made under such a name.
    """
    session.execute(b"set local lock_timeout = '500ms'")
    views = list(views_of_catalog(table.name))
    others = rows_of(session, _OTHERS, table.schema, [view.name for view in views], _COMMENT)
    kept = [name for (name,) in others]
    for view in views:
        if view.name in kept:
            continue
        query, name = definition(table, view), table.beside(view.name)
        create = f"create or replace view {name} as {query}"
        error = _attempt(session, create)
        if error is not None and error.sqlstate == _OTHER_COLUMNS:
            grants = "; ".join(grant for (grant,) in rows_of(session, _GRANTS, name, name))
            error = _attempt(session, f"drop view {name}; create view {name} as {query}; {grants}")
        if error is not None and error.sqlstate not in _KEPT:
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


def rows_of(session: Session, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    """What the query returns: `psycopg.Error`."""
    return session.execute(query.encode(), parameters or None).fetchall()


def _run(session: Session, statement: str, *parameters: object) -> None:
    session.execute(statement.encode(), parameters or None)

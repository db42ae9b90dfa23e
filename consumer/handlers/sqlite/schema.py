"""The table, its version, and its views: made, brought up to date, or refused."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Final

from consumer.handlers.sql.rows import COLUMNS, SqlType
from consumer.handlers.sql.views import views_version
from consumer.handlers.sqlite.views import EXPRESSIONS, statements

_TYPES: Final[dict[SqlType, str]] = {
    "text": "TEXT",
    "bigint": "INTEGER",
    "timestamp": "TEXT",
    "number": "NUMERIC",
    "boolean": "INTEGER",
}
_KEY: Final = COLUMNS[0].name

#: The statements that lead to version 1, to version 2 and so on. A published one never changes.
MIGRATIONS: Final[Sequence[Sequence[str]]] = (
    (
        f'CREATE TABLE IF NOT EXISTS "{{table}}" ({_KEY} TEXT PRIMARY KEY NOT NULL, '
        + ", ".join(f"{column.name} {_TYPES[column.type]}" for column in COLUMNS[1:])
        + ")",
        'CREATE INDEX IF NOT EXISTS "{table}_name_time" ON "{table}" (name, time)',
    ),
)


class SchemaError(Exception):
    """What is in the file is not what this program can write to; the text says what differs."""


def prepare(
    connection: sqlite3.Connection,
    table: str,
    *,
    views: bool,
    migrations: Sequence[Sequence[str]] = MIGRATIONS,
) -> None:
    """Bring table and views up to date; several processes may do so at once.

    Raises: `SchemaError` or `sqlite3.Error`; then nothing was changed.
    """
    wanted = views_version(EXPRESSIONS) if views else ""
    version, made = _state(connection, table, migrations)
    if version != len(migrations) or (views and made != wanted):
        with connection:  # commits, or rolls back what raised
            connection.execute("BEGIN IMMEDIATE")
            # Another process may have been faster.
            version, made = _state(connection, table, migrations)
            _migrate(connection, table, version, migrations)
            if views and made != wanted:
                _make_views(connection, table)
                connection.execute(f'UPDATE "{table}_schema" SET views = ?', (wanted,))  # noqa: S608 - the table is a plain identifier
    check(connection, table)


def is_made(connection: sqlite3.Connection, table: str) -> bool:
    """True if the table is there. Raises `SchemaError` if its version is not known."""
    return _state(connection, table, MIGRATIONS)[0] > 0 or bool(_columns(connection, table))


def check(connection: sqlite3.Connection, table: str) -> None:
    """Raise `SchemaError` unless rows can be written to the table; changes nothing."""
    found = {name: more for name, *more in _columns(connection, table)}
    if not found:
        raise SchemaError(
            f"the table {table} is gone: drop {table}_schema, too, and both are made again"
        )
    ours = [column.name for column in COLUMNS]
    if missing := ", ".join(name for name in ours if name not in found):
        raise SchemaError(
            f"the table {table} has no {missing}: it is another program's, or was changed; "
            "rename it, or choose another table"
        )
    for name, (needed, default, _) in found.items():
        if needed and default is None and name not in ours:
            raise SchemaError(f"the table {table} needs a value in {name}: give it a default")
    if [name for name, (_, _, key) in found.items() if key] != [_KEY]:
        raise SchemaError(f"{_KEY} is not the primary key of the table {table}: make it that")


def _state(
    connection: sqlite3.Connection, table: str, migrations: Sequence[Sequence[str]]
) -> tuple[int, str]:
    """The version of the table, 0 if it was not made by this program, and that of its views."""
    if not _columns(connection, f"{table}_schema"):
        return 0, ""
    rows = connection.execute(f'SELECT version, views FROM "{table}_schema"').fetchall()  # noqa: S608 - likewise
    if len(rows) != 1 or not isinstance(rows[0][0], int):
        raise SchemaError(f"the table {table}_schema must have one row, with a version: restore it")
    version, views = rows[0]
    if version > len(migrations):
        raise SchemaError(
            f"the table {table} has version {version}, and this program knows {len(migrations)}: "
            "update the program, or choose another table"
        )
    return version, views or ""


def _migrate(
    connection: sqlite3.Connection, table: str, version: int, migrations: Sequence[Sequence[str]]
) -> None:
    if not _columns(connection, f"{table}_schema"):
        connection.execute(f'CREATE TABLE "{table}_schema" (version INTEGER, views TEXT)')
        connection.execute(f'INSERT INTO "{table}_schema" VALUES (0, NULL)')  # noqa: S608 - likewise
    for migration in migrations[version:]:
        for statement in migration:
            connection.execute(statement.format(table=table))
    if version < len(migrations):
        update = f'UPDATE "{table}_schema" SET version = ?'  # noqa: S608 - likewise
        connection.execute(update, (len(migrations),))


def _make_views(connection: sqlite3.Connection, table: str) -> None:
    tables = {n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    for name, statement in statements(table):
        if name in tables:
            raise SchemaError(
                f"{name} must be a view, and is a table: rename it, or set views: false"
            )
        connection.execute(f'DROP VIEW IF EXISTS "{name}"')
        connection.execute(statement)


def _columns(connection: sqlite3.Connection, table: str) -> list[tuple[str, int, str | None, int]]:
    """Name, NOT NULL, default and position in the primary key of each column."""
    with closing(connection.execute(f'PRAGMA table_info("{table}")')) as rows:
        return [(name, needed, default, key) for _, name, _, needed, default, key in rows]

"""The table, its version, and its views: made, brought up to date, or refused."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Final

from consumer.handlers.sql.rows import COLUMNS, SqlType
from consumer.handlers.sql.views import views_version
from consumer.handlers.sqlite.views import statements

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
    wanted = views_version() if views else ""
    version, made = _state(connection, table)
    if version != len(migrations) or (views and made != wanted):
        with connection:  # commits, or rolls back what raised
            connection.execute("BEGIN IMMEDIATE")
            version, made = _state(connection, table)  # another process may have been faster
            _migrate(connection, table, version, migrations)
            if views and made != wanted:
                _make_views(connection, table)
                connection.execute(f'UPDATE "{table}_schema" SET views = ?', (wanted,))  # noqa: S608 - the table is a plain identifier
    check(connection, table, migrations)


def check(
    connection: sqlite3.Connection,
    table: str,
    migrations: Sequence[Sequence[str]] = MIGRATIONS,
) -> None:
    """Raise `SchemaError` unless rows can be written to the table; changes nothing."""
    version, _ = _state(connection, table)
    if version > len(migrations):
        raise SchemaError(
            f"the table {table} has version {version}, and this program knows {len(migrations)}: "
            "update it, or choose another table"
        )
    ours = {column.name for column in COLUMNS}
    found = {
        name: (needed, default, key) for name, needed, default, key in _columns(connection, table)
    }
    if missing := ", ".join(column.name for column in COLUMNS if column.name not in found):
        raise SchemaError(
            f"the table {table} has no {missing}: it is another program's, or was changed; "
            "rename it, or choose another table"
        )
    for name, (needed, default, _) in found.items():
        if needed and default is None and name not in ours:
            raise SchemaError(f"the table {table} needs a value in {name}: give it a default")
    if found[_KEY][2] != 1 or sum(key > 0 for _, _, key in found.values()) != 1:
        raise SchemaError(f"{_KEY} is not the primary key of the table {table}: make it that")


def _state(connection: sqlite3.Connection, table: str) -> tuple[int, str]:
    """The version of the table, 0 if it is not there, and that of its views."""
    if not _columns(connection, f"{table}_schema"):
        return 0, ""
    rows = connection.execute(f'SELECT version, views FROM "{table}_schema"').fetchall()  # noqa: S608 - likewise
    if len(rows) != 1 or not isinstance(rows[0][0], int):
        raise SchemaError(f"the table {table}_schema must have one row, with a version: restore it")
    return rows[0][0], rows[0][1] or ""


def _migrate(
    connection: sqlite3.Connection, table: str, version: int, migrations: Sequence[Sequence[str]]
) -> None:
    if version == 0:
        connection.execute(f'CREATE TABLE "{table}_schema" (version INTEGER, views TEXT)')
        connection.execute(f'INSERT INTO "{table}_schema" VALUES (0, NULL)')  # noqa: S608 - likewise
    for migration in migrations[version:]:
        for statement in migration:
            connection.execute(statement.format(table=table))
    if version < len(migrations):
        update = f'UPDATE "{table}_schema" SET version = ?'  # noqa: S608 - likewise
        connection.execute(update, (len(migrations),))


def _make_views(connection: sqlite3.Connection, table: str) -> None:
    for name, statement in statements(table):
        connection.execute(f'DROP VIEW IF EXISTS "{name}"')
        connection.execute(statement)


def _columns(connection: sqlite3.Connection, table: str) -> list[tuple[str, int, str | None, int]]:
    """Name, NOT NULL, default and position in the primary key of each column."""
    with closing(connection.execute(f'PRAGMA table_info("{table}")')) as rows:
        return [(name, needed, default, key) for _, name, _, needed, default, key in rows]

"""Looks whether rows can land, and says what is wrong, with what helps. Changes nothing."""

from collections.abc import Iterator
from typing import Any, Final

from consumer.handlers.postgres.connections import Session
from consumer.handlers.postgres.schema import rows_of
from consumer.handlers.postgres.table import STORED, Table

_OTHER_TYPES: Final = {"text": ("character varying",), "json": ("text",)}
_SCHEMA: Final = (
    "select quote_ident(current_user), name::text, has_schema_privilege(oid, 'USAGE'),"
    " has_schema_privilege(oid, 'CREATE') from (select coalesce(%s, current_schema())) as s (name)"
    " left join pg_namespace on nspname = name"
)
_FACTS: Final = (
    "select to_regclass(%s)::oid, to_regclass(%s)::oid, current_setting('server_version'),"
    " current_setting('transaction_read_only') = 'on'"
)
_TABLE: Final = (
    "select has_table_privilege(oid, 'INSERT') and has_table_privilege(oid, 'SELECT'),"
    " relkind in ('r', 'p'), relpersistence = 'p', exists (select from pg_index i"
    " join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]"
    " where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate"
    " and i.indnkeyatts = 1 and i.indpred is null and a.attname = 'event_key')"
    " from pg_class c where oid = %s::oid"
)
#: With the limit of a key's length: a key that is too long for it is no fault of its event.
_COLUMNS: Final = (
    "select attname::text, format_type(atttypid, case attname when 'event_key' then atttypmod end),"
    " attnotnull and not atthasdef"
    " and attidentity = '' from pg_attribute"
    " where attrelid = %s::oid and attnum > 0 and not attisdropped"
)


def faults(session: Session, table: Table, *, create: bool) -> list[str]:
    """What is wrong, each with its remedy; empty if rows can land."""
    ((user, schema, may_use, may_create),) = rows_of(session, _SCHEMA, table.schema)
    if may_use is None:
        return [_no_schema(schema, user)]
    if not may_use:
        use = f"the user may not use the schema {schema}: grant usage on schema {schema} to {user}"
        return [_may_not_create(table, schema, user) if create else use]
    oid, version, _, read_only = _facts(session, table)
    if read_only:
        return ["it can only be read: it is a standby, or was made read-only"]
    if create and not may_create and None in {oid, version}:
        return [_may_not_create(table, schema, user)]
    if oid is not None:
        return list(_wrong_table(session, table, oid, user))
    missing = f'there is no table "{table.shown}": create it as in the README, or set create: true'
    return [] if create else [missing]


def found(session: Session, table: Table) -> str:
    """What is there, for a person, if nothing is wrong."""
    oid, _, version, _ = _facts(session, table)
    state = "is there" if oid is not None else "will be created with the first event"
    return f'PostgreSQL {version.split()[0]}; the table "{table.shown}" {state}'


def _wrong_table(session: Session, table: Table, oid: int, user: str) -> Iterator[str]:
    allowed, is_table, persistent, unique = rows_of(session, _TABLE, oid)[0]
    if not is_table:
        yield f'"{table.shown}" is not a table'
        return
    found = {name: (kind, needed) for name, kind, needed in rows_of(session, _COLUMNS, oid)}
    yield from _wrong_columns(table, found)
    if not allowed:
        yield (
            f'the user may not insert into "{table.shown}" and read it: '
            f"grant insert, select on {table.shown} to {user}"
        )
    if not persistent:
        yield (
            f'"{table.shown}" is empty after a crash of the server: '
            f"alter table {table.shown} set logged"
        )
    if not unique and "event_key" in found:
        yield (
            f'"{table.shown}" does not have its key: '
            f"alter table {table.shown} add primary key (event_key)"
        )


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


def _no_schema(schema: str | None, user: str) -> str:
    missing = f"no schema {schema}" if schema else "no schema in which the user could create tables"
    return f"there is {missing}: create schema {schema or user} authorization {user}"


def _may_not_create(table: Table, schema: str, user: str) -> str:
    return (
        f'the user may not create "{table.shown}", its views and "{table.shown}_schema": '
        f"grant usage, create on schema {schema} to {user}"
    )


def _facts(session: Session, table: Table) -> tuple[Any, ...]:
    return rows_of(session, _FACTS, table.sql, table.version)[0]

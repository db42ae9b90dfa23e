"""The table's name, its columns in PostgreSQL, and the statement that lands rows in it. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import pack
from typing import Any, Final, Self

from consumer.handlers.sql.options import PLAIN
from consumer.handlers.sql.rows import COLUMNS, Row, SqlType

TYPES: Final[dict[SqlType, str]] = {
    "text": "text",
    "bigint": "bigint",
    "timestamp": "timestamp with time zone",
    "number": "numeric",
    "boolean": "boolean",
}
#: The columns with their types, as the catalog of PostgreSQL names them.
STORED: Final[dict[str, str]] = {
    **{column.name: TYPES[column.type] for column in COLUMNS if column.name != "payload_plain"},
    "payload": "json",
    "payload_jsonb": "jsonb",
}
#: All rows of a call have the same time of landing.
_ARRAYS: Final = tuple(column for column in COLUMNS if column.name != "received_at")
#: All events of a batch are held in memory several times by the server while it reads them.
_CHUNK_CHARACTERS: Final = 8 * 1024 * 1024
_PLAIN_NAME: Final = re.compile(rf"(?:([a-z_][a-z0-9_]{{0,62}})\.)?({PLAIN})")
_TEXT_OID: Final = 25
_NULL_LENGTH: Final = pack("!i", -1)
#: A row's texts contain no NUL, so these can't be confused with anything.
_NEXT: Final = "\0,\0"
_NULL: Final = "\0null\0"


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its schema (None: the first one of the search path that exists), and its name."""

    schema: str | None
    name: str

    @classmethod
    def named(cls, text: str) -> Self | None:
        """From `name` or `schema.name`; None if it is neither, or would have to be quoted."""
        found = _PLAIN_NAME.fullmatch(text)
        return cls(found[1], found[2]) if found else None

    @property
    def sql(self) -> str:
        """For a statement."""
        return self.beside(self.name)

    @property
    def version(self) -> str:
        """The table that holds the version of this one, for a statement."""
        return self.beside(f"{self.name}_schema")

    @property
    def shown(self) -> str:
        """For a person."""
        return f"{self.schema}.{self.name}" if self.schema else self.name

    def beside(self, name: str) -> str:
        """Another table or view in the same schema, for a statement."""
        return f'"{self.schema}"."{name}"' if self.schema else f'"{name}"'

    def definition(self) -> str:
        """The statement that creates it."""
        null = {"event_key": " primary key", "payload": " not null"}
        columns = [f"    {name} {kind}{null.get(name, '')}" for name, kind in STORED.items()]
        return "\n".join([f"create table if not exists {self.sql} (", ",\n".join(columns), ")"])

    def insert(self, *, with_jsonb: bool) -> str:
        """The statement that lands rows; its parameters are those of `parameters_of`."""
        jsonb = "coalesce(payload_plain, payload)::jsonb" if with_jsonb else "null::jsonb"
        names = ", ".join(column.name for column in _ARRAYS)
        chosen = {
            "received_at": "%s::timestamptz",
            "payload": "payload::json",
            "payload_jsonb": jsonb,
        }
        return (
            f"insert into {self.sql} ({', '.join(STORED)}) "
            f"select {', '.join(chosen.get(name, name) for name in STORED)} from unnest("
            + ", ".join(f"%s::{TYPES[column.type]}[]" for column in _ARRAYS)
            + f") as incoming ({names}) on conflict (event_key) do nothing"
        )


def chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The rows in parts that a server can hold in memory; a larger row is alone."""
    chunk: list[Row] = []
    size = 0
    for row in rows:
        if chunk and size + len(row.payload) > _CHUNK_CHARACTERS:
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += len(row.payload)
    if chunk:
        yield chunk


def parameters_of(rows: Sequence[Row]) -> list[bytes]:
    """The time of landing, and the columns of some rows as arrays, in PostgreSQL's own notations.

    psycopg takes ten times as much CPU time for lists.
    """
    columns = zip(COLUMNS, zip(*rows, strict=True), strict=True)
    arrays = [
        (_binary if column.name.startswith("payload") else _literal)(values)
        for column, values in columns
        if column.name != "received_at"
    ]
    return [str(rows[0].received_at).encode(), *arrays]


class BinaryArray(bytes):
    """An array in binary notation; other bytes are texts."""

    __slots__ = ()


def _literal(values: Sequence[Any]) -> bytes:
    joined = _NEXT.join([_NULL if value is None else str(value) for value in values])
    escaped = joined.replace("\\", "\\\\").replace('"', '\\"').replace(_NEXT, '","')
    return f'{{"{escaped}"}}'.replace(f'"{_NULL}"', "NULL").encode()


def _binary(values: Sequence[str | None]) -> BinaryArray:
    """For long texts with many quotes: they need not be escaped."""
    parts = [pack("!5i", 1, 1, _TEXT_OID, len(values), 1)]
    for value in values:
        if value is None:
            parts.append(_NULL_LENGTH)
        else:
            text = value.encode()
            parts += pack("!i", len(text)), text
    return BinaryArray(b"".join(parts))

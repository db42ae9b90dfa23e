"""The views of SQLite: each column is an expression that never fails, whatever the payload is."""

from collections.abc import Iterator
from typing import Final

from consumer.handlers.sql.rows import SqlType
from consumer.handlers.sql.views import COMMON, View, views_of_catalog

#: The payload, if SQLite's functions can read it; too deeply nested JSON they can't.
_SOURCE: Final = """\
(SELECT {columns}, CASE WHEN json_valid(ifnull(payload_plain, payload))
    THEN ifnull(payload_plain, payload) END AS p FROM "{table}" WHERE name = '{event}')"""

#: By type, of the value at a path. Only a number that survives a round trip is an id: neither a
#: word nor what has more than 64 bits; or the pseudonym of a person, where events are redacted. An
#: object or a list is a text with JSON.
EXPRESSIONS: Final[dict[SqlType, str]] = {
    "text": "CAST(nullif({v}, '') AS TEXT)",
    "bigint": (
        "CASE WHEN json_type({at}) IN ('integer', 'text') AND"
        " CAST(CAST({v} AS INTEGER) AS TEXT) = CAST({v} AS TEXT) THEN CAST({v} AS INTEGER)"
        " WHEN length({v}) = 34 AND {v} GLOB 'p-*' AND {v} NOT GLOB 'p-*[^0-9a-f]*' THEN {v} END"
    ),
    "number": (
        "CASE WHEN json_type({at}) IN ('integer', 'real', 'text') AND json_valid({v})"
        " THEN CASE WHEN json_type({v}) IN ('integer', 'real')"
        " AND CAST({v} AS NUMERIC) BETWEEN -1e308 AND 1e308 THEN CAST({v} AS NUMERIC) END END"
    ),
    "boolean": "CASE {v} WHEN 1 THEN 1 WHEN 0 THEN 0 WHEN 'true' THEN 1 WHEN 'false' THEN 0 END",
    # In the form of the table's times. "2026-11-05 07:38:00 -0800" is how Ruby writes a time; one
    # without an offset is no moment. SQLite itself takes February 30 for a date.
    "timestamp": (
        "CASE WHEN datetime(substr({v}, 1, 16), '+0 days') = replace(substr({v}, 1, 16), 'T', ' ')"
        " || ':00' THEN strftime('%Y-%m-%dT%H:%M:%fZ', CASE"
        " WHEN {v} GLOB '????-??-??[T ]??:??*Z' OR {v} GLOB '????-??-??[T ]??:??*[+-]??:??'"
        " THEN {v}"
        " WHEN {v} GLOB '????-??-??[T ]??:??* UTC' THEN substr({v}, 1, length({v}) - 4)"
        " WHEN {v} GLOB '????-??-??[T ]??:??*[+-]????' THEN"
        " rtrim(substr({v}, 1, length({v}) - 5)) || substr({v}, -5, 3) || ':' || substr({v}, -2)"
        " END) END"
    ),
}


def statements(table: str) -> Iterator[tuple[str, str]]:
    """The names of all views, and the statements that make them."""
    for view in views_of_catalog(table):
        yield view.name, _statement(view, table)


def _statement(view: View, table: str) -> str:
    common = ", ".join(column.name for column in COMMON)
    columns = [common]
    for column in view.columns:
        at = f"p, '$.{column.path[0]}.{column.path[1]}'"
        value = f"json_extract({at})"
        columns.append(f'{EXPRESSIONS[column.type].format(v=value, at=at)} AS "{column.name}"')
    source = _SOURCE.format(columns=common, table=table, event=view.event)
    return f'CREATE VIEW "{view.name}" AS SELECT {", ".join(columns)} FROM {source}'  # noqa: S608 - of the catalog's names

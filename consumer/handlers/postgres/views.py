"""The views of the table: a value that does not fit its column is null there. Pure."""

from typing import Final

from consumer.handlers.postgres.table import TYPES, Table
from consumer.handlers.sql.rows import SqlType
from consumer.handlers.sql.views import COMMON, View

#: A date that exists, also in leap years.
_DATE: Final = (
    r"(?!0000)(?:\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))"
    r"|(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
)
_ZONE: Final = r" ?(?:Z|UTC|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)"
_TIME: Final = r"[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?"
#: What a text must match, so that the cast after it can't fail: one value must not make a view
#: unreadable. A time without an offset is no moment.
_CASTS: Final[dict[SqlType, str]] = {
    "bigint": r"case when {0} ~ '^-?\d{{1,18}}$' then ({0})::bigint end",
    "number": r"case when {0} ~ '^-?\d{{1,30}}(?:\.\d{{1,30}})?(?:[eE][+-]?\d{{1,2}})?$' "
    "then ({0})::numeric end",
    "boolean": "case {0} when 'true' then true when 'false' then false end",
    "timestamp": "case when {0} ~ '^"
    + f"{_DATE}{_TIME}{_ZONE}".replace("{", "{{").replace("}", "}}")
    + "$' then ({0})::timestamptz end",
    "text": "nullif({0}, '')",
}


def definition(table: Table, view: View) -> str:
    """The query of a view."""
    columns = [column.name for column in COMMON]
    for column in view.columns:
        value = f"payload_jsonb #>> '{{{','.join(column.path)}}}'"
        cast = _CASTS[column.type].format(f"({value})")
        columns.append(f'({cast})::{TYPES[column.type]} as "{column.name}"')
    return f"select {', '.join(columns)} from {table.sql} where name = '{view.event}'"

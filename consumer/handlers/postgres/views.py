"""The views of the table: a value that does not fit its column is null there. Pure."""

from typing import Final

from consumer.handlers.postgres.table import TYPES, Table
from consumer.handlers.sql.rows import SqlType
from consumer.handlers.sql.views import COMMON, View

#: A date that exists, also in leap years, and in Python's clients in each zone. No backslashes,
#: which would be other characters with `standard_conforming_strings = off`; no classes, in which
#: some locales have more than ASCII.
_DATE: Final = (
    "(?!0000|0001-01-01|9999-12-31)(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    "|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
)
_ZONE: Final = " ?(?:Z|UTC|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)"
_TIME: Final = "[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,9})?)?"
#: What a text must match, so that the cast after it can't fail: one value must not make a view
#: unreadable. A time without an offset is no moment.
CASTS: Final[dict[SqlType, str]] = {
    "bigint": "case when {0} ~ '^-?[0-8]?[0-9]{{1,18}}$' then ({0})::bigint end",
    "number": "case when {0} ~ '^-?[0-9]{{1,30}}(?:[.][0-9]{{1,30}})?(?:[eE][+-]?[0-9]{{1,2}})?$' "
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
        cast = CASTS[column.type].format(f"({value})")
        columns.append(f'({cast})::{TYPES[column.type]} as "{column.name}"')
    return f"select {', '.join(columns)} from {table.sql} where name = '{view.event}'"

"""The option that all databases have: the name of the table."""

import re
from typing import Final

from consumer.handlers.loading.factories import Options

TABLE: Final = "live_events"
#: What a table may be called: needs no quotes, and is short enough for the names of views, which
#: PostgreSQL cuts at 63 characters. Not those of the views of `TABLE`, nor what they begin with:
#: "live_course" would have a view live_course_grade_change, too. Nor that of a table of versions.
PLAIN: Final = "(?!sqlite_|pg_|live$|live_(?!events)|[a-z0-9_]*_schema$)[a-z_][a-z0-9_]{0,23}"
#: For an error about another one.
RIGHT: Final = (
    f"up to 24 of a-z, 0-9 and _, such as {TABLE}; not begin with a digit, sqlite_, pg_ or another "
    "word after live_, nor end with _schema"
)
_is_plain = re.compile(PLAIN).fullmatch


def table_option(read: Options) -> str:
    """The configured `table`. Raises `ConfigurationError`."""
    table = read.text("table", TABLE) or TABLE
    if not _is_plain(table):
        raise read.wrong("table", RIGHT)
    return table

"""The option that all databases have: the name of the table."""

import re
from typing import Final

from consumer.handlers.loading.factories import Options

TABLE: Final = "live_events"
#: What a table may be called: needs no quotes, and is short enough for the names of views, which
#: PostgreSQL cuts at 63 characters. The views of "live" would be those of `TABLE`.
PLAIN: Final = "(?!sqlite_|pg_|live$)[a-z_][a-z0-9_]{0,23}"
_is_plain = re.compile(PLAIN).fullmatch


def table_option(read: Options) -> str:
    """The configured `table`. Raises `ConfigurationError`."""
    table = read.text("table", TABLE) or TABLE
    if not _is_plain(table):
        right = (
            "up to 24 of a-z, 0-9 and _, not begin with a digit, sqlite_ or pg_, and not be live"
        )
        raise read.wrong("table", right)
    return table

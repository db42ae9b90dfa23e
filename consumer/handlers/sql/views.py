"""A view for each event of the catalog, with typed columns. Each database has its own SQL for it.

The common columns are filled for both formats. The other columns are those of the Canvas format:
for an event in Caliper format they are null, and the payload has the rest.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from consumer import __version__
from consumer.events.catalog import index
from consumer.handlers.sql.options import TABLE
from consumer.handlers.sql.rows import COLUMNS, Column, SqlType

#: Columns of the table that each view has. The name is that of the view; the payload is in the
#: table, with the same event key.
COMMON: Final = tuple(
    column for column in COLUMNS if column.name not in {"name", "payload", "payload_plain"}
)
#: What is useful of the metadata beyond the common columns, and is no secret.
_METADATA: Final = (
    "real_user_id", "context_type", "context_id", "context_role", "hostname", "request_id",
    "producer",
)  # fmt: skip
#: By kind of field in the catalog; all others are texts, and so is a list or an object, as JSON.
_TYPES: Final[Mapping[str, SqlType]] = {
    "global id": "bigint",
    "local id": "bigint",
    "id": "bigint",
    "timestamp": "timestamp",
    "number": "number",
    "boolean": "boolean",
}


@dataclass(frozen=True, slots=True)
class ViewColumn(Column):
    """A column of a view, read from the payload."""

    #: The keys from the outside in: ("body", "score").
    path: tuple[str, str]


@dataclass(frozen=True, slots=True)
class View:
    """The view of an event: `COMMON`, then `columns`."""

    #: With what `prefix_of` returns in front.
    name: str
    event: str
    columns: tuple[ViewColumn, ...]


def prefix_of(table: str) -> str:
    """What the names of a table's views begin with: "live_" for "live_events"."""
    return "live_" if table == TABLE else f"{table}_"


def views_of_catalog(table: str) -> Iterator[View]:
    """All views. Loads all models of the catalog, which takes half a second and 20 MB."""
    # Imported here for this reason: see `views_version`.
    from consumer.events.catalog import Metadata, model_of  # noqa: PLC0415
    from consumer.events.catalog.describe import fields_of  # noqa: PLC0415

    metadata = {facts.key: facts for facts in fields_of(Metadata)}
    common = {column.name for column in COMMON}
    for event in index.names():
        model = model_of(event)
        fields = [("body", facts) for facts in (fields_of(model) if model else ())]
        fields += [("metadata", metadata[key]) for key in _METADATA]
        columns = [
            ViewColumn(
                name=f"{part}_{facts.key}" if part != "body" or facts.key in common else facts.key,
                type="text" if facts.many else _TYPES.get(facts.kind, "text"),
                path=(part, facts.key),
            )
            for part, facts in fields
        ]
        yield View(prefix_of(table) + re.sub(r"[.-]", "_", event), event, tuple(columns))


def views_version(expressions: Mapping[SqlType, str]) -> str:
    """Another text whenever the views may be others; takes no model to find out.

    Args:
        expressions: what the database makes of a value, by the type of the column.
    """
    digest = hashlib.sha256(index.TABLE_FILE.read_bytes() + repr(expressions).encode()).hexdigest()
    return f"{__version__}-{digest[:16]}"

"""Makes `shapes.json`, the names of all known fields, from the models.

The file is part of the package, since a daemon looks for drift without loading a model. After a
change of the models write it anew, in a copy of the repository:

    python -m consumer.events.catalog.shapes
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from consumer.events.catalog import model_of, names
from consumer.events.catalog.describe import fields_of
from consumer.events.drift import SHAPES_FILE
from consumer.messages import Format

if TYPE_CHECKING:
    from consumer.events.catalog.base import Record

#: Of a shape: each field, and the number of its own shape where it is an object.
_Row = dict[str, int | None]


def table() -> dict[str, Any]:
    """The table as it should be: shapes by number, and the number of each event's shape."""
    from consumer.events.catalog.caliper import Envelope  # noqa: PLC0415
    from consumer.events.catalog.metadata import Metadata  # noqa: PLC0415

    rows: list[_Row] = []
    made: dict[str, Any] = {
        "metadata": _add(Metadata, rows),
        "envelope": _add(Envelope, rows, but="data"),
    }
    for event_format in get_args(Format):
        made[event_format] = {
            name: _add(model, rows)
            for name in names(event_format)
            if (model := model_of(name, event_format)) is not None
        }
    return {"shapes": rows, **made}


def _add(model: type[Record], rows: list[_Row], *, but: str = "") -> int:
    """The number of the model's shape; those that are alike share one."""
    row: _Row = {
        facts.key: None if facts.record is None else _add(facts.record, rows)
        for facts in fields_of(model)
        if facts.key != but
    }
    if row not in rows:
        rows.append(row)
    return rows.index(row)


def text() -> str:
    """What should stand in the file: a line for each shape, so that changes can be read."""
    made = table()
    rows = ",\n".join(json.dumps(row) for row in made.pop("shapes"))
    others = "".join(f',\n"{key}": {json.dumps(value)}' for key, value in made.items())
    return f'{{"shapes": [\n{rows}\n]{others}}}\n'


if __name__ == "__main__":
    SHAPES_FILE.write_text(text(), encoding="utf-8")

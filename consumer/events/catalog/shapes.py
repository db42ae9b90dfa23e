"""Makes `shapes.json`, the names of all known events and fields, from the models.

The file is part of the package, since a daemon looks at every event without loading a model. After
a change of the models write it anew, in a copy of the repository:

    python -m consumer.events.catalog.shapes
"""

from __future__ import annotations

import json
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from consumer.events import catalog
from consumer.events.catalog.base import EventData
from consumer.events.catalog.describe import fields_of
from consumer.events.catalog.index import TABLE_FILE

if TYPE_CHECKING:
    from consumer.events.catalog.base import Record

#: Of a shape: each field, and the number of its own shape where it is an object.
_Row = dict[str, int | None]


def table() -> dict[str, Any]:
    """The table as it should be: shapes by number, and the number of each event's shape.

    Those in Canvas format by category.
    """
    rows: list[_Row] = []
    around = {
        "metadata": _add(catalog.Metadata, rows),
        "envelope": _add(catalog.caliper.Envelope, rows, but="data"),
    }
    canvas, caliper = (
        {
            category: {model.event_name: _add(model, rows) for model in models}
            for category, models in _models(package).items()
        }
        for package in (catalog, catalog.caliper)
    )
    by_name = {name: number for shapes in caliper.values() for name, number in shapes.items()}
    return {"shapes": rows, **around, "canvas": canvas, "caliper": by_name}


def _models(package: Any) -> dict[str, list[type[EventData]]]:
    """The models of events, by the module that they are in."""
    found = {
        module.name: [
            thing
            for thing in vars(import_module(f"{package.__name__}.{module.name}")).values()
            if isinstance(thing, type)
            and issubclass(thing, EventData)
            and thing.__module__ == f"{package.__name__}.{module.name}"
            and thing.event_name
        ]
        for module in iter_modules(package.__path__)
    }
    return {category: models for category, models in sorted(found.items()) if models}


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
    TABLE_FILE.write_text(text(), encoding="utf-8")

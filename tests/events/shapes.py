"""Generates `catalog/shapes.json`, the names of all known events and fields, from the models.

The package has the file so that a daemon can check events without loading a model. After a change
of the models, generate it again:

    python -m tests.events.shapes
"""

import json
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from consumer.events import catalog
from consumer.events.catalog.base import EventData, Record
from consumer.events.catalog.describe import fields_of
from consumer.events.catalog.index import _MODULES, TABLE_FILE

#: Of a shape: each field, and the number of its own shape where it is an object.
Row = dict[str, int | None]
#: Categories that neither the name nor the module says.
OTHERS = {
    "course_grade_change": "grade",
    "outcome_proficiency_created": "learning",
    "outcome_proficiency_updated": "learning",
    "outcomes.retry_outcome_alignment_clone": "outcome",
}


def table() -> dict[str, Any]:
    """The table as it should be: shapes by number, and the number of each event's shape.

    Those in Canvas format are grouped by category.
    """
    rows: list[Row] = []
    made: dict[str, Any] = {
        "metadata": add(catalog.Metadata, rows),
        "envelope": add(catalog.caliper.Envelope, rows, but="data"),
        "canvas": {},
        "caliper": {},
    }
    for model in sorted(models(catalog), key=category):
        shapes = made["canvas"].setdefault(category(model), {})
        shapes[model.event_name] = add(model, rows)
    for model in sorted(models(catalog.caliper), key=category):
        made["caliper"][model.event_name] = add(model, rows)
    return {"shapes": rows, **made}


def models(package: Any) -> list[type[EventData]]:
    """The models of events."""
    modules = [f"{package.__name__}.{module.name}" for module in iter_modules(package.__path__)]
    return [
        thing
        for module in modules
        for thing in vars(import_module(module)).values()
        if isinstance(thing, type)
        and issubclass(thing, EventData)
        and thing.__module__ == module
        and thing.event_name
    ]


def category(model: type[EventData]) -> str:
    """The module of the model, or the first word of the event's name if that is a category."""
    module = model.__module__.rpartition(".")[2]
    first = model.event_name.partition("_")[0]
    return OTHERS.get(model.event_name) or (first if _MODULES.get(first) == module else module)


def add(model: type[Record], rows: list[Row], *, but: str = "") -> int:
    """The number of the model's shape; equal shapes have the same number."""
    row: Row = {
        facts.key: None if facts.record is None else add(facts.record, rows)
        for facts in fields_of(model)
        if facts.key != but
    }
    if row not in rows:
        rows.append(row)
    return rows.index(row)


def text() -> str:
    """The content of the file, with one line for each shape, so that differences are readable."""
    made = table()
    rows = ",\n".join(json.dumps(row) for row in made.pop("shapes"))
    others = "".join(f',\n"{key}": {json.dumps(value)}' for key, value in made.items())
    return f'{{"shapes": [\n{rows}\n]{others}}}\n'


if __name__ == "__main__":
    TABLE_FILE.write_text(text(), encoding="utf-8")

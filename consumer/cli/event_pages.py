"""What `consume events show` says of one event, as data and as a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

from consumer.cli.tables import table, wrapped
from consumer.events.caliper import forms_of
from consumer.events.catalog import model_of
from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.describe import all_fields_of, fields_of
from consumer.events.identifiers import TRUNCATED_LENGTH
from consumer.events.samples import sample_message
from consumer.events.typed import DELETED, STATE_FIELDS, change_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from consumer.events.catalog.base import Record
    from consumer.messages import Format

_PRIVACY: Final = {
    "identifier": "tells who a person is",
    "education": "education record",
    "secret": "secret: opens a door",
}
_EXTRA: Final = 'object.extensions["com.instructure.canvas"]'
_NOT_IN_SOURCE: Final = (
    "It is documented, but the public source of Canvas does not send it: it may never come."
)
_STATES: Final = {*STATE_FIELDS, *(f"{_EXTRA}.{field}" for field in STATE_FIELDS)}
#: For all examples: the same each time.
_SEED: Final = 1

_LEGEND: Final = (
    ("global id", "with the shard, a part of Canvas, in front (21070000000000123); unique"),
    ("local id", "without the shard (123), as it stands in the URLs of Canvas"),
    ("id", "either of them, depending on who writes the event"),
    ("outside id", "none of Canvas's numbers: of an LTI tool, an SIS or another service"),
    ("time", "a text, ISO 8601"),
    ("date", "a text: a day, alone or with a time of that day"),
)


def event_facts(summary: dict[str, Any]) -> dict[str, Any]:
    """All that is known of an event, as JSON data.

    Args:
        summary: its name, category, formats and meaning; they stand at the beginning.
    """
    from consumer.events.catalog.metadata import Metadata

    name = summary["name"]
    model = model_of(name)
    facts = {**summary, "entity": None, "note": None}
    if model is not None and not model.in_source:
        facts["note"] = _NOT_IN_SOURCE
    kind, field = model.entity() if model and issubclass(model, CanvasBody) else ("", "")
    if model is not None and kind:
        is_object = any(f.key == field and f.record for f in fields_of(model))
        facts["entity"] = {"kind": kind, "field": f"{field}.id" if is_object else field}
    facts["canvas"] = {
        "changes": _changes(name, model),
        "fields": _fields(model),
        "metadata": _fields(Metadata),
        "example": _example(name, "canvas"),
    }
    facts["caliper"] = None
    if "caliper" in summary["formats"]:
        forms = [form._asdict() for form in forms_of(name)]
        caliper = model_of(name, "caliper")
        facts["caliper"] = {
            "forms": forms,
            "changes": _changes(name, caliper),
            "fields": _fields(caliper, forms),
            "example": _example(name, "caliper"),
        }
    return facts


def _changes(name: str, model: type[Record] | None) -> list[str]:
    """What `event.change` can be."""
    change = change_named(name)
    if change is None:
        return []
    deletion = (
        change == "updated"
        and model is not None
        and any(
            path in _STATES and DELETED in facts.marks.values
            for path, facts in all_fields_of(model)
        )
    )
    return [change, DELETED] if deletion else [change]


def _fields(
    model: type[Record] | None, forms: Sequence[dict[str, str]] = ()
) -> list[dict[str, Any]]:
    """Of each field all that is known; `forms` has the values that this event has of some."""
    if model is None:
        return []
    own = {key: list(dict.fromkeys(form[key] for form in forms)) for key in ("type", "action")}
    return [
        {
            "path": path,
            "type": facts.type_words,
            "kind": facts.kind,
            "list": facts.many,
            "id_of": facts.marks.of or None,
            "meaning": facts.marks.meaning,
            "privacy": facts.marks.privacy,
            "truncated_at": TRUNCATED_LENGTH if facts.marks.truncated else None,
            "values": own.get(path) or list(facts.marks.values),
        }
        for path, facts in all_fields_of(model)
    ]


def _example(name: str, event_format: Format) -> Any:
    return json.loads(sample_message(name, event_format, seed=_SEED).body)


def event_page(facts: dict[str, Any], width: int | None) -> Iterator[str]:
    """The lines for people, no wider than `width`; None stands for any."""
    yield click.style(facts["name"], bold=True)
    undocumented = "" if facts["documented"] else " No payload of it has been published."
    yield from wrapped(facts["meaning"] + undocumented, width, "  ")
    if facts["note"]:
        yield from wrapped(f"Note: {facts['note']}", width, "  ")
    yield ""
    yield from table(list(_head(facts)), width)
    canvas, caliper = facts["canvas"], facts["caliper"]
    yield from _section("Fields of the body", canvas["fields"], width)
    if not canvas["fields"]:
        yield "  none: the body is an empty object"
    yield from _section("Fields of the metadata, for every event", canvas["metadata"], width)
    yield from _json("Example in Canvas format (made up)", canvas["example"])
    if caliper is not None:
        yield from _heading("In Caliper format")
        yield from table(list(_forms(caliper["forms"])), width)
        yield from _section("Fields of the Caliper event", caliper["fields"], width)
        yield from _json("Example in Caliper format (made up)", caliper["example"])
    yield from _heading("Words")
    yield from table(_LEGEND, width)
    yield from wrapped(
        "Each field may be null or absent, and others may come besides.", width, "  "
    )


def _head(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "category", facts["category"]
    yield "formats", ", ".join(facts["formats"])
    changes = [_change_words(facts[found]["changes"]) for found in facts["formats"]]
    in_caliper = f"; in Caliper format {changes[-1]}" if changes[0] != changes[-1] else ""
    yield "event.change", f"{changes[0]}{in_caliper}"
    if facts["entity"]:
        kind = facts["entity"]["kind"].replace("_", " ")
        yield "is about", f"{kind}, whose id is in {facts['entity']['field']}"


def _change_words(changes: list[str]) -> str:
    if len(changes) > 1:
        return f"{changes[0]}, or {changes[1]} if its state is so"
    return changes[0] if changes else "none"


def _forms(forms: list[dict[str, str]]) -> Iterator[tuple[str, str, str]]:
    yield "TYPE", "ACTION", "OBJECT"
    for form in forms:
        kind = form["object_kind"]
        urn = f", id urn:instructure:canvas:{kind}:..." if kind else ""
        yield form["type"], form["action"], f"{form['object_type'] or 'any'}{urn}"


def _heading(text: str) -> Iterator[str]:
    yield ""
    yield click.style(text, bold=True)


def _section(title: str, fields: list[dict[str, Any]], width: int | None) -> Iterator[str]:
    yield from _heading(title)
    yield from table([(f["path"], f["type"], _told(f)) for f in fields], width)


def _told(field: dict[str, Any]) -> str:
    """The meaning, and the marks behind it."""
    text = field["meaning"]
    if field["values"]:
        text += f" Such as: {', '.join(map(_value, field['values']))}."
    marks = [_PRIVACY[field["privacy"]]] if field["privacy"] in _PRIVACY else []
    if field["truncated_at"]:
        marks.append(f"cut at {field['truncated_at']:,} characters")
    return f"{text} [{'; '.join(marks)}]" if marks else text


def _value(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)


def _json(title: str, value: Any) -> Iterator[str]:
    yield from _heading(title)
    yield from (f"  {line}" for line in json.dumps(value, indent=2).splitlines())

"""What `consume events` says about an event, as data and as a page."""

import json
from collections.abc import Iterator
from typing import Any, Final, cast

import click

from consumer.cli.output import section, table, wrapped
from consumer.events.caliper import forms_of
from consumer.events.catalog import model_of
from consumer.events.catalog.base import CanvasBody, EventData, Record
from consumer.events.catalog.describe import all_fields_of, fields_of, meaning_of
from consumer.events.catalog.index import category_of, is_known
from consumer.events.catalog.metadata import Metadata
from consumer.events.identifiers import TRUNCATED_LENGTH
from consumer.events.samples import sample_message
from consumer.events.typed import DELETED, STATE_FIELDS, change_named
from consumer.messages import Format

_PRIVACY: Final = {
    "identifier": "identifies a person",
    "education": "education record",
    "secret": "secret",
}
_NOT_IN_SOURCE: Final = (
    "It is documented, but the public source code of Canvas does not send it: it may never occur."
)
_STATES: Final = {
    f"{where}{field}"
    for where in ("", 'object.extensions["com.instructure.canvas"].')
    for field in STATE_FIELDS
}
_WORDS: Final = (
    ("global id", "with the shard, a part of Canvas, in front (21070000000000123); unique"),
    ("local id", "without the shard (123), as in the URLs of Canvas"),
    ("id", "either of them, depending on which service writes the event"),
    ("outside id", "not an id of Canvas, but of an LTI tool, an SIS or another service"),
    ("time", "text, ISO 8601"),
    ("date", "text: a day, alone or with a time of that day"),
)


def summary_of(name: str) -> dict[str, Any]:
    """Name, category, formats and meaning of an event, as JSON data."""
    model = _model(name)
    return {
        "name": name,
        "category": category_of(name),
        "formats": [found for found in ("canvas", "caliper") if is_known(name, found)],
        "documented": model.documented,
        "meaning": meaning_of(model),
    }


def event_facts(name: str) -> dict[str, Any]:
    """All that is known about an event, as JSON data."""
    model = cast("type[CanvasBody]", _model(name))
    kind, field = model.entity()
    if any(facts.key == field and facts.record for facts in fields_of(model)):
        field = f"{field}.id"
    return {
        **summary_of(name),
        "entity": {"kind": kind, "field": field} if kind else None,
        "note": None if model.in_source else _NOT_IN_SOURCE,
        "canvas": {**_format_facts(name, "canvas"), "metadata": _fields(Metadata)},
        "caliper": _caliper_facts(name) if is_known(name, "caliper") else None,
    }


def _model(name: str, event_format: Format = "canvas") -> type[EventData]:
    """The model of an event that the catalog lists in this format."""
    return cast("type[EventData]", model_of(name, event_format))


def _caliper_facts(name: str) -> dict[str, Any]:
    forms = [form._asdict() for form in forms_of(name)]
    facts = _format_facts(name, "caliper")
    for field in facts["fields"]:
        if field["path"] in ("type", "action"):  # what this event has, not all that there are
            field["values"] = list(dict.fromkeys(form[field["path"]] for form in forms))
    return {"forms": forms, **facts}


def _format_facts(name: str, event_format: Format) -> dict[str, Any]:
    model = _model(name, event_format)
    change = change_named(name)
    changes: list[str] = [change] if change else []
    states = [facts.marks.values for path, facts in all_fields_of(model) if path in _STATES]
    if change == "updated" and any(DELETED in values for values in states):
        changes.append(DELETED)
    return {
        "changes": changes,
        "fields": _fields(model),
        "example": json.loads(sample_message(name, event_format, seed=1).body),
    }


def _fields(model: type[Record]) -> list[dict[str, Any]]:
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
            "values": list(facts.marks.values),
        }
        for path, facts in all_fields_of(model)
    ]


def event_page(facts: dict[str, Any], width: int | None) -> Iterator[str]:
    """The lines of a page, at most `width` characters long; None: of any length."""
    yield click.style(facts["name"], bold=True)
    undocumented = "" if facts["documented"] else " No payload of it has been published."
    yield from wrapped(facts["meaning"] + undocumented, width, "  ")
    if facts["note"]:
        yield from wrapped(f"Note: {facts['note']}", width, "  ")
    yield ""
    yield from table(list(_head(facts)), width)
    canvas, caliper = facts["canvas"], facts["caliper"]
    yield from section("Fields of the body", _rows(canvas["fields"]), width)
    if not canvas["fields"]:
        yield "  none: the body is an empty object"
    metadata = _rows(canvas["metadata"])
    yield from section("Fields of the metadata, for all events", metadata, width)
    yield from _example("Canvas", canvas)
    if caliper is not None:
        yield from section("In Caliper format", list(_forms(caliper["forms"])), width)
        yield from section("Fields of the Caliper event", _rows(caliper["fields"]), width)
        yield from _example("Caliper", caliper)
    yield from section("Words", _WORDS, width)
    yield from wrapped("Any field can be null or missing, and there can be others.", width, "  ")


def _head(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "category", facts["category"]
    yield "formats", ", ".join(facts["formats"])
    changes = [_change_words(facts[found]["changes"]) for found in facts["formats"]]
    in_caliper = f"; in Caliper format {changes[-1]}" if changes[0] != changes[-1] else ""
    yield "event.change", f"{changes[0]}{in_caliper}"
    if facts["entity"]:
        kind = facts["entity"]["kind"].replace("_", " ")
        yield "about", f"{kind}, with its id in {facts['entity']['field']}"


def _change_words(changes: list[str]) -> str:
    if len(changes) > 1:
        return f"{changes[0]}, or {changes[1]} if that is its state"
    return changes[0] if changes else "none"


def _forms(forms: list[dict[str, str]]) -> Iterator[tuple[str, str, str]]:
    yield "TYPE", "ACTION", "OBJECT"
    for form in forms:
        kind = form["object_kind"]
        urn = f", id urn:instructure:canvas:{kind}:..." if kind else ""
        yield form["type"], form["action"], f"{form['object_type'] or 'any'}{urn}"


def _rows(fields: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Path, type and meaning of each field; the meaning with examples, and marks in brackets."""
    rows = []
    for field in fields:
        text = field["meaning"]
        if field["values"]:
            values = (v if v and isinstance(v, str) else json.dumps(v) for v in field["values"])
            text += f" Such as: {', '.join(values)}."
        marks = [_PRIVACY[field["privacy"]]] if field["privacy"] in _PRIVACY else []
        if field["truncated_at"]:
            marks.append(f"cut at {field['truncated_at']:,} characters")
        if marks:
            text += f" [{'; '.join(marks)}]"
        rows.append((field["path"], field["type"], text))
    return rows


def _example(title: str, facts: dict[str, Any]) -> Iterator[str]:
    yield from section(f"Example in {title} format (not a real event)", (), None)
    yield from (f"  {line}" for line in json.dumps(facts["example"], indent=2).splitlines())

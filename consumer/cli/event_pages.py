"""What `consume events` says about an event, as data and as a page."""

import json
from collections.abc import Iterator
from typing import Any, Final

import click

from consumer.cli.tables import table, wrapped
from consumer.events.caliper import forms_of
from consumer.events.catalog import model_of
from consumer.events.catalog.base import CanvasBody, Record
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
_EXTRA: Final = 'object.extensions["com.instructure.canvas"]'
_NOT_IN_SOURCE: Final = (
    "It is documented, but the public source code of Canvas does not send it: it may never occur."
)
_STATES: Final = {*STATE_FIELDS, *(f"{_EXTRA}.{field}" for field in STATE_FIELDS)}
#: Examples are the same each time.
_SEED: Final = 1

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
    model = model_of(name)
    return {
        "name": name,
        "category": category_of(name),
        "formats": [found for found in ("canvas", "caliper") if is_known(name, found)],
        "documented": model is not None and model.documented,
        "meaning": meaning_of(model) if model is not None else "",
    }


def event_facts(name: str) -> dict[str, Any]:
    """All that is known about an event, as JSON data."""
    model = model_of(name)
    facts = {
        **summary_of(name),
        "entity": _entity(model),
        "note": _NOT_IN_SOURCE if model is not None and not model.in_source else None,
        "canvas": {**_format_facts(name, "canvas"), "metadata": _fields(Metadata)},
        "caliper": None,
    }
    if is_known(name, "caliper"):
        forms = [form._asdict() for form in forms_of(name)]
        facts["caliper"] = {"forms": forms, **_format_facts(name, "caliper")}
        for field in facts["caliper"]["fields"]:
            if field["path"] in ("type", "action"):  # what this event has, not all that there are
                field["values"] = list(dict.fromkeys(form[field["path"]] for form in forms))
    return facts


def _entity(model: type[Record] | None) -> dict[str, str] | None:
    """What the event is about, and the field with its id."""
    kind, field = model.entity() if model and issubclass(model, CanvasBody) else ("", "")
    if model is None or not kind:
        return None
    is_object = any(f.key == field and f.record for f in fields_of(model))
    return {"kind": kind, "field": f"{field}.id" if is_object else field}


def _format_facts(name: str, event_format: Format) -> dict[str, Any]:
    model = model_of(name, event_format)
    return {
        "changes": _changes(name, model),
        "fields": _fields(model),
        "example": json.loads(sample_message(name, event_format, seed=_SEED).body),
    }


def _changes(name: str, model: type[Record] | None) -> list[str]:
    """The values that `event.change` can have."""
    change = change_named(name)
    if change == "updated" and model is not None:
        states = [f.marks.values for path, f in all_fields_of(model) if path in _STATES]
        if any(DELETED in values for values in states):
            return [change, DELETED]
    return [change] if change else []


def _fields(model: type[Record] | None) -> list[dict[str, Any]]:
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
        for path, facts in (all_fields_of(model) if model is not None else ())
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
    yield from _section("Fields of the body", canvas["fields"], width)
    if not canvas["fields"]:
        yield "  none: the body is an empty object"
    yield from _section("Fields of the metadata, for all events", canvas["metadata"], width)
    yield from _example("Canvas", canvas)
    if caliper is not None:
        yield from _heading("In Caliper format")
        yield from table(list(_forms(caliper["forms"])), width)
        yield from _section("Fields of the Caliper event", caliper["fields"], width)
        yield from _example("Caliper", caliper)
    yield from _heading("Words")
    yield from table(_WORDS, width)
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


def _heading(text: str) -> Iterator[str]:
    yield ""
    yield click.style(text, bold=True)


def _section(title: str, fields: list[dict[str, Any]], width: int | None) -> Iterator[str]:
    yield from _heading(title)
    yield from table([(f["path"], f["type"], _meaning(f)) for f in fields], width)


def _meaning(field: dict[str, Any]) -> str:
    """The meaning, examples of values, and marks in brackets."""
    text = field["meaning"]
    if field["values"]:
        values = (v if v and isinstance(v, str) else json.dumps(v) for v in field["values"])
        text += f" Such as: {', '.join(values)}."
    marks = [_PRIVACY[field["privacy"]]] if field["privacy"] in _PRIVACY else []
    if field["truncated_at"]:
        marks.append(f"cut at {field['truncated_at']:,} characters")
    return f"{text} [{'; '.join(marks)}]" if marks else text


def _example(title: str, facts: dict[str, Any]) -> Iterator[str]:
    yield from _heading(f"Example in {title} format (not a real event)")
    yield from (f"  {line}" for line in json.dumps(facts["example"], indent=2).splitlines())

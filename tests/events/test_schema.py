"""The JSON Schemas of messages are right by a third party, and messages are right by them."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from consumer.events.caliper import forms_of
from consumer.events.catalog import model_of, names
from consumer.events.catalog.describe import all_fields_of, meaning_of
from consumer.events.catalog.schema import DIALECT, message_schema
from consumer.events.samples import sample_message
from consumer.testing import canvas_body
from tests.cases import for_each
from tests.events.test_corpus import each_file, event_in, name_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumer.messages import Format

EVENTS: list[tuple[str, Format]] = [
    *((name, "canvas") for name in names()),
    *((name, "caliper") for name in names("caliper")),
]
each_event = for_each("name, event_format", EVENTS)


@cache
def validator(name: str, event_format: Format) -> Draft202012Validator:
    return Draft202012Validator(message_schema(name, event_format))


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Each JSON object inside, itself included."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from objects(value)


@each_event
def test_each_schema_is_one(name: str, event_format: Format) -> None:
    """By the validator's own rules; its references lead somewhere, and nothing in it is noise."""
    schema = message_schema(name, event_format)

    Draft202012Validator.check_schema(schema)

    assert schema == json.loads(json.dumps(schema))
    assert (schema["$schema"], schema["title"]) == (DIALECT, name)
    assert schema["description"]
    used = {node["$ref"] for node in objects(schema) if isinstance(node.get("$ref"), str)}
    assert used == {f"#/$defs/{key}" for key in schema["$defs"]}
    below = [node for definition in schema["$defs"].values() for node in objects(definition)]
    assert not any(isinstance(node.get("title"), str) for node in below)
    assert not any("$id" in node or "default" in node for node in objects(schema))


@each_event
def test_each_field_has_a_meaning(name: str, event_format: Format) -> None:
    """In one line, and so has each object that has fields, and the event itself."""
    model = model_of(name, event_format)

    assert model is not None
    assert meaning_of(model).endswith(".")
    for path, facts in all_fields_of(model):
        assert facts.marks.meaning, path
        assert "\n" not in facts.marks.meaning, path
        assert facts.record is None or meaning_of(facts.record), path


@each_file
def test_documented_payloads_are_valid(file: Path) -> None:
    """By the schema of their event, in either format; also by that of the name they should have."""
    event, payload, _ = event_in(file)

    validator(event.name, event.format).validate(payload)
    validator(name_in(file), event.format).validate(payload)


@each_event
def test_samples_are_valid(name: str, event_format: Format) -> None:
    """So that both say the same of an event."""
    for seed in range(5):
        sample = json.loads(sample_message(name, event_format, seed=seed).body)

        validator(name, event_format).validate(sample)


@for_each(
    "body, metadata",
    [
        ({}, {}),
        ({"submission_id": 21070000000000012, "user_id": "", "score": None}, {}),
        ({"score": 7.5, "attempt": "2", "unheard_of": {"a": [1]}}, {"user_id": 1, "more": 2}),
    ],
)
def test_the_schema_is_lenient(body: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Ids as text or integer, nulls, absent and unknown fields: as the models take them."""
    message = json.loads(canvas_body("submission_created", body=body, **metadata))

    validator("submission_created", "canvas").validate(message)


@for_each(
    "body, place",
    [
        ({"late": "perhaps"}, ["body", "late"]),
        ({"submission_id": {"id": 1}}, ["body", "submission_id"]),
        ({"attempt": 1.5}, ["body", "attempt"]),
        ({"associated_integration_ids": [1.5]}, ["body", "associated_integration_ids", 0]),
    ],
)
def test_the_schema_refuses_what_is_of_another_type(body: dict[str, Any], place: list[Any]) -> None:
    """And says where."""
    message = json.loads(canvas_body("submission_created", body=body))

    (error,) = validator("submission_created", "canvas").iter_errors(message)

    assert place == list(error.absolute_path)


def test_the_schema_tells_events_apart() -> None:
    """A message of another event is not valid, nor is one without a body."""
    schema = validator("submission_created", "canvas")

    assert not schema.is_valid(json.loads(canvas_body("submission_updated")))
    assert not schema.is_valid({"metadata": {}})
    assert not schema.is_valid({"data": []})


def test_caliper_schemas_tell_events_apart_by_type_and_action() -> None:
    """And take a number as an object, and the id alone where an object is expected."""
    schema = validator("grade_change", "caliper")
    event = {
        "type": "GradeEvent",
        "action": "Graded",
        "actor": "urn:instructure:canvas:user:1",
        "generated": {"maxScore": {"numberStr": "7.5"}, "scoreGiven": 7},
    }
    envelope = {"sensor": "x", "sendTime": "2024-05-01T10:00:00.000Z", "dataVersion": "x"}

    schema.validate({**envelope, "data": [event]})

    assert not schema.is_valid({**envelope, "data": [{**event, "action": "Created"}]})
    assert not schema.is_valid({**envelope, "data": []})
    assert not schema.is_valid({"data": [event]})


def test_marks_are_keywords_of_their_own() -> None:
    """What an id names, who may see a text, where it is cut."""
    fields = message_schema("submission_created")["$defs"]["SubmissionCreated"]["properties"]

    assert fields["user_id"] == {
        "description": "The student.",
        "type": ["string", "integer", "null"],
        "x-type": "global id",
        "x-id-of": "user",
        "x-privacy": "identifier",
    }
    assert fields["body"]["x-truncated-at"] == 8192
    assert fields["submitted_at"]["x-type"] == "timestamp"


def test_what_is_not_known_has_no_schema() -> None:
    """Neither a name that does not exist, nor an event in a format that it does not have."""
    with pytest.raises(KeyError, match="course_deleted"):
        message_schema("course_deleted")
    with pytest.raises(KeyError, match="account_created"):
        message_schema("account_created", "caliper")


@for_each("name", names("caliper"))
def test_each_caliper_event_has_a_form(name: str) -> None:
    """What tells it from others: type and action, and mostly the object."""
    forms = forms_of(name)

    assert forms
    assert all(form.type.endswith("Event") and form.action for form in forms)
    assert forms_of("account_created") == ()

"""The JSON Schemas of messages are valid, and messages are valid by them."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from consumer.events.caliper import forms_of
from consumer.events.catalog import Metadata, model_of, names
from consumer.events.catalog.describe import all_fields_of, meaning_of
from consumer.events.catalog.schema import DIALECT, message_schema
from consumer.events.samples import sample_message
from consumer.messages import Format
from consumer.testing import canvas_body
from tests.cases import for_each
from tests.events.test_corpus import each_file, event_in, name_in

EVENTS: list[tuple[str, Format]] = [
    *((name, "canvas") for name in names()),
    *((name, "caliper") for name in names("caliper")),
]
each_event = for_each("name, event_format", EVENTS)


@cache
def validator(name: str, event_format: Format) -> Draft202012Validator:
    return Draft202012Validator(message_schema(name, event_format))


def misfits(name: str, event_format: Format, message: Any) -> list[str]:
    """What the schema of the event has against it."""
    return [error.message for error in validator(name, event_format).iter_errors(message)]


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """All JSON objects in it, including itself."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from objects(value)


@each_event
def test_the_models_in_an_event_have_different_names(name: str, event_format: Format) -> None:
    """The schema defines them by name."""
    event = model_of(name, event_format)
    assert event is not None

    found = {facts.record for _, facts in all_fields_of(event) if facts.record}
    found |= {event} if event_format == "caliper" else {event, Metadata}

    assert len({model.__name__ for model in found}) == len(found)


@each_event
def test_each_schema_is_valid(name: str, event_format: Format) -> None:
    """By the rules of the validator; all references resolve, and all definitions are used."""
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
    """Of one line; each object with fields and the event have one, too."""
    model = model_of(name, event_format)

    assert model is not None
    assert meaning_of(model).endswith(".")
    for path, facts in all_fields_of(model):
        assert facts.marks.meaning, path
        assert "\n" not in facts.marks.meaning, path
        assert facts.record is None or meaning_of(facts.record), path


@each_file
def test_documented_payloads_are_valid(file: Path) -> None:
    """By the schema of their event, in either format, also of the name that they should have."""
    event, payload, _ = event_in(file)

    for name in (event.name, name_in(file)):
        assert misfits(name, event.format, payload) == []


@each_event
def test_samples_are_valid(name: str, event_format: Format) -> None:
    """Samples and schemas agree."""
    for seed in range(5):
        sample = json.loads(sample_message(name, event_format, seed=seed).body)

        assert misfits(name, event_format, sample) == []


@for_each(
    "body, metadata",
    [
        ({}, {}),
        ({"submission_id": 21070000000000012, "user_id": "", "score": None}, {}),
        ({"score": 7.5, "attempt": "2", "unheard_of": {"a": [1]}}, {"user_id": 1, "more": 2}),
    ],
)
def test_the_schema_is_lenient(body: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Like the models: ids as text or integer, nulls, absent and unknown fields."""
    message = json.loads(canvas_body("submission_created", body=body, **metadata))

    assert misfits("submission_created", "canvas", message) == []


@for_each(
    "body, place",
    [
        ({"late": "perhaps"}, ["body", "late"]),
        ({"submission_id": {"id": 1}}, ["body", "submission_id"]),
        ({"attempt": 1.5}, ["body", "attempt"]),
        ({"associated_integration_ids": [1.5]}, ["body", "associated_integration_ids", 0]),
    ],
)
def test_the_schema_refuses_other_types(body: dict[str, Any], place: list[Any]) -> None:
    """The error names the field."""
    message = json.loads(canvas_body("submission_created", body=body))

    (error,) = validator("submission_created", "canvas").iter_errors(message)

    assert place == list(error.absolute_path)


def test_the_schema_is_for_one_event() -> None:
    """Another event is not valid, nor is a message without a body."""
    schema = validator("submission_created", "canvas")

    assert not schema.is_valid(json.loads(canvas_body("submission_updated")))
    assert not schema.is_valid({"metadata": {}})
    assert not schema.is_valid({"data": []})


def test_a_caliper_schema_is_for_one_type_and_action() -> None:
    """A number may be an object, and the id alone may replace an object."""
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


def test_marks_are_keywords() -> None:
    """What an id identifies, privacy, and where a text is cut."""
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


def test_unknown_events_have_no_schema() -> None:
    """An unknown name, or a format in which Canvas does not send the event."""
    with pytest.raises(KeyError, match="course_deleted"):
        message_schema("course_deleted")
    with pytest.raises(KeyError, match="account_created"):
        message_schema("account_created", "caliper")


@for_each("name", names("caliper"))
def test_each_caliper_event_has_a_form(name: str) -> None:
    """Type and action, and mostly the object."""
    forms = forms_of(name)

    assert forms
    assert all(form.type.endswith("Event") and form.action for form in forms)
    assert forms_of("account_created") == ()

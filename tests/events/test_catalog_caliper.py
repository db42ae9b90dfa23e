"""The models of events in Caliper format list all documented fields.

Documented payloads are outside of the repository; without them those tests are skipped.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from consumer.events.caliper import name_of
from consumer.events.catalog import caliper, model_of, names
from consumer.events.catalog.base import EventData, Record
from consumer.events.catalog.describe import all_fields_of, meaning_of
from consumer.events.catalog.index import class_name
from consumer.events.decode import decode
from consumer.testing import make_message
from tests.cases import for_each

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "caliper"
FILES = sorted(CORPUS.glob("*.json"))
KEY = "com.instructure.canvas"
USER = "urn:instructure:canvas:user:21070000000000007"
COURSE = "urn:instructure:canvas:course:21070000000000565"

each_name = for_each("name", names("caliper"))
each_payload = (
    for_each("file", FILES)
    if FILES
    else pytest.mark.skip(reason="there are no payloads in ../shared/corpus")
)


def model(name: str) -> type[EventData]:
    found = model_of(name, "caliper")
    assert found is not None
    return found


def received(record: Record) -> Any:
    return record.model_dump(mode="json", by_alias=True, exclude_unset=True)


def records_in(record: Record, path: str = "") -> Iterator[tuple[str, Record]]:
    """The record, and all records in it."""
    yield path, record
    for name in type(record).model_fields:
        value = getattr(record, name)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Record):
                yield from records_in(item, f"{path}.{name}")


def unknown_in(record: Record) -> list[str]:
    """Fields at any depth that are not in the catalog, or whose value can't be read."""
    found = records_in(record)
    return [
        f"{path}.{name}"
        for path, part in found
        for name in (
            *part.unknown_fields(),
            *(
                name
                for name in part.model_fields_set & set(type(part).model_fields)
                if getattr(part, name) is None and part.written(name) is not None
            ),
        )
    ]


@each_payload
def test_a_documented_event_is_known_in_full(file: Path) -> None:
    """All fields at any depth are known and readable, and the dump equals the input."""
    payload = json.loads(file.read_text(encoding="utf-8"))

    (event,) = decode(make_message(file.read_text(encoding="utf-8")))

    assert file.stem.partition(".")[0] == event.name
    assert type(event.data) is model(event.name)
    assert not unknown_in(event.data)
    assert payload["data"][0] == received(event.data)


@each_payload
def test_a_documented_envelope_is_known_in_full(file: Path) -> None:
    """The event in it is an instance of its own model."""
    payload = json.loads(file.read_text(encoding="utf-8"))

    envelope = caliper.Envelope.model_validate(payload)

    assert envelope.data is not None
    assert [type(event) for event in envelope.data] == [model(name_of(payload["data"][0]))]
    assert not unknown_in(envelope)
    assert payload == received(envelope)


@each_name
def test_each_model_is_found_under_its_class_name(name: str) -> None:
    """It can be imported from the package."""
    found = getattr(import_module("consumer.events.catalog.caliper"), class_name(name))

    assert model(name) is found
    assert issubclass(found, caliper.CaliperEvent)
    assert (name, "caliper") == (found.event_name, found.event_format)
    assert class_name(name) in dir(caliper)


def test_no_other_name_is_in_the_package() -> None:
    """For instance that of an event that Canvas does not send in this format."""
    with pytest.raises(AttributeError, match="CourseProgress"):
        _ = caliper.CourseProgress  # type: ignore[attr-defined]


def test_meanings_of_events_differ() -> None:
    """No two events have the same description."""
    meanings = [meaning_of(model(name)) for name in names("caliper")]

    assert len(set(meanings)) == len(meanings)


@for_each(
    "name, path, privacy",
    [
        ("logged_in", "actor.id", "identifier"),
        ("logged_in", f'actor.extensions["{KEY}"].user_login', "identifier"),
        ("logged_in", f'extensions["{KEY}"].client_ip', "identifier"),
        ("logged_in", f'extensions["{KEY}"].request_url', "secret"),
        ("logged_in", f'object.extensions["{KEY}"].redirect_url', "secret"),
        ("logged_in", "referrer", "secret"),
        ("logged_in", "session.id", "secret"),
        ("logged_in", "membership.id", "identifier"),
        ("grade_change", "generated.scoreGiven", "education"),
        ("grade_change", f'generated.attempt.assignee.extensions["{KEY}"].sis_id', "identifier"),
        ("enrollment_created", f'object.extensions["{KEY}"].user_name', "identifier"),
        ("submission_created", "object.body", "education"),
        ("group_membership_created", "object.member.id", "identifier"),
        ("syllabus_updated", "object.creators[].id", "identifier"),
        ("course_created", "object.name", "none"),
        ("discussion_topic_created", "object.name", "education"),
        ("asset_accessed", f'object.extensions["{KEY}"].url', "secret"),
    ],
)
def test_personal_data_is_marked(name: str, path: str, privacy: str) -> None:
    """At any depth of the event."""
    fields = dict(all_fields_of(model(name)))

    assert privacy == fields[path].marks.privacy


def test_texts_that_canvas_cuts_are_marked() -> None:
    """Canvas cuts them when it creates the event, so they are the same as in Canvas format."""
    cut = {
        (name, path)
        for name in names("caliper")
        for path, facts in all_fields_of(model(name))
        if facts.marks.truncated
    }

    assert ("wiki_page_updated", f'object.extensions["{KEY}"].body') in cut
    assert ("attachment_created", f'object.extensions["{KEY}"].filename') in cut
    assert ("discussion_entry_created", "object.body") in cut
    assert ("course_created", "object.name") not in cut


def test_attributes_are_read_as_in_python() -> None:
    """Times, numbers and objects have the Python types that a handler needs."""
    body = {
        "@context": "http://purl.imsglobal.org/ctx/caliper/v1p1",
        "type": "GradeEvent",
        "action": "Graded",
        "eventTime": "2024-03-01T12:00:00.000Z",
        "edApp": {"id": "http://canvas.example.edu/", "type": "SoftwareApplication"},
        "membership": {
            "roles": ["Instructor"],
            "organization": {"id": f"{COURSE}:section:9", "subOrganizationOf": {"id": COURSE}},
        },
        "generated": {
            "attempt": {"assignee": {"id": USER, "extensions": {KEY: {"sis_id": "S1"}}}},
            "maxScore": {"numberStr": "10.5"},
            "scoreGiven": 7,
        },
        "extensions": {KEY: {"job_id": "1070000012345", "job_tag": "Assignment#update"}},
    }

    event = caliper.GradeChange.model_validate(body)

    assert datetime(2024, 3, 1, 12, 0, tzinfo=UTC) == event.event_time
    assert event.context is not None
    assert event.ed_app is not None
    assert event.membership is not None
    assert event.membership.organization is not None
    assert event.membership.organization.sub_organization_of is not None
    assert COURSE == event.membership.organization.sub_organization_of.id
    assert ["Instructor"] == event.membership.roles
    assert event.generated is not None
    assert (10.5, 7) == (event.generated.max_score, event.generated.score_given)
    assert event.generated.attempt is not None
    assert event.generated.attempt.assignee is not None
    assert event.generated.attempt.assignee.extensions is not None
    assert event.generated.attempt.assignee.extensions.canvas is not None
    assert event.generated.attempt.assignee.extensions.canvas.sis_id == "S1"
    assert event.extensions is not None
    assert event.extensions.canvas is not None
    assert event.extensions.canvas.job_tag == "Assignment#update"
    assert not unknown_in(event)
    assert body == received(event)

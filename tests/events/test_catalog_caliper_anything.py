"""The models of events in Caliper format accept odd values, and return what they received."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.errors import DataError
from consumer.events.catalog import caliper, model_of, names
from consumer.events.catalog.base import EventData, Record
from consumer.events.catalog.describe import FieldFacts, fields_of
from consumer.events.decode import decode
from consumer.testing import make_event, make_message
from tests.cases import for_each

KEY = "com.instructure.canvas"
USER = "urn:instructure:canvas:user:21070000000000007"
COURSE = "urn:instructure:canvas:course:21070000000000565"

each_name = for_each("name", names("caliper"))


def model(name: str) -> type[EventData]:
    return model_of(name, "caliper") or caliper.CaliperEvent


def received(record: Record) -> Any:
    return record.model_dump(mode="json", by_alias=True, exclude_unset=True)


@each_name
def test_anything_may_be_absent_or_null(name: str) -> None:
    """An event without fields fits, and so does one where all fields are null."""
    nulls = {facts.key: None for facts in fields_of(model(name))}

    assert received(model(name).model_validate({})) == {}
    assert nulls == received(model(name).model_validate(nulls))


@each_name
@pytest.mark.parametrize(
    ("actor", "thing"),
    [
        ({"id": USER, "type": "Person"}, {"id": "https://tool.example.edu/", "type": "Frame"}),
        ({"id": "http://canvas.example.edu/", "type": "SoftwareApplication"}, {"type": "Frame"}),
        ({"id": USER, "type": "Organization", "extensions": {}}, {"id": COURSE, "isPartOf": None}),
        ({"extensions": {KEY: {}}}, {"extensions": {KEY: None, "org.example": {"a": 1}}}),
        (USER, COURSE),
    ],
)  # fmt: skip
def test_an_actor_or_object_of_another_kind_fits(name: str, actor: Any, thing: Any) -> None:
    """Also if there is only its id, as Caliper allows."""
    body = {"actor": actor, "object": thing}

    event: Any = model(name).model_validate(body)

    assert (actor if isinstance(actor, str) else actor.get("id")) == event.actor.id
    assert (thing if isinstance(thing, str) else thing.get("id")) == event.object.id
    assert body == received(event)


def test_an_unknown_event_is_any_caliper_event() -> None:
    """The common fields of all events are typed; the others can be read, too."""
    body = {
        "type": "ToolUseEvent",
        "action": "Used",
        "eventTime": "2024-03-01T12:00:00Z",
        "object": {"id": "urn:x:1", "type": "SoftwareApplication", "name": "Studio"},
        "target": {"id": "urn:x:2"},
    }
    text = json.dumps({"sensor": "http://canvas.example.edu/", "data": [body]})

    (event,) = decode(make_message(text))

    assert event.name == "ToolUseEvent.Used.SoftwareApplication"
    assert type(event.data) is caliper.CaliperEvent
    assert datetime(2024, 3, 1, 12, 0, tzinfo=UTC) == event.data.event_time
    unknown: Any = event.data
    assert unknown.object.name == "Studio"
    assert {"id": "urn:x:2"} == unknown.target
    assert {"target"} == unknown.unknown_fields()
    assert body == received(unknown)


def test_a_python_name_in_a_payload_is_an_unknown_field() -> None:
    """Only Caliper's spelling sets a field, so an event may have both."""
    body = {
        "eventTime": "2024-03-01T12:00:00Z",
        "event_time": "noon",
        "@context": "a",
        "context": 1,
    }

    event = caliper.LoggedOut.model_validate(body)

    assert event.event_time is not None
    assert event.context == "a"
    assert {"event_time", "context"} == event.unknown_fields()
    assert body == received(event)


@for_each("data", [{"type": "Event", "action": "Created"}, [], None, [{}, {}]])
def test_an_envelope_may_contain_any_number_of_events(data: Any) -> None:
    """One without a list around it, none, two."""
    payload = {"sensor": "http://canvas.example.edu/", "data": data}

    envelope = caliper.Envelope.model_validate(payload)

    count = len(data) if isinstance(data, list) else int(data is not None)
    assert count == len(envelope.data or ())
    assert payload == received(envelope)


def test_an_event_that_does_not_fit_is_a_caliper_event_in_its_envelope() -> None:
    """The envelope is accepted."""
    wrong = {"type": "Event", "action": "Created", "object": {"type": "Group", "name": {"en": "A"}}}
    wrong["object"]["id"] = "urn:instructure:canvas:group:1"  # type: ignore[index]

    envelope = caliper.Envelope.model_validate({"data": [wrong]})

    assert envelope.data is not None
    assert [caliper.CaliperEvent] == [type(event) for event in envelope.data]


def test_a_misfit_is_reported_by_field_and_not_by_value() -> None:
    """The error contains the keys that lead to the field, but not its value."""
    body = {"object": {"assignee": {"id": ["secret-value"]}}}
    event = make_event("grade_change", format="caliper", body=body)

    with pytest.raises(DataError) as caught:
        _ = event.data

    assert all(problem.startswith("object.assignee.id") for problem in caught.value.problems)
    assert "secret-value" not in str(caught.value)
    assert body == event.body


TEXTS = st.text(max_size=20) | st.sampled_from([USER, COURSE, "", "0"])
IDS = TEXTS | st.integers(min_value=0, max_value=10**20)
#: Values that Canvas may send in a field of this kind.
WRITTEN: dict[str, st.SearchStrategy[Any]] = {
    "timestamp": TEXTS | st.sampled_from(["2024-03-01T12:00:00Z", "2019-11-05 07:38:00 -0800"]),
    "text": TEXTS,
    "number": st.integers(0, 9)
    | st.sampled_from(["", "7", {"numberStr": "7"}, {"numberStr": "7.0"}]),
    "boolean": st.booleans(),
}
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


def values_of(facts: FieldFacts, *, fitting: bool) -> st.SearchStrategy[Any]:
    if facts.record is not None:
        one: st.SearchStrategy[Any] = objects_of(facts.record, fitting=fitting)
        one = st.none() | one if fitting else one | ANY_JSON
    else:
        one = st.none() | WRITTEN.get(facts.kind, IDS) if fitting else ANY_JSON
    return st.lists(one.filter(lambda item: item is not None), max_size=2) if facts.many else one


def objects_of(record: type[Record], *, fitting: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with the keys of a model: a value that Canvas may send, or any other."""
    keys = {facts.key: values_of(facts, fitting=fitting) for facts in fields_of(record)}
    return st.fixed_dictionaries({}, optional={**keys, "not_known": ANY_JSON})


def events(*, fitting: bool) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    some = ["asset_accessed", "enrollment_created", "grade_change", "syllabus_updated", "other"]
    return st.sampled_from(some).flatmap(
        lambda name: st.tuples(st.just(name), objects_of(model(name), fitting=fitting))
    )


RUNS = settings(max_examples=100)


@RUNS
@given(named=events(fitting=True))
def test_what_canvas_may_send_fits_and_is_unchanged(named: tuple[str, dict[str, Any]]) -> None:
    """Any field absent or null, ids as texts or numbers, unreadable times, unknown fields."""
    name, body = named
    event = make_event(name, format="caliper", body=body)

    assert body == received(event.data)
    assert [body] == received(caliper.Envelope.model_validate({"data": [body]}))["data"]


@RUNS
@given(named=events(fitting=False))
def test_any_input_is_a_model_or_a_data_error(named: tuple[str, dict[str, Any]]) -> None:
    """With a problem for each field that does not fit; nothing else is raised."""
    name, body = named
    event = make_event(name, format="caliper", body=body)

    with suppress(DataError):
        assert body == received(event.data)

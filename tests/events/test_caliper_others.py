"""Caliper events of other systems, which use more of the standard than Canvas does."""

import json
from typing import Any

import pytest

from consumer.errors import DecodeError
from consumer.events.catalog import caliper
from consumer.events.decode import decode
from consumer.events.drift import Drift
from consumer.testing import make_message
from tests.cases import for_each

KEY = "com.instructure.canvas"
SITE = "https://example.edu/terms/201601/courses/7/sections/1"
COURSE = "urn:instructure:canvas:course:21070000000000565"

#: Like the examples of the standard.
NAVIGATION: dict[str, Any] = {
    "@context": "http://purl.imsglobal.org/ctx/caliper/v1p1",
    "id": "urn:uuid:ff9ec22a-fc59-4ae1-ae8d-2c9463ee2f8f",
    "type": "NavigationEvent",
    "actor": {"id": "https://example.edu/users/554433", "type": "Person"},
    "action": "NavigatedTo",
    "object": {"id": f"{SITE}/pages/2", "type": "WebPage", "name": "Specifications"},
    "eventTime": "2016-11-15T10:15:00.000Z",
    "referrer": {"id": f"{SITE}/pages/1", "type": "WebPage", "name": "Overview"},
    "edApp": "https://example.edu",
    "group": {"id": SITE, "type": "CourseSection", "courseNumber": "CPS 435-01"},
    "membership": {
        "id": f"{SITE}/rosters/1",
        "type": "Membership",
        "member": "https://example.edu/users/554433",
        "organization": SITE,
        "roles": ["Learner"],
        "status": "Active",
    },
    "session": {"id": "https://example.edu/sessions/1f64", "type": "Session"},
}
LOGIN: dict[str, Any] = NAVIGATION | {
    "id": "urn:uuid:fcd495d0-3740-4298-9bec-1154571dc211",
    "type": "SessionEvent",
    "action": "LoggedIn",
    "object": {"id": "https://example.edu", "type": "SoftwareApplication", "version": "v2"},
    "extensions": {"org.example": {"entity": KEY}},
}
ENTITY: dict[str, Any] = {
    "@context": "http://purl.imsglobal.org/ctx/caliper/v1p1",
    "id": "https://example.edu/users/554433",
    "type": "Person",
    "dateCreated": "2016-08-01T06:00:00.000Z",
}


def envelope(*data: Any) -> str:
    return json.dumps(
        {
            "sensor": "https://example.edu/sensors/1",
            "sendTime": "2016-11-15T11:05:01.000Z",
            "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1",
            "data": data,
        }
    )


def names(*data: Any) -> list[str]:
    return [event.name for event in decode(make_message(envelope(*data)))]


@for_each(
    "event, name",
    (
        (NAVIGATION, "NavigationEvent.NavigatedTo.WebPage"),
        (LOGIN, "SessionEvent.LoggedIn.SoftwareApplication"),
        (LOGIN | {"action": "LoggedOut"}, "SessionEvent.LoggedOut.SoftwareApplication"),
        (LOGIN | {"type": "Event"}, "Event.LoggedIn.SoftwareApplication"),
        (LOGIN | {"edApp": "https://instructure.com.example.edu"},
         "SessionEvent.LoggedIn.SoftwareApplication"),
        (LOGIN | {"edApp": {"id": "https://notinstructure.com/"}},
         "SessionEvent.LoggedIn.SoftwareApplication"),
        (LOGIN | {"actor": {"id": "urn:instructure:quizzes:user:1"}},
         "SessionEvent.LoggedIn.SoftwareApplication"),
        (NAVIGATION | {"object": "https://example.edu/"}, "NavigationEvent.NavigatedTo.Entity"),
        (NAVIGATION | {"extensions": [KEY], "edApp": [7], "actor": None},
         "NavigationEvent.NavigatedTo.WebPage"),
    ),
)  # fmt: skip
def test_an_event_of_another_system_has_no_name_of_canvas(event: dict[str, Any], name: str) -> None:
    """Handlers of `logged_in` or `asset_accessed` are not called for it."""
    assert names(event) == [name]


@for_each(
    "shown",
    (
        {"extensions": {KEY: {"hostname": "canvas.example.edu"}}},
        {"actor": {"id": "https://x", "type": "Person", "extensions": {KEY: {}}}},
        {"group": {"id": COURSE, "type": "CourseOffering"}},
        {"group": COURSE},
        {"actor": "urn:instructure:canvas:user:21070000000000001"},
        {"session": {"id": "urn:instructure:canvas:session:abc", "type": "Session"}},
        {"object": {"id": COURSE, "type": "CourseOffering"}},
        {"membership": {"id": f"{COURSE}:Learner:1", "type": "Membership"}},
        {"edApp": {"id": "http://school.instructure.com/", "type": "SoftwareApplication"}},
        {"edApp": "https://SCHOOL.beta.instructure.com:443/"},
        {"edApp": {"id": "www.canvaslms.com"}},
    ),
)
def test_canvas_is_recognized(shown: dict[str, Any]) -> None:
    """By its extension, a URN, or the URL of the application."""
    assert names(NAVIGATION | shown) == ["asset_accessed"]


def test_the_name_of_the_message_is_used() -> None:
    """The sender of the message knows it."""
    message = make_message(envelope(LOGIN), message_attributes={"event_name": "logged_in"})

    assert [event.name for event in decode(message)] == ["logged_in"]


def test_entities_in_an_envelope_are_skipped() -> None:
    """They describe things, but report no event."""
    message = make_message(envelope(ENTITY, NAVIGATION, ENTITY, LOGIN))

    first, second = decode(message)

    assert (first.body, second.body) == (NAVIGATION, LOGIN)
    assert [(event.index, event.count, event.skipped) for event in (first, second)] == [
        (0, 2, 2),
        (1, 2, 2),
    ]


def test_one_event_among_entities_has_the_name_of_the_message() -> None:
    """The message names its event, not an entity."""
    message = make_message(
        envelope(NAVIGATION, ENTITY), message_attributes={"event_name": "asset_accessed"}
    )

    (event,) = decode(message)

    assert (event.name, event.count, event.skipped) == ("asset_accessed", 1, 1)


def test_an_envelope_of_entities_alone_is_undecodable() -> None:
    """It is left to the redrive policy, with its own reason."""
    with pytest.raises(DecodeError) as caught:
        decode(make_message(envelope(ENTITY, ENTITY)))

    assert caught.value.reason == '"data" contains only entities, and no event'


@for_each("broken", ({}, {"type": "SessionEvent"}, {"type": 7}, {"id": "x"}, {"action": ""}))
def test_a_malformed_event_is_not_skipped(broken: dict[str, Any]) -> None:
    """An entry without a type, or with the type of an event, is not taken for an entity."""
    with pytest.raises(DecodeError, match='an event in "data" has no "type" or no "action"'):
        decode(make_message(envelope(NAVIGATION, broken)))


def test_skipped_entities_are_counted_once_for_each_envelope() -> None:
    """Not once for each of its events."""
    drift = Drift()

    for event in decode(make_message(envelope(NAVIGATION, ENTITY, LOGIN, ENTITY))):
        drift.see(event)

    assert drift.skipped_entities == 2


@for_each(
    "field, value",
    (
        ("referrer", f"{SITE}/pages/1"),
        ("referrer", {"id": f"{SITE}/pages/1", "type": "WebPage", "name": "Overview"}),
        ("referrer", None),
        ("context", "http://purl.imsglobal.org/ctx/caliper/v1p1"),
        ("context", ["http://purl.imsglobal.org/ctx/caliper/v1p1", {"ex": "http://x.org/"}]),
        ("context", {"ex": "http://x.org/"}),
    ),
)
def test_what_the_standard_allows_fits_the_models(field: str, value: object) -> None:
    """For any event, for those with a model, and in their envelope; nothing is lost."""
    key = "@context" if field == "context" else field
    navigation = NAVIGATION | {key: value}
    ours = navigation | {"extensions": {KEY: {"version": "1.0.0"}}}

    for body in (navigation, ours):
        (event,) = decode(make_message(envelope(body)))
        assert event.data.model_dump(mode="json", by_alias=True, exclude_unset=True) == body
        found = getattr(event.data, field)
        assert (found.id if isinstance(found, caliper.Referrer) else found) == (
            value["id"] if isinstance(value, dict) and field == "referrer" else value
        )
        whole = caliper.Envelope.model_validate({"data": [body]})
        assert whole.data is not None
        assert type(whole.data[0]) is type(event.data)

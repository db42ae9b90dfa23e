"""The Canvas format."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from consumer.errors import DecodeError
from consumer.events.decode import decode
from consumer.messages import Event
from consumer.testing import make_message
from tests.cases import for_each

SENT = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
IN_ATTRIBUTE = datetime(2024, 3, 1, 11, 59, tzinfo=UTC)


def event_of(payload: Any, *, sent_at: datetime | None = SENT, **attributes: str) -> Event:
    message = make_message(
        json.dumps(payload), message_id="m-1", sent_at=sent_at, message_attributes=attributes
    )
    (event,) = decode(message)
    return event


def test_an_event_has_name_time_metadata_and_body_as_received() -> None:
    """Ids remain texts or integers, and nulls remain."""
    metadata = {
        "event_name": "account_created",
        "event_time": "2019-11-05 07:38:00 -0800",
        "user_id": "21070000000000001",
        "referrer": None,
    }
    body = {"account_id": 21070000000000079, "name": None, "points": 12345678901234567890.0}

    event = event_of({"metadata": metadata, "body": body})

    assert event.name == "account_created"
    assert event.format == "canvas"
    assert datetime(2019, 11, 5, 15, 38, tzinfo=UTC) == event.time
    assert event.time_text == "2019-11-05 07:38:00 -0800"
    assert metadata == event.metadata
    assert body == event.body
    assert event.message_id == "m-1"
    assert (event.index, event.count) == (0, 1)


def test_self_hosted_canvas_sends_attributes_instead_of_metadata() -> None:
    """The event is the same; null metadata is treated as absent."""
    attributes = {"event_name": "logged_out", "event_time": "2019-11-01T19:11:25Z"}

    assert attributes == event_of({"attributes": attributes, "body": {}}).metadata
    assert attributes == event_of({"metadata": None, "attributes": attributes, "body": {}}).metadata


@for_each("name", ["quizzes.item_created", "quizzes-lti.grade_changed", "no such"])
def test_a_name_is_enough_metadata(name: str) -> None:
    """New Quizzes and the console send little more; unknown names are ordinary."""
    event = event_of({"metadata": {"event_name": name}, "body": {"a": 1}})

    assert name == event.name


@for_each(
    "metadata",
    [
        None,
        {},
        {"event_name": None},
        {"event_name": ""},
        {"event_name": 7},
        {"event_name": ["logged_in"]},
    ],
)
def test_the_name_may_come_from_the_message(metadata: Any) -> None:
    """If the metadata has no text as a name, the message attribute is used."""
    payload = {"metadata": metadata, "body": {}}

    assert event_of(payload, event_name="logged_in").name == "logged_in"
    with pytest.raises(DecodeError, match=r'^no event name: neither "metadata" nor the message'):
        event_of(payload)
    with pytest.raises(DecodeError, match="no event name"):
        event_of(payload, event_name="")


def test_the_name_in_the_metadata_comes_first() -> None:
    """The message attribute is only used without one."""
    payload = {"metadata": {"event_name": "logged_in"}, "body": {}}

    assert event_of(payload, event_name="logged_out").name == "logged_in"


@for_each("body", [None, {}])
def test_an_empty_body_is_an_event(body: Any) -> None:
    """logged_out has no fields."""
    event = event_of({"metadata": {"event_name": "logged_out"}, "body": body})

    assert event.body == {}


@for_each("wrong", [[], [1], "text", 0, 1.5, True, False])
@for_each("key", ["metadata", "body"])
def test_metadata_and_body_are_objects(key: str, wrong: Any) -> None:
    """For other values the reason names the key and not the value."""
    payload = {"metadata": {"event_name": "logged_out"}, "body": {}, key: wrong}

    with pytest.raises(DecodeError) as caught:
        event_of(payload, event_name="logged_out")

    assert f'"{key}" is not an object' == caught.value.reason


@for_each(
    "written, kept",
    [
        ("2019-11-01T19:11:25", "2019-11-01T19:11:25"),
        ("soon", "soon"),
        ("", ""),
        (None, ""),
        (1_572_635_485, "1572635485"),
        ({"at": 1}, ""),
        ("9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59-12:00"),
    ],
)
def test_an_unreadable_time_falls_back_and_stays_readable(written: Any, kept: str) -> None:
    """To the message attribute, otherwise to the SentTimestamp of SQS, otherwise to None."""
    payload = {"metadata": {"event_name": "a", "event_time": written}, "body": {}}
    attribute = "2024-03-01T11:59:00.000Z"

    by_attribute = event_of(payload, event_time=attribute)

    assert IN_ATTRIBUTE == by_attribute.time
    assert kept == by_attribute.time_text
    assert SENT == event_of(payload).time
    assert SENT == event_of(payload, event_time="soon").time
    assert event_of(payload, sent_at=None).time is None


def test_the_time_of_the_event_comes_first() -> None:
    """If it is readable, neither attribute nor SentTimestamp is used."""
    payload = {"metadata": {"event_name": "a", "event_time": "2019-11-01T19:11:25Z"}, "body": {}}

    event = event_of(payload, event_time="2024-03-01T11:59:00.000Z")

    assert datetime(2019, 11, 1, 19, 11, 25, tzinfo=UTC) == event.time

"""The Caliper format: envelopes and their events."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from consumer.errors import DecodeError
from consumer.events.decode import decode
from consumer.testing import make_message
from tests.cases import for_each

LOGIN = {
    "id": "urn:uuid:1",
    "type": "SessionEvent",
    "action": "LoggedIn",
    "object": {"id": "http://canvas.example.edu/", "type": "SoftwareApplication"},
    "eventTime": "2019-11-01T19:11:25.788Z",
    "extensions": {"com.instructure.canvas": {"version": "1.0.0"}},
}


def envelope(data: Any) -> str:
    return json.dumps({
        "sensor": "http://canvas.example.edu/", "sendTime": "2019-11-21T23:47:22.555Z",
        "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1", "data": data,
    })  # fmt: skip


@for_each("key", ["type", "action"])
@for_each("wrong", [None, "", 7, ["Event"], {}])
def test_without_type_or_action_there_is_no_name(key: str, wrong: Any) -> None:
    """Such an entry is an event only if a message attribute contains its name."""
    text = envelope([LOGIN | {key: wrong}])

    with pytest.raises(DecodeError, match='an event in "data" has no "type" or no "action"'):
        decode(make_message(text))
    (event,) = decode(make_message(text, message_attributes={"event_name": "logged_in"}))
    assert event.name == "logged_in"


def test_the_name_in_the_message_attribute_comes_first() -> None:
    """Canvas sets it, even for names that no table lists."""
    message = make_message(
        envelope([LOGIN]), message_attributes={"event_name": "quiz_caliper.quiz_started"}
    )

    (event,) = decode(message)

    assert event.name == "quiz_caliper.quiz_started"


def test_an_envelope_may_contain_several_events() -> None:
    """Each becomes an event with its index and its own name."""
    logout = LOGIN | {"id": "urn:uuid:2", "action": "LoggedOut"}
    message = make_message(
        envelope([LOGIN, logout]), message_id="m", message_attributes={"event_name": "logged_in"}
    )

    events = decode(message)

    assert ["logged_in", "logged_out"] == [event.name for event in events]
    assert [(0, 2), (1, 2)] == [(event.index, event.count) for event in events]
    assert ["urn:uuid:1", "urn:uuid:2"] == [event.key for event in events]
    assert {"m"} == {event.message_id for event in events}
    assert {message.body} == {event.raw for event in events}


def test_one_event_need_not_be_in_a_list() -> None:
    """An object alone is the same as a list with that object."""
    (event,) = decode(make_message(envelope(LOGIN)))

    assert LOGIN == event.body
    assert (event.index, event.count) == (0, 1)


def test_body_is_the_event_and_metadata_the_envelope() -> None:
    """Both are complete."""
    (event,) = decode(make_message(envelope([LOGIN])))

    assert LOGIN == event.body
    assert {"sensor", "sendTime", "dataVersion"} == set(event.metadata)
    assert event.format == "caliper"
    assert datetime(2019, 11, 1, 19, 11, 25, 788_000, UTC) == event.time
    assert event.time_text == LOGIN["eventTime"]


@for_each(
    "data, reason",
    [
        ([], '"data" contains no event'),
        (None, '"data" is neither an event nor a list of events'),
        ("text", '"data" is neither an event nor a list of events'),
        (7, '"data" is neither an event nor a list of events'),
        ([LOGIN, None], '"data" is neither an event nor a list of events'),
        ([[LOGIN]], '"data" is neither an event nor a list of events'),
        ({}, 'an event in "data" has no "type" or no "action"'),
    ],
)
def test_an_envelope_without_events_is_undecodable(data: Any, reason: str) -> None:
    """It is left to the redrive policy instead of being deleted as handled."""
    with pytest.raises(DecodeError) as caught:
        decode(make_message(envelope(data)))

    assert reason == caught.value.reason


@for_each("wrong", [None, "", "  ", 7, {"a": 1}, []])
def test_without_an_id_the_key_is_a_hash(wrong: Any) -> None:
    """The hash of the event alone: the time when the envelope was sent does not matter."""
    text = envelope([LOGIN | {"id": wrong}])
    later = text.replace("2019-11-21", "2019-11-22")

    (first,) = decode(make_message(text))
    (second,) = decode(make_message(later))

    assert len(first.key) == 64
    assert first.key == second.key


def test_an_unreadable_time_falls_back_to_the_message() -> None:
    """As in the Canvas format; the envelope's sendTime is not the time of the event."""
    sent = datetime(2024, 3, 1, tzinfo=UTC)
    text = envelope([LOGIN | {"eventTime": "2019-11-01T19:11:25"}])

    (by_queue,) = decode(make_message(text, sent_at=sent))
    (by_attribute,) = decode(
        make_message(text, message_attributes={"event_time": "2024-02-29T00:00:00Z"})
    )

    assert sent == by_queue.time
    assert datetime(2024, 2, 29, tzinfo=UTC) == by_attribute.time
    assert by_queue.time_text == "2019-11-01T19:11:25"


@for_each("sign", ["sensor", "sendTime", "dataVersion"])
def test_one_other_key_beside_data_makes_an_envelope(sign: str) -> None:
    """An envelope with `data` and one of its other keys is decoded."""
    (event,) = decode(make_message(json.dumps({sign: None, "data": [LOGIN]})))

    assert event.name == "logged_in"

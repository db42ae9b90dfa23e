"""Decoding a message: how its format is recognized, and which messages are refused."""

import hashlib
import json
from typing import Any, Literal

import pytest

from consumer.errors import DecodeError
from consumer.events.decode import decode
from consumer.testing import make_message
from tests.cases import for_each

CANVAS = {"metadata": {"event_name": "logged_in"}, "body": {}}
CALIPER = {
    "sensor": "http://canvas.example.edu/",
    "sendTime": "2019-11-01T19:11:25.788Z",
    "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1",
    "data": [
        {
            "id": "urn:uuid:1",
            "type": "SessionEvent",
            "action": "LoggedIn",
            "actor": "urn:instructure:canvas:user:1",
        }
    ],
}
Setting = Literal["auto", "canvas", "caliper"]


def reason_for(payload: Any, setting: Setting = "auto", **attributes: str) -> str:
    text = "" if payload == "" else json.dumps(payload)
    with pytest.raises(DecodeError) as caught:
        decode(make_message(text, message_attributes=attributes), setting)
    return caught.value.reason


@for_each("payload, expected", [(CANVAS, "canvas"), (CALIPER, "caliper")])
def test_the_format_follows_from_the_keys(payload: Any, expected: Setting) -> None:
    """With "auto" both formats are accepted, otherwise only the configured one."""
    for setting in ("auto", expected):
        (event,) = decode(make_message(json.dumps(payload)), setting)

        assert expected == event.format
        assert event.name == "logged_in"


def test_a_configured_format_accepts_no_other() -> None:
    """The reason names the received and the configured format."""
    assert reason_for(CALIPER, "canvas") == "a Caliper message, but the configured format is canvas"
    assert reason_for(CANVAS, "caliper") == "a Canvas message, but the configured format is caliper"


def test_a_configured_caliper_envelope_needs_only_data() -> None:
    """With "auto" it needs another key of an envelope."""
    (event,) = decode(make_message(json.dumps({"data": CALIPER["data"]})), "caliper")

    assert event.name == "logged_in"
    assert "neither a Canvas event" in reason_for({"data": CALIPER["data"]})


def test_a_message_with_the_keys_of_both_is_canvas() -> None:
    """Unless Caliper is configured."""
    both = json.dumps(CANVAS | CALIPER)

    assert decode(make_message(both))[0].format == "canvas"
    assert decode(make_message(both), "caliper")[0].format == "caliper"


@for_each("payload", [None, True, 1, 1.5, "text", [], [CANVAS]])
def test_only_an_object_is_a_message(payload: Any) -> None:
    """Other JSON is valid, but not an event."""
    expected = "a JSON array" if isinstance(payload, list) else "not a JSON object"
    assert reason_for(payload).startswith(expected)


@for_each("setting", ["auto", "canvas", "caliper"])
@for_each(
    "payload", [{}, {"body": {}}, {"metadata": {}}, {"sensor": "x"}, {"event_name": "logged_in"}]
)
def test_an_object_of_neither_format_is_refused(payload: Any, setting: Setting) -> None:
    """The reason says which keys are expected."""
    assert reason_for(payload, setting, event_name="logged_in").startswith(
        'neither a Canvas event (an object with "metadata" and "body") nor a Caliper envelope'
    )


def test_the_message_attribute_alone_does_not_make_an_event() -> None:
    """Without a body there is no event."""
    assert reason_for("", event_name="logged_in").startswith("not JSON")


@for_each("payload", [CANVAS, CALIPER])
def test_nothing_of_the_payload_is_lost(payload: Any) -> None:
    """The raw text is unchanged, with its white space, and unknown fields are readable."""
    payload = json.loads(json.dumps(payload))
    target = payload["body"] if "body" in payload else payload["data"][0]
    target["brand_new"] = {"nested": [1, None, 2**70, 1e400, "\ud800", "\x00"]}
    text = "\ufeff\n" + json.dumps(payload, indent=1) + "\n"

    (event,) = decode(make_message(text))

    assert text == event.raw
    assert target["brand_new"] == event.body["brand_new"]


def test_the_key_of_a_canvas_event_is_the_hash_of_its_content() -> None:
    """Independent of white space, order of keys and escapes; any tool can compute it."""
    plain = '{"metadata":{"event_name":"a","x":"\u00e9"},"body":{"n":1}}'
    other = ' {"body": {"n":1},\n"metadata": {"x":"\\u00e9","event_name":"a"}}'
    changed = plain.replace("1", "2")

    keys = [decode(make_message(t, message_id=t[:5]))[0].key for t in (plain, other, changed)]

    canonical = '{"body":{"n":1},"metadata":{"event_name":"a","x":"\\u00e9"}}'
    assert hashlib.sha256(canonical.encode()).hexdigest() == keys[0] == keys[1]
    assert keys[0] != keys[2]


def test_of_a_duplicate_key_the_last_one_counts() -> None:
    """As in other JSON parsers."""
    (event,) = decode(make_message('{"metadata":{"event_name":"a","event_name":"b"},"body":{}}'))

    assert event.name == "b"

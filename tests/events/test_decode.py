"""From a message to its events: which format it is, and what is none."""

from __future__ import annotations

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
def test_the_format_is_told_by_the_keys(payload: Any, expected: Setting) -> None:
    """Auto takes both, and a forced format takes its own."""
    for setting in ("auto", expected):
        (event,) = decode(make_message(json.dumps(payload)), setting)

        assert expected == event.format
        assert event.name == "logged_in"


def test_a_forced_format_takes_no_other() -> None:
    """The reason names what came and what is configured."""
    assert reason_for(CALIPER, "canvas") == "a Caliper message, but the configured format is canvas"
    assert reason_for(CANVAS, "caliper") == "a Canvas message, but the configured format is caliper"


def test_a_forced_format_needs_no_other_sign_of_it() -> None:
    """Forced to Caliper, `data` alone is an envelope; told by its keys, it is not."""
    (event,) = decode(make_message(json.dumps({"data": CALIPER["data"]})), "caliper")

    assert event.name == "logged_in"
    assert "neither a Canvas event" in reason_for({"data": CALIPER["data"]})


def test_what_has_the_keys_of_both_is_canvas_unless_forced() -> None:
    """Two readings, one rule."""
    both = json.dumps(CANVAS | CALIPER)

    assert decode(make_message(both))[0].format == "canvas"
    assert decode(make_message(both), "caliper")[0].format == "caliper"


@for_each("payload", [None, True, 1, 1.5, "text", [], [CANVAS]])
def test_only_an_object_is_a_message(payload: Any) -> None:
    """Other JSON is well formed, and no event."""
    expected = "a JSON array" if isinstance(payload, list) else "not a JSON object"
    assert reason_for(payload).startswith(expected)


@for_each("setting", ["auto", "canvas", "caliper"])
@for_each(
    "payload", [{}, {"body": {}}, {"metadata": {}}, {"sensor": "x"}, {"event_name": "logged_in"}]
)
def test_an_object_of_neither_kind_is_no_event(payload: Any, setting: Setting) -> None:
    """The reason says which keys would have made it one."""
    assert reason_for(payload, setting, event_name="logged_in").startswith(
        'neither a Canvas event (an object with "metadata" and "body") nor a Caliper envelope'
    )


def test_the_message_attribute_alone_does_not_make_an_event() -> None:
    """No body, no event, whatever Canvas wrote on the message."""
    assert reason_for("", event_name="logged_in").startswith("not JSON")


@for_each("payload", [CANVAS, CALIPER])
def test_nothing_of_the_payload_is_lost(payload: Any) -> None:
    """The raw text is that received, wrapping included, and unknown fields are there to read."""
    payload = json.loads(json.dumps(payload))
    target = payload["body"] if "body" in payload else payload["data"][0]
    target["brand_new"] = {"nested": [1, None, 2**70, 1e400, "\ud800", "\x00"]}
    text = "\ufeff\n" + json.dumps(payload, indent=1) + "\n"

    (event,) = decode(make_message(text))

    assert text == event.raw
    assert target["brand_new"] == event.body["brand_new"]


def test_the_key_of_a_canvas_event_is_the_hash_of_what_it_says() -> None:
    """Spacing, order of keys and escapes do not matter; any value does. As any tool computes it."""
    plain = '{"metadata":{"event_name":"a","x":"\u00e9"},"body":{"n":1}}'
    other = ' {"body": {"n":1},\n"metadata": {"x":"\\u00e9","event_name":"a"}}'
    changed = plain.replace("1", "2")

    keys = [decode(make_message(t, message_id=t[:5]))[0].key for t in (plain, other, changed)]

    canonical = '{"body":{"n":1},"metadata":{"event_name":"a","x":"\\u00e9"}}'
    assert hashlib.sha256(canonical.encode()).hexdigest() == keys[0] == keys[1]
    assert keys[0] != keys[2]


def test_a_duplicate_key_counts_as_json_readers_count_it() -> None:
    """The last one wins."""
    (event,) = decode(make_message('{"metadata":{"event_name":"a","event_name":"b"},"body":{}}'))

    assert event.name == "b"

"""The archive's lines: the event, its payload as received, and no secrets."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.events.decode import decode
from consumer.handlers.records import encoded, line_of
from consumer.messages import Context
from consumer.testing import make_event, make_message

if TYPE_CHECKING:
    from consumer.messages import Event
    from tests.handlers.conftest import Shelf


CONTEXT = Context(handler="archive", message_ids=("m-1",))
RECEIVED = "2026-11-23T10:00:00Z"


def parsed(event: Event, *, scrub_secrets: bool = True) -> dict[str, Any]:
    line = line_of(event, RECEIVED, scrub_secrets=scrub_secrets)
    assert line.count("\n") == 1
    assert line.endswith("\n")
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_holds_the_event_and_its_payload() -> None:
    """Everything by which it is found again, and the payload as it was received."""
    event = make_event(message_id="m-1")

    line = line_of(event, RECEIVED, scrub_secrets=True)

    assert json.loads(line) == {
        "received_at": RECEIVED,
        "message_id": "m-1",
        "event_key": event.key,
        "event_name": "submission_created",
        "event_time": "2024-03-01T12:00:00Z",
        "format": "canvas",
        "payload": json.loads(event.raw),
    }
    assert f'"payload":{event.raw}}}\n' in line  # to the letter, not encoded again


def test_an_event_without_a_time_has_null() -> None:
    """None is null, and not a text."""
    assert parsed(make_event(time=None))["event_time"] is None


@pytest.mark.parametrize("text", ['"', "\\", "a\nb", "\r", "\x00", "\ud800", "\u2028", "ü", "}\n{"])
def test_ids_and_names_can_hold_anything(text: str) -> None:
    """They come from outside; none ends the line or breaks the object."""
    event = replace(make_event(), message_id=text, name=text, _key=text)

    line = parsed(event)

    assert (line["message_id"], line["event_name"], line["event_key"]) == (text, text, text)


@pytest.mark.parametrize("scrub_secrets", [True, False])
@pytest.mark.parametrize(
    ("inside", "value"),
    [
        ('"a\u2028b\u2029c\x85d"', "a\u2028b\u2029c\x85d"),
        ('"a\nb\tc\x00d"', "a\nb\tc\x00d"),
        ('"\ud800"', "\ud800"),
        ('"\\ud800 \\u0000"', "\ud800 \x00"),
        ("\n [1,\r\n 2]\t", [1, 2]),
        ("NaN", "NaN"),
        ('"ü 漢 😀"', "ü 漢 😀"),
        ("12345678901234567890123", 12345678901234567890123),
        ("1.10", 1.1),
    ],
)
def test_whatever_the_decoder_takes_is_one_line_of_json(
    inside: str, value: object, scrub_secrets: bool, shelf: Shelf
) -> None:
    """Line breaks, lone surrogates and what is not strict JSON do not break the file."""
    body = '{"metadata":{"event_name":"a","event_time":"2026-11-23T10:00:00Z"},"body":{"x":%s}}'
    (event,) = decode(make_message(body % inside))

    shelf.another(scrub_secrets=scrub_secrets).write([event, make_event()], CONTEXT)

    first, second = shelf.lines()
    assert first["payload"]["body"]["x"] == value
    assert second["event_name"] == "submission_created"


@pytest.mark.parametrize("digits", [5_000])
def test_a_number_that_python_cannot_write_is_kept(digits: int) -> None:
    """A payload that can be decoded but not encoded is embedded as its text."""
    body = '{"metadata":{"event_name":"a"},"body":{"x":"\n","n":%s}}' % ("9" * digits)
    (event,) = decode(make_message(body))

    for scrub_secrets in (True, False):
        line = line_of(event, RECEIVED, scrub_secrets=scrub_secrets)
        assert line.count("\n") == 1
        assert "9" * digits in line
        json.loads(line)


TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(
    value=VALUES,
    name=TEXTS.filter(bool),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 1]),
)
def test_any_event_is_one_line_of_json_in_utf_8(
    value: object, name: str, ascii_only: bool, indent: int | None
) -> None:
    """With any content, in any notation."""
    payload = {"metadata": {"event_name": name}, "body": {"x": value}}
    (event,) = decode(make_message(json.dumps(payload, ensure_ascii=ascii_only, indent=indent)))

    for scrub_secrets in (True, False):
        data = encoded([line_of(event, RECEIVED, scrub_secrets=scrub_secrets)])
        (line,) = data.decode("utf-8").splitlines()
        assert json.loads(line, parse_constant=pytest.fail)["event_name"] == event.name


def _url_event() -> Event:
    return make_event(url="https://canvas.example.edu/courses/1?access_token=2107~secret&page=2")


def test_secrets_are_scrubbed() -> None:
    """A token in a URL is not written; the rest of the URL is."""
    line = line_of(_url_event(), RECEIVED, scrub_secrets=True)

    assert "2107~secret" not in line
    assert "access_token=[scrubbed]&page=2" in line


def test_scrubbing_can_be_left_out() -> None:
    """With scrub_secrets off the payload is exactly what was received."""
    event = _url_event()

    assert parsed(event, scrub_secrets=False)["payload"] == json.loads(event.raw)


def _envelope() -> str:
    event = {"type": "Event", "action": "Created", "object": {"id": "urn:x:1", "type": "Entity"}}
    data = [
        {**event, "id": f"urn:uuid:0000-{i}", "eventTime": "2026-11-23T10:00:00.000Z"}
        for i in range(2)
    ]
    return json.dumps({
        "sensor": "http://canvas.example.edu/", "sendTime": "2026-11-23T10:00:01.000Z",
        "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1", "data": data,
    })  # fmt: skip


def test_each_event_of_an_envelope_has_a_line_with_itself_alone(shelf: Shelf) -> None:
    """No event is archived twice because it shared an envelope."""
    body = _envelope()
    events = decode(make_message(body))
    whole = json.loads(body)

    shelf.write_events(*events)

    assert [line["payload"] for line in shelf.lines()] == [
        {**whole, "data": [whole["data"][0]]},
        {**whole, "data": [whole["data"][1]]},
    ]
    assert [line["event_key"] for line in shelf.lines()] == ["urn:uuid:0000-0", "urn:uuid:0000-1"]


def test_an_envelope_that_cannot_be_encoded_is_kept_whole() -> None:
    """Better all of it in each line than a part lost."""
    first, _ = decode(make_message(_envelope().replace('"urn:x:1"', "1e999")))

    line = line_of(first, RECEIVED, scrub_secrets=False)

    assert line.count("1e999") == 2

"""From a payload to the message that Canvas would have sent."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from consumer.events.samples import sample_message
from consumer.webhook.payload import message_of
from tests.cases import for_each

_SQS_TAKES = re.compile("[\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


@for_each("event_format", ["canvas", "caliper"])
def test_the_attributes_are_those_that_canvas_sets(event_format: str) -> None:
    """For events in both formats, the name and the time of the sample."""
    for name in ("submission_created", "grade_change", "quiz_submitted"):
        sample = sample_message(name, event_format)  # type: ignore[arg-type]
        message = message_of(sample.body.encode())

        assert sample.body == message.body
        assert sample.attributes == message.attributes


@given(st.text())
def test_any_text_is_what_sqs_takes(text: str) -> None:
    """Only characters that SQS refuses are changed, and JSON then means the same."""
    body = message_of(text.encode("utf-8", "surrogatepass")).body
    assert _SQS_TAKES.fullmatch(body)
    if _SQS_TAKES.fullmatch(text):
        assert text == body


@given(st.recursive(st.text() | st.integers() | st.none(), lambda v: st.dictionaries(st.text(), v)))
def test_json_means_the_same(value: object) -> None:
    """Also with the characters that are escaped."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        payload = text.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return
    assert json.loads(message_of(payload).body) == value


@for_each(
    "payload, body",
    [
        (b"\xff\xfe{}", "\\xff\\xfe{}"),
        (b"[1]", "[1]"),
        (b'{"metadata": {"event_name": 7, "event_time": "a b"}}', None),
        (b'{"metadata": 7}', None),
        (b'{"data": [{}, {}], "sendTime": "x\\ny"}', None),
    ],
)
def test_what_is_no_event(payload: bytes, body: str | None) -> None:
    """Is a message all the same, without attributes."""
    message = message_of(payload)

    assert (body or payload.decode(), {}) == (message.body, message.attributes)

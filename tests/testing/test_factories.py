"""The factories make what they say, and what the rest of the project reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from consumer.testing import canvas_body, make_event, make_message


def test_a_canvas_body_is_a_canvas_message() -> None:
    """Metadata and body, with what the test adds or replaces."""
    time = datetime(2024, 1, 2, tzinfo=UTC)
    text = canvas_body("grade_change", body={"grade": "A"}, event_time=time, user_id="7")
    payload = json.loads(text)

    assert {"metadata", "body"} == payload.keys()
    assert "grade_change" == payload["metadata"]["event_name"]
    assert "2024-01-02T00:00:00.000000Z" == payload["metadata"]["event_time"]
    assert "7" == payload["metadata"]["user_id"]
    assert {"grade": "A"} == payload["body"]


def test_a_message_is_like_that_of_a_receive() -> None:
    """Times and counts are written as SQS does."""
    message = make_message(receive_count=3, sent_at=datetime(2024, 1, 2, tzinfo=UTC))

    assert 3 == message.receive_count
    assert "3" == message.attributes["ApproximateReceiveCount"]
    assert datetime(2024, 1, 2, tzinfo=UTC) == message.sent_at
    assert "metadata" in json.loads(message.body)


def test_an_event_is_its_text() -> None:
    """What is in `raw` is what is in `metadata` and `body`; equal events have equal keys."""
    event = make_event("quiz_submitted", body={"quiz_id": "1"}, job_id="9")

    assert json.loads(event.raw) == event.payload
    assert {"quiz_id": "1"} == event.body
    assert event.triggered_by_job
    assert make_event("quiz_submitted", body={"quiz_id": "1"}, job_id="9").key == event.key
    assert make_event("quiz_submitted", body={"quiz_id": "2"}, job_id="9").key != event.key

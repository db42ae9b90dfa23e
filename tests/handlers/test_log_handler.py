"""The log handler: one line per event, which identifies no person."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from consumer.errors import ConfigurationError
from consumer.events.decode import decode
from consumer.handlers.loading.factories import HandlerEnvironment
from consumer.handlers.log import factory
from consumer.messages import Context, Event
from consumer.testing import ManualClock, make_event, make_message

ENVIRONMENT = HandlerEnvironment(Path("unused"), ManualClock(datetime(2026, 11, 23, tzinfo=UTC)))
CONTEXT = Context(handler="log", message_ids=("m-1",), receive_count=2)


def logged(event: Event) -> list[dict[str, Any]]:
    (handler,) = factory("log", {}, ENVIRONMENT).handlers
    assert handler.call is not None
    with capture_logs() as lines:
        handler.call(event, CONTEXT)
    return [dict(line) for line in lines]


def test_one_line_for_each_event() -> None:
    """Name, time, format, key, message and the ids of things."""
    event = make_event(
        message_id="m-1",
        body={"course_id": 21070000000000565, "assignment_id": "7", "submission_id": "12",
              "account_id": "3", "user_id": "99", "grade": "A"},
    )  # fmt: skip

    assert logged(event) == [
        {
            "event": "event",
            "log_level": "info",
            "event_name": "submission_created",
            "event_time": "2024-03-01T12:00:00+00:00",
            "format": "canvas",
            "event_key": event.key,
            "message_id": "m-1",
            "receive_count": 2,
            "account_id": "3",
            "course_id": "21070000000000565",
            "assignment_id": "7",
            "submission_id": "12",
        }
    ]


def test_a_caliper_event_says_its_ids_in_urns() -> None:
    """Of the object and its group, if they are things and not people."""
    body = {
        "object": {"id": "urn:instructure:canvas:submission:12"},
        "group": {"id": "urn:instructure:canvas:course:565"},
        "actor": {"id": "urn:instructure:canvas:user:99"},
    }

    (line,) = logged(make_event(format="caliper", body=body))

    assert {k: v for k, v in line.items() if k.endswith("_id")} == {
        "message_id": "6bf1f5a4-7c1f-4a1e-9d0c-5a3c6f2f0d11",
        "submission_id": "12",
        "course_id": "565",
    }


@pytest.mark.parametrize(
    "value",
    [
        "jane@example.edu",
        "",
        "12 ",
        "-5",
        -5,
        True,
        None,
        1.5,
        ["1"],
        {"id": 1},
        "1" * 21,
        "٣",
        "1\n",
    ],
)
@pytest.mark.parametrize("event_format", ["canvas", "caliper"])
def test_what_is_not_an_id_is_left_out(value: Any, event_format: Any) -> None:
    """Ids are digits; anything else is left out."""
    body = {"course_id": value, "object": {"id": value}, "group": value}

    (line,) = logged(make_event(format=event_format, body=body))

    assert set(line) == {
        "event", "log_level", "event_name", "event_time", "format", "event_key", "message_id",
        "receive_count",
    }  # fmt: skip


@pytest.mark.parametrize("canary", ["CANARY jane@example.edu", "CANARY<b>", "canary/../x"])
def test_no_text_of_a_payload_is_logged(canary: str) -> None:
    """Each text of both formats, with keys and names, is a canary; none is in the log."""
    canvas = {
        "metadata": dict.fromkeys(("event_name", "event_time", "user_login", "url"), canary),
        "body": dict.fromkeys(("course_id", "submission_id", "name", "body", canary), canary),
    }
    item = {
        "id": canary, "type": canary, "action": canary, "eventTime": canary,
        "actor": {"id": canary}, "object": {"id": canary, "type": canary, "name": canary},
        "group": {"id": canary}, "extensions": {"com.instructure.canvas": {"user_login": canary}},
    }  # fmt: skip
    caliper = {"sensor": canary, "sendTime": canary, "dataVersion": canary, "data": [item]}

    for payload in (canvas, caliper):
        (event,) = decode(make_message(json.dumps(payload)))
        assert canary.lower() not in json.dumps(logged(event), default=str).lower()


def test_it_asks_for_every_event_and_has_no_options() -> None:
    """The configuration narrows what it gets."""
    (handler,) = factory("audit", {}, ENVIRONMENT).handlers

    assert (handler.name, handler.patterns) == ("audit", ("*",))
    with pytest.raises(
        ConfigurationError, match='handler "audit" has no option "level": it has none'
    ):
        factory("audit", {"level": "info"}, ENVIRONMENT)

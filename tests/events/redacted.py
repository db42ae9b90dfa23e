"""Helpers for tests of redaction: events with persons, and a search for what is left of them."""

import json
from collections.abc import Iterator
from typing import Any

from consumer.events.decode import decode
from consumer.events.redaction import Profile, Pseudonyms, Redaction
from consumer.messages import Event
from consumer.testing import make_message

KEY = "0123456789abcdef" * 4
PSEUDONYMS = Pseudonyms(KEY)
ANALYTICS = Redaction("analytics", PSEUDONYMS)
STRICT = Redaction("strict")
STRICT_WITH_KEY = Redaction("strict", PSEUDONYMS)
ALL: dict[str, Redaction] = {
    "analytics": ANALYTICS,
    "strict": STRICT,
    "strict with a key": STRICT_WITH_KEY,
}
PROFILES: tuple[Profile, ...] = ("analytics", "strict")

ROOT = "21070000000000001"


def event_of(payload: Any, **message: Any) -> Event:
    """The first event of a payload."""
    return decode(make_message(json.dumps(payload), **message))[0]


def canvas(name: str = "submission_created", body: Any = None, **metadata: Any) -> Event:
    """An event in Canvas format of user 123 of shard 2107."""
    around = {
        "event_name": name,
        "event_time": "2026-09-01T14:00:00.000Z",
        "root_account_id": ROOT,
        "user_id": "21070000000000123",
    }
    return event_of({"metadata": {**around, **metadata}, "body": body or {}})


def caliper(name: str = "submission_created", **fields: Any) -> Event:
    """The same in Caliper format."""
    canvas_fields = {"root_account_id": ROOT, "entity_id": "21070000000000123"}
    person = {
        "id": "urn:instructure:canvas:user:21070000000000123",
        "type": "Person",
        "extensions": {"com.instructure.canvas": canvas_fields},
    }
    event = {
        "id": "urn:uuid:02729bac-c975-4e22-b312-6a7f1d8be173",
        "type": "Event",
        "action": "Created",
        "eventTime": "2026-09-01T14:00:00.000Z",
        "actor": person,
    }
    envelope = {
        "sensor": "http://canvas.example.edu/",
        "sendTime": "2026-09-01T14:00:00.000Z",
        "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1",
        "data": [{**event, **fields}],
    }
    return event_of(envelope, message_attributes={"event_name": name})


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a payload that is no object and no list, and every key, with their paths."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{path}.{key}", key
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{path}[]")
    else:
        yield path, value

"""Caliper messages with several events, for tests that do not care what the events say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def envelope(ids: Iterable[str]) -> str:
    """The body of a message with one asset_accessed for each id."""
    return json.dumps({
        "sensor": "http://canvas.example.edu/",
        "sendTime": "2024-03-01T12:00:00.000Z",
        "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1",
        "data": [
            {
                "id": f"urn:uuid:{event_id}",
                "type": "NavigationEvent",
                "actor": {"id": "urn:instructure:canvas:user:1", "type": "Person"},
                "action": "NavigatedTo",
                "object": {"id": "urn:instructure:canvas:course:1", "type": "CourseOffering"},
                "eventTime": "2024-03-01T12:00:00.000Z",
            }
            for event_id in ids
        ],
    })  # fmt: skip

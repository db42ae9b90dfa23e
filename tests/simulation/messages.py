"""What is sent in a run: events of both formats, envelopes of several, and what is no event."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from consumer.testing.factories import canvas_body
from tests.simulation.scenario import NAMES

if TYPE_CHECKING:
    from random import Random

_POISON: Final = ("{", "[]", '"text"', '{"metadata": 1, "body": {}}')


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it was sent: the names of its events; none for what is no event."""

    body: str
    names: tuple[str, ...]


def draw_message(number: int, dice: Random) -> Sent:
    """The next message; its number makes it unlike all others, unless it is poison."""
    throw = dice.random()
    if throw < 0.08:
        return Sent(dice.choice(_POISON), ())
    if throw < 0.2:
        events = dice.randint(1, 4)
        return Sent(_envelope(number, events), ("asset_accessed",) * events)
    name = dice.choice(NAMES)
    return Sent(canvas_body(name, body={"submission_id": str(number)}), (name,))


def _envelope(number: int, events: int) -> str:
    """A Caliper message with several events."""
    return json.dumps({
        "sensor": "http://canvas.example.edu/",
        "sendTime": "2024-03-01T12:00:00.000Z",
        "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1",
        "data": [
            {
                "id": f"urn:uuid:{number}-{index}",
                "type": "NavigationEvent",
                "actor": {"id": "urn:instructure:canvas:user:1", "type": "Person"},
                "action": "NavigatedTo",
                "object": {"id": "urn:instructure:canvas:course:1", "type": "CourseOffering"},
                "eventTime": "2024-03-01T12:00:00.000Z",
            }
            for index in range(events)
        ],
    })  # fmt: skip

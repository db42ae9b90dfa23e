"""The messages of a run: events of both formats, envelopes of several, and poison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from consumer.testing.factories import canvas_body
from tests.envelopes import envelope
from tests.simulation.scenario import NAMES

if TYPE_CHECKING:
    from random import Random

_POISON: Final = ("{", "[]", '"text"', '{"metadata": 1, "body": {}}')


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it was sent, with the names of its events; poison has none."""

    body: str
    names: tuple[str, ...]


def draw_message(number: int, dice: Random) -> Sent:
    """The next message; its number makes it unlike all others, unless it is poison."""
    throw = dice.random()
    if throw < 0.08:
        return Sent(dice.choice(_POISON), ())
    if throw < 0.2:
        events = dice.randint(1, 4)
        body = envelope(f"{number}-{index}" for index in range(events))
        return Sent(body, ("asset_accessed",) * events)
    name = dice.choice(NAMES)
    return Sent(canvas_body(name, body={"submission_id": str(number)}), (name,))

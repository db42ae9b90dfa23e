"""A university's traffic: mostly reading, else actions of several events, and bursts of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.events.catalog import index
from consumer.events.samples.actions import next_events
from consumer.events.samples.dice import Dice
from consumer.events.samples.message import START, STEP, message_of
from consumer.events.samples.scene import Scene
from consumer.events.samples.university import university_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from consumer.events.samples.message import SampleMessage
    from consumer.events.samples.university import University
    from consumer.messages import Format

#: No source tells the real share; of all events it is the only one that reading makes.
ASSET_SHARE = 0.55


def realistic_messages(
    count: int,
    formats: Sequence[Format] = ("canvas",),
    *,
    seed: int = 0,
    start: datetime = START,
    asset_share: float = ASSET_SHARE,
) -> Iterator[SampleMessage]:
    """`count` messages as a university makes them, 7 ms apart from `start` (aware) on.

    The events of one action share their request id, those of a burst their job id; between them
    come what others do at the same time. The same arguments give the same bytes.

    Args:
        formats: each event in one of them by chance; in Canvas's own if Caliper lacks the event,
            and left out if only Caliper is asked for.
        asset_share: of asset_accessed among the messages, 0 to 1.
    """
    university, dice = university_of(seed), Dice(seed)
    actions = _events(university, dice, only_caliper=set(formats) == {"caliper"})
    for number in range(count):
        if dice.chance(asset_share):
            name = "asset_accessed"
            scene = Scene(university, dice.seed(), name)
        else:
            scene, name = next(actions)
        chosen = formats[0] if len(formats) == 1 else dice.pick(formats)
        if not index.is_known(name, chosen):
            chosen = "canvas"
        yield message_of(scene, name, chosen, start + number * STEP)


def _events(
    university: University, dice: Dice, *, only_caliper: bool
) -> Iterator[tuple[Scene, str]]:
    while True:
        for scene, name in next_events(university, dice):
            if not only_caliper or index.is_known(name, "caliper"):
                yield scene, name

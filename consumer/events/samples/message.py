"""Sample messages: an event of a scene as the text and the attributes that Canvas sends."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from consumer.events.catalog import index
from consumer.events.samples.caliper import caliper_envelope
from consumer.events.samples.canvas import body_of, canvas_event
from consumer.events.samples.dice import Dice
from consumer.events.samples.scene import Scene
from consumer.events.samples.university import university_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from consumer.messages import Format

#: The time of the first event, where none is asked for: a fixed one, so that bytes stay the same.
START: Final = datetime(2026, 9, 1, 14, tzinfo=UTC)
#: Between two messages.
STEP: Final = timedelta(milliseconds=7)

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class SampleMessage:
    """A message as Canvas sends it: the body, and the message attributes."""

    body: str
    attributes: dict[str, str] = field(default_factory=dict)


def sample_message(
    event_name: str,
    format: Format = "canvas",  # noqa: A002
    *,
    seed: int = 0,
    time: datetime = START,
) -> SampleMessage:
    """One event of any name that the catalog knows. The same arguments give the same bytes.

    The same seed in the other format tells the same facts. `time` is aware. Raises `ValueError`
    for a name that the catalog does not know in this format.
    """
    check_names([event_name], format)
    return message_of(Scene(university_of(seed), seed, event_name), event_name, format, time)


def sample_messages(
    names: Sequence[str],
    count: int,
    format: Format = "canvas",  # noqa: A002
    *,
    seed: int = 0,
    start: datetime = START,
) -> Iterator[SampleMessage]:
    """`count` events in all, the names by turns, of one university, 7 ms apart from `start` on.

    Raises `ValueError` for a name that the catalog does not know in this format, or for no name.
    """
    check_names(names, format)
    return _in_turn(names, count, format, seed, start)


def _in_turn(
    names: Sequence[str], count: int, event_format: Format, seed: int, start: datetime
) -> Iterator[SampleMessage]:
    university, dice = university_of(seed), Dice(seed)
    for number in range(count):
        name = names[number % len(names)]
        scene = Scene(university, dice.seed(), name)
        yield message_of(scene, name, event_format, start + number * STEP)


def check_names(names: Sequence[str], event_format: Format) -> None:
    """Raise `ValueError` unless there are names, and samples of each in this format."""
    if not names:
        raise ValueError("there is no name of an event")
    for name in names:
        if not index.is_known(name, event_format):
            raise ValueError(f"there is no sample of {name!r} in {event_format} format")


def message_of(scene: Scene, name: str, event_format: Format, time: datetime) -> SampleMessage:
    """The next event of a scene. `time` is aware; it is told to the millisecond."""
    scene.turn(name, time.astimezone(UTC))
    scene.body = body_of(scene)
    if event_format == "canvas":
        event = canvas_event(scene)
        stamp = event["metadata"]["event_time"]
    else:
        event = caliper_envelope(scene)
        stamp = event["sendTime"]
    # As Rails writes it.
    text = _encode(event).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return SampleMessage(text, {"event_name": name, "event_time": stamp})

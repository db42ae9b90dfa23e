"""Sample messages: events as Canvas sends them, and what goes wrong on the way to the queue."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from typing import Any, Final

from consumer.events.catalog import index
from consumer.events.samples.caliper import caliper_envelope
from consumer.events.samples.canvas import body_of, canvas_event
from consumer.events.samples.dice import Dice
from consumer.events.samples.scene import Scene
from consumer.events.samples.university import university_of
from consumer.messages import Format

#: The time of the first event unless one is given; fixed, so that the bytes stay the same.
START: Final = datetime(2026, 9, 1, 14, tzinfo=UTC)
#: The time between two messages.
STEP: Final = timedelta(milliseconds=7)

#: `shuffled` shuffles this many messages at a time.
WINDOW: Final = 1_000
#: A duplicate is a copy of one of this many messages before it.
_LOOK_BACK: Final = 50

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class SampleMessage:
    """A message as Canvas sends it: the body, and the message attributes."""

    body: str = field(repr=False)
    attributes: dict[str, str] = field(default_factory=dict)


def sample_message(
    event_name: str,
    format: Format = "canvas",  # noqa: A002
    *,
    seed: int = 0,
    time: datetime = START,
) -> SampleMessage:
    """One event of any name that the catalog knows. The same arguments give the same bytes.

    With the same seed, the other format has the same facts. `time` is aware. Raises `ValueError`
    for a name that the catalog does not know in this format.
    """
    _check_names([event_name], format)
    return message_of(Scene(university_of(seed), seed, event_name), event_name, format, time)


def sample_messages(
    names: Sequence[str],
    count: int,
    format: Format = "canvas",  # noqa: A002
    *,
    seed: int = 0,
    start: datetime = START,
) -> Iterator[SampleMessage]:
    """`count` events of one university, 7 ms apart from `start` on; the names take turns.

    Raises `ValueError` without names, and for a name that the catalog does not know in this format.
    """
    _check_names(names, format)
    university, dice = university_of(seed), Dice(seed)
    return (
        message_of(Scene(university, dice.seed(), name), name, format, start + number * STEP)
        for number, name in enumerate(islice(cycle(names), count))
    )


def _check_names(names: Sequence[str], event_format: Format) -> None:
    if not names:
        raise ValueError("no event name is given")
    for name in names:
        if not index.is_known(name, event_format):
            raise ValueError(f"there is no sample of {name!r} in {event_format} format")


def message_of(scene: Scene, name: str, event_format: Format, time: datetime) -> SampleMessage:
    """The next event of a scene. `time` is aware; it is written to the millisecond."""
    scene.name, scene.time = name, time.astimezone(UTC)
    scene.body = body_of(scene)
    if event_format == "canvas":
        event = canvas_event(scene)
        stamp = event["metadata"]["event_time"]
    else:
        event = caliper_envelope(scene)
        stamp = event["sendTime"]
    # As Rails writes JSON.
    text = _encode(event).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return SampleMessage(text, {"event_name": name, "event_time": stamp})


def with_duplicates(
    messages: Iterable[SampleMessage], fraction: float, *, seed: int
) -> Iterator[SampleMessage]:
    """This fraction (0 to below 1) of the result are copies of messages before them.

    As when the producer sends twice: the body is the same, and SQS gives it another message id.
    """
    dice, before = Dice(seed), deque[SampleMessage](maxlen=_LOOK_BACK)
    duplicates = 0
    for number, message in enumerate(messages, start=1):
        yield message
        before.append(message)
        while duplicates + 1 <= number * fraction / (1 - fraction) + 1e-9:
            duplicates += 1
            yield dice.pick(before)


def shuffled(messages: Iterable[SampleMessage], *, seed: int) -> Iterator[SampleMessage]:
    """In another order, as SQS may deliver them; holds at most `WINDOW` of them."""
    dice, remaining = Dice(seed), iter(messages)
    while window := list(islice(remaining, WINDOW)):
        yield from sorted(window, key=lambda _: dice.random())


def with_malformed(
    messages: Iterable[SampleMessage], fraction: float, *, seed: int
) -> Iterator[SampleMessage]:
    """This fraction (0 to 1) of the messages is replaced by bodies that can't be decoded."""
    dice, damaged = Dice(seed), 0
    for number, message in enumerate(messages, start=1):
        if damaged + 1 > number * fraction + 1e-9:
            yield message
            continue
        damage = _DAMAGES[damaged % len(_DAMAGES)]
        damaged += 1
        yield SampleMessage(damage(message.body, dice), message.attributes)


def _wrong_types(body: str, dice: Dice) -> str:
    payload: dict[str, Any] = json.loads(body)
    key = dice.pick(("metadata", "body")) if "body" in payload else "data"
    return _encode(payload | {key: dice.pick(("text", 7, True))})


_DAMAGES: Final[tuple[Callable[[str, Dice], str], ...]] = (
    lambda body, dice: body[: dice.between(1, len(body) - 1)],
    lambda _, dice: dice.pick(("This is not an event.", "<event name='logged_in'/>", "null", "[]")),
    lambda body, _: f'{{"event":{body}}}',
    _wrong_types,
    lambda body, _: f"[{body}]",
)

"""What goes wrong on the way, for samples: messages twice, out of order, or damaged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from consumer.events.samples.dice import Dice
from consumer.events.samples.message import SampleMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: Messages change places within about so many; what is further apart stays in order.
WINDOW: Final = 1_000
#: A duplicate is of one of so many messages before it.
_LOOK_BACK: Final = 50


def with_duplicates(
    messages: Iterable[SampleMessage], fraction: float, *, seed: int
) -> Iterator[SampleMessage]:
    """This fraction (0 to below 1) of what comes out are messages that came before.

    As a producer's duplicate: the same body, which SQS gives another message id.
    """
    dice, due = Dice(seed), 0.0
    before: list[SampleMessage] = []
    # So many duplicates for each message of its own.
    each = fraction / (1 - fraction)
    for message in messages:
        yield message
        before = [*before[1 - _LOOK_BACK :], message]
        due += each
        while due >= 1 - 1e-9:
            due -= 1
            yield dice.pick(before)


def shuffled(messages: Iterable[SampleMessage], *, seed: int) -> Iterator[SampleMessage]:
    """In another order, as SQS may deliver them; holds at most `WINDOW` of them."""
    dice = Dice(seed)
    held: list[SampleMessage] = []
    for message in messages:
        if len(held) < WINDOW:
            held.append(message)
            continue
        place = dice.below(WINDOW)
        yield held[place]
        held[place] = message
    while held:
        place = dice.below(len(held))
        held[place], held[-1] = held[-1], held[place]
        yield held.pop()


def with_malformed(
    messages: Iterable[SampleMessage], fraction: float, *, seed: int
) -> Iterator[SampleMessage]:
    """This fraction (0 to 1) of the messages is replaced by what no consumer can decode."""
    dice, due, kinds = Dice(seed), 0.0, 0
    for message in messages:
        due += fraction
        if due < 1 - 1e-9:
            yield message
            continue
        due -= 1
        damage = _DAMAGES[kinds % len(_DAMAGES)]
        kinds += 1
        yield SampleMessage(damage(message.body, dice), message.attributes)


def _cut(body: str, dice: Dice) -> str:
    return body[: dice.between(1, len(body) - 1)]


def _not_json(_: str, dice: Dice) -> str:
    return dice.pick(("This is not an event.", "<event name='logged_in'/>", "null", '"text"', "[]"))


def _bare(body: str, _: Dice) -> str:
    """Without what tells the format."""
    payload = json.loads(body)
    inner = payload["body"] if "body" in payload else payload["data"][0]
    return _text({"event": inner})


def _wrong_types(body: str, dice: Dice) -> str:
    payload = json.loads(body)
    wrong = dice.pick(("text", 7, True))
    key = dice.pick(("metadata", "body")) if "body" in payload else "data"
    return _text(payload | {key: wrong})


def _nested(body: str, _: Dice) -> str:
    """A list of the message, as other ways of delivery make."""
    return f"[{body}]"


_DAMAGES: Final[tuple[Callable[[str, Dice], str], ...]] = (
    _cut, _not_json, _bare, _wrong_types, _nested,
)  # fmt: skip


def _text(payload: object) -> str:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False)

"""What one run is made of: messages, handlers, settings, how its processes end. By its seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from consumer.testing import canvas_body
from tests.envelopes import envelope

Ending = Literal["drain", "kill", "kill while draining", "refused"]

_NAMES: Final = ("submission_created", "grade_change", "course_updated")


@dataclass(frozen=True, slots=True)
class EventPlan:
    """One event. `content` is the same for copies, which come in another message."""

    name: str
    content: str


@dataclass(frozen=True, slots=True)
class MessagePlan:
    """One message; without events it is rejected."""

    body: str
    events: tuple[EventPlan, ...]


@dataclass(frozen=True, slots=True)
class HandlerPlan:
    """One handler.

    Args:
        names: of the events that it asks for; "*" for all.
        fails: the share of its steps that fail once or twice before they succeed.
        rejects: the share of events that it rejects whenever they come.
        bursts: it takes part in the outages.
        asks: it has a predicate, which takes part in the same outages.
        pause_seconds: how long a call takes at least; 0: as long as its Python takes.
    """

    name: str
    names: tuple[str, ...]
    concurrency: int | None
    batch: int | None
    fails: float
    rejects: float
    bursts: bool
    asks: bool
    pause_seconds: float

    def wants(self, event: EventPlan) -> bool:
        """True if the event is to be handed to it."""
        return "*" in self.names or event.name in self.names


@dataclass(frozen=True, slots=True)
class Plan:
    """All that the seed decides; what the threads make of it is theirs."""

    seed: int
    messages: tuple[MessagePlan, ...]
    handlers: tuple[HandlerPlan, ...]
    #: From which to which of the calls the handlers that take part in outages fail.
    outages: tuple[range, ...]
    #: Of the processes before the last one, which drains.
    endings: tuple[Ending, ...]
    workers: int
    max_pollers: int
    max_in_flight: int
    settle_linger_seconds: float
    wait_seconds: int
    visibility_seconds: int
    deduplicate: bool
    #: How often calls to the queue go wrong.
    faults: float
    switch_seconds: float
    #: Threads may be switched between any two bytecodes of the engine, not only at calls.
    opcodes: bool


def draw(seed: int) -> Plan:
    """The plan of a seed."""
    dice = Random(seed)
    endings: list[Ending] = ["drain", "kill", "kill while draining", "refused"]
    handlers = _handlers(dice, Random(f"asking {seed}"))
    opcodes = dice.random() < 0.7
    return Plan(
        seed=seed,
        messages=_messages(dice, dice.randint(60, 120) if opcodes else dice.randint(120, 250)),
        handlers=handlers,
        outages=_outages(dice) if any(handler.bursts for handler in handlers) else (),
        endings=tuple(dice.choice(endings) for _ in range(dice.randint(0, 2))),
        workers=dice.randint(1, 8),
        max_pollers=dice.randint(1, 4),
        max_in_flight=dice.choice((1, 2, 5, 10, 20, 40, 60)),
        settle_linger_seconds=dice.choice((0.01, 0.05, 0.1)),
        wait_seconds=1,
        # Numbers that no retry has, so that a renewal is known by them.
        visibility_seconds=dice.choice((23, 601)),
        deduplicate=dice.random() < 0.4,
        faults=dice.choice((0.0, 0.02, 0.06)),
        switch_seconds=dice.choice((1e-6, 3e-6, 1e-5)),
        opcodes=opcodes,
    )


def _handlers(dice: Random, asking: Random) -> tuple[HandlerPlan, ...]:
    together = dice.random() < 0.4  # an outage of what all of them need
    return tuple(
        HandlerPlan(
            name=f"handler-{number}",
            names=("*",) if number == 0 or dice.random() < 0.6 else _NAMES[:2],
            concurrency=dice.choice((None, 1, 2)),
            batch=dice.choice((None, None, 2, 5, 12)),
            fails=dice.choice((0.0, 0.05, 0.15)),
            rejects=dice.choice((0.0, 0.0, 0.02)),
            bursts=together or dice.random() < 0.25,
            asks=asking.random() < 0.3,
            pause_seconds=dice.choice((0.0, 0.0, 0.0002, 0.001)),
        )
        for number in range(dice.randint(1, 4))
    )


def _outages(dice: Random) -> tuple[range, ...]:
    begins = (dice.randint(0, 60), dice.randint(100, 160))
    return tuple(range(begin, begin + dice.randint(3, 6)) for begin in begins)


def _messages(dice: Random, count: int) -> tuple[MessagePlan, ...]:
    messages: list[MessagePlan] = []
    for number in range(count):
        throw = dice.random()
        if throw < 0.01:
            messages.append(MessagePlan("{", ()))
        elif throw < 0.2:
            messages.append(_envelope(number, dice.randint(2, 5)))
        elif throw < 0.3 and messages:
            messages.append(dice.choice(messages))
        else:
            name = dice.choice(_NAMES)
            body = canvas_body(name, body={"submission_id": str(number)})
            messages.append(MessagePlan(body, (EventPlan(name, f"{number}"),)))
    return tuple(messages)


def _envelope(number: int, events: int) -> MessagePlan:
    """A Caliper message with several events."""
    plans = tuple(EventPlan("asset_accessed", f"{number}-{index}") for index in range(events))
    return MessagePlan(envelope(plan.content for plan in plans), plans)

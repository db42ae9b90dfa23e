"""One message among its handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.engine.call import Call
from consumer.engine.inflight import InFlight, InFlightMessage
from consumer.handlers.registering.registry import Handler
from consumer.messages import Event, Outcome
from consumer.testing import make_event

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeHeld = Callable[..., InFlightMessage]

ACK = Outcome.ack()
Work = list[tuple[Event, Handler]]


def handler(name: str) -> Handler:
    """A handler that does nothing."""
    return Handler(name, ("*",), call=lambda event, context: None)


@pytest.fixture(name="in_flight")
def _in_flight() -> InFlight:
    return InFlight(max_messages=10, max_bytes=1 << 40)


@pytest.fixture(name="message")
def _message(in_flight: InFlight, make_held: MakeHeld) -> InFlightMessage:
    return make_held(in_flight)


@pytest.fixture(name="work")
def _work() -> Work:
    events = [make_event(index=0, count=2), make_event(index=1, count=2)]
    return [(event, handler(name)) for event in events for name in ("store", "mail")]


def end(message: InFlightMessage, piece: tuple[Event, Handler], outcome: Outcome) -> bool:
    """One call of a message ends; True if that was the last one."""
    event, found = piece
    call = Call(found, [(message, event)])
    call.note([outcome])
    return call.end() == [message]


def test_the_last_call_that_ends_is_known_once(message: InFlightMessage, work: Work) -> None:
    """The thread that ends it settles the message; in which order they end does not matter."""
    message.calls = len(work)

    ended = [end(message, piece, ACK) for piece in reversed(work)]

    assert ended == [False, False, False, True]
    assert message.verdict() == (ACK, None)


def test_what_succeeded_is_known_by_position_and_handler(
    message: InFlightMessage, work: Work
) -> None:
    """Only that may be left out when the message comes again."""
    outcomes = [ACK, Outcome.retry("TimeoutError"), Outcome.reject("not ours"), ACK]

    for piece, outcome in zip(work, outcomes, strict=True):
        end(message, piece, outcome)

    assert message.succeeded == [(0, "store"), (1, "mail")]


def test_a_retry_wins_over_a_reject(message: InFlightMessage, work: Work) -> None:
    """Its handler may yet succeed; and the handler whose retry it is names the policy."""
    retry = Outcome.retry("TimeoutError")
    for piece, found in zip(work, (Outcome.reject("not ours"), retry, ACK), strict=False):
        end(message, piece, found)

    outcome, decided = message.verdict()

    assert outcome is retry
    assert decided is work[1][1]


def test_the_longest_explicit_delay_wins(message: InFlightMessage, work: Work) -> None:
    """No handler is called before the time that it asked for."""
    for piece, delay in zip(work, (None, 600.0, 30.0), strict=False):
        end(message, piece, Outcome.retry("later", delay))

    outcome, decided = message.verdict()

    assert outcome.delay_seconds == 600
    assert decided is work[1][1]


def test_a_call_ends_the_messages_whose_last_call_it_was(
    in_flight: InFlight, make_held: MakeHeld
) -> None:
    """A batch may end some of its messages, while others wait for another handler."""
    last, not_last = make_held(in_flight), make_held(in_flight)
    last.calls, not_last.calls = 1, 2
    call = Call(handler("store"), [(last, make_event()), (not_last, make_event())])

    assert call.entries[0][0] is last
    assert call.end() == [last]


def test_a_call_names_the_steps_that_succeeded_with_their_messages(
    in_flight: InFlight, make_held: MakeHeld
) -> None:
    """That is what the ledger notes: by position, what failed is left out."""
    entries = [(make_held(in_flight), make_event(index=index)) for index in range(3)]
    call = Call(handler("store"), entries)

    steps = call.note([ACK, Outcome.retry("busy"), ACK])

    assert steps == [("message-1", (0, "store")), ("message-3", (2, "store"))]


def test_the_first_event_of_a_batch_can_be_tried_alone(
    in_flight: InFlight, make_held: MakeHeld
) -> None:
    """The rest is another call; a batch that was on its last try stays so in both parts."""
    entries = [(make_held(in_flight), make_event()) for _ in range(3)]
    call = Call(handler("store"), entries)
    call.last_try = True

    first, rest = call.split()

    assert rest is not None
    assert (first.entries, rest.entries) == (entries[:1], entries[1:])
    assert first.last_try
    assert rest.last_try
    assert first.split() == (first, None)

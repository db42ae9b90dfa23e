"""`--drain`: the engine ends when the queue has nothing new, and reports what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.errors import Reject
from consumer.testing import InMemoryQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]

WAIT = 20


def make(make_rig: MakeRig, registry: Registry) -> Rig:
    """A worker that is to end by itself; a long poll takes its time."""
    rig = make_rig(registry, until_empty=True, engine={"breaker_failures": 3})
    rig.queue.advance_on_empty = True
    return rig


@pytest.fixture(name="rig")
def _rig(make_rig: MakeRig, registry: Registry) -> Rig:
    """A rig without handlers: each test adds its own."""
    return make(make_rig, registry)


def live(rig: Rig, *, at_most: float) -> float:
    """Let the threads run until the worker is finished; returns how long it took."""
    pool, clock = rig.parts.pool, rig.clock
    began = clock.monotonic()
    while not rig.status.finished:
        assert clock.monotonic() - began <= at_most, "it did not end"
        role = pool.take_role()
        if role is None:
            clock.advance(0.25)
        else:
            clock.call_later(0.6, rig.tick)  # while a long poll is open, others settle
            pool.do(role)
        rig.tick()
    return clock.monotonic() - began


def test_an_empty_queue_takes_one_long_poll(rig: Rig) -> None:
    """And the first, short receive; no receive is opened once the queue is known to be empty."""
    seconds = live(rig, at_most=WAIT + 1)

    assert rig.status.finished == "queue empty"
    assert seconds >= WAIT
    assert rig.calls("receive") == [10, 10]
    assert rig.parts.pool.take_role() is None


def test_the_receive_that_is_open_when_the_work_ends_is_the_one_that_counts(
    rig: Rig, registry: Registry
) -> None:
    """Five messages: one long poll after them."""
    registry.add(lambda _event: None, "*", name="one")
    rig.send(count=5)

    live(rig, at_most=WAIT + 1)

    assert len(rig.queue.deleted()) == 5
    assert len(rig.calls("receive")) == 2


def test_it_does_not_end_while_a_new_message_is_handled(rig: Rig, registry: Registry) -> None:
    """A handler runs when the long poll returns empty: its end is waited for."""
    registry.add(lambda _event: None, "*", name="one")
    rig.bring()
    running = rig.hold_one()
    rig.clock.call_later(WAIT + 5, running.end)
    rig.receive_as_a_thread()
    assert rig.clock.monotonic() >= WAIT
    assert not rig.status.finished

    live(rig, at_most=2 * WAIT)

    assert len(rig.queue.deleted()) == 1
    assert rig.drain().put_back == {}


def test_poison_does_not_keep_it_alive(rig: Rig) -> None:
    """A message that this process put back is nothing new: two long polls at most."""
    rig.queue.send("no event")

    live(rig, at_most=2 * WAIT + 1)
    counts = rig.drain()

    assert sum(counts.put_back.values()) == 1
    assert next(iter(counts.put_back)).startswith("undecodable")
    assert len(rig.queue.bodies()) == 1


def test_poison_with_a_dead_letter_queue(rig: Rig) -> None:
    """It ends as well, and reports what it has left to the redrive policy."""
    dead = InMemoryQueue(rig.clock, name="dead")
    rig.queue.dead_letter_queue, rig.queue.max_receive_count = dead, 3
    rig.queue.send("no event")
    rig.queue.send("no event either")

    live(rig, at_most=2 * WAIT + 1)

    assert sum(rig.drain().put_back.values()) == 2


def test_a_message_that_fails_once_and_is_redelivered_in_time_is_handled(
    rig: Rig, registry: Registry
) -> None:
    """Then nothing stays in the queue."""
    seen: list[str] = []

    def fail_once(event: Event) -> None:
        seen.append(event.message_id)
        if len(seen) == 1:
            raise OSError

    registry.add(fail_once, "*")
    rig.send()

    live(rig, at_most=2 * WAIT + 1)

    assert len(rig.queue.deleted()) == 1
    assert rig.drain().put_back == {}


def test_reasons_are_counted_one_by_one(rig: Rig, registry: Registry) -> None:
    """The reasons are those of the handlers, never the text of events."""

    def refuse(event: Event) -> None:
        raise Reject("no such course") if event.metadata["number"] else OSError

    registry.add(refuse, "*")
    rig.send(count=3)

    live(rig, at_most=2 * WAIT + 1)

    assert rig.drain().put_back == {"no such course": 2, "OSError": 1}


def test_a_handler_that_fails_all_the_time_does_not_keep_it_alive(
    make_rig: MakeRig, registry: Registry
) -> None:
    """What its breaker holds is given back, and the handler is named."""

    def fail(_event: Event) -> None:
        raise OSError

    registry.add(fail, "*", name="store")
    rig = make(make_rig, registry)
    ids = rig.send(count=6)

    live(rig, at_most=10 * WAIT)
    counts = rig.drain()

    assert sum(counts.put_back.values()) == 6
    assert "handler store is paused because it keeps failing" in counts.put_back
    assert sorted(rig.queue.bodies()) == sorted(ids)
    assert rig.held() == []


def test_an_outage_of_the_queue_is_not_an_empty_queue(rig: Rig) -> None:
    """A failed receive proves nothing: the long poll begins anew."""
    rig.fail("receive", times=3)

    live(rig, at_most=2 * WAIT + 10)

    assert len(rig.calls("receive")) == 5


def test_new_messages_keep_it_alive(rig: Rig, registry: Registry) -> None:
    """It ends only after a whole long poll without a new message."""
    registry.add(lambda _event: None, "*", name="one")
    for number in range(10):
        rig.clock.call_later(WAIT * 0.9 * number, rig.send)

    live(rig, at_most=WAIT * 0.9 * 9 + WAIT + 1)

    assert len(rig.queue.deleted()) == 10

"""A pause: nothing is received, what is in flight is finished, and all of that is healthy."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from consumer.engine.stall import LOOK_SECONDS
from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]


def test_nothing_is_received_until_the_pause_ends(make_rig: MakeRig, registry: Registry) -> None:
    """Also by a thread that had already decided to receive; then all at once."""
    rig = make_rig(registry)
    rig.cycle()
    rig.send(count=3)

    rig.worker.pause(paused=True)
    assert rig.parts.pool.take_role() is None
    rig.receive_as_a_thread()
    assert rig.status.paused
    assert rig.calls("receive") == [10]

    rig.worker.pause(paused=False)
    assert rig.parts.pool.take_role() == "receive"
    assert rig.receive().messages == 3
    assert not rig.status.paused


def test_a_receive_counts_as_open_from_its_reservation_on(
    make_rig: MakeRig, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reload that paused in between would take the engine for empty, and give messages back."""
    rig = make_rig(registry)
    rig.send(count=3)
    parts, monotonic, seen = rig.parts, rig.clock.monotonic, list[bool]()

    def look() -> float:
        if parts.in_flight._reserved:
            seen.append(bool(parts.receiver.open))
        return monotonic()

    monkeypatch.setattr(rig.clock, "monotonic", look)
    rig.receive()
    assert seen
    assert all(seen)


def test_what_is_in_flight_is_handled_and_deleted(make_rig: MakeRig, registry: Registry) -> None:
    """A batch does not linger for messages that can't come."""
    batches: list[int] = []

    def store(events: Sequence[Event]) -> None:
        batches.append(len(events))

    registry.add(store, "*", batch=100, linger_seconds=300)
    rig = make_rig(registry)
    rig.bring(3)

    rig.worker.pause(paused=True)
    rig.run_threads()

    assert batches == [3]
    assert (0, 3) == (rig.status.in_flight, rig.stats["deleted"])


def test_a_long_pause_is_healthy(make_rig: MakeRig, registry: Registry) -> None:
    """Neither the silence nor failures from before it are a problem, and the queue is no stall."""
    rig = make_rig(registry)
    rig.cycle()
    rig.send(count=3)
    rig.fail("receive")
    rig.receive()

    rig.worker.pause(paused=True)
    for _ in range(3):
        rig.beat(LOOK_SECONDS, step=10)
        rig.run_threads()
        assert (rig.status.problems, rig.status.outages) == ((), ())
    assert rig.calls("attributes") == []

    rig.worker.pause(paused=False)
    assert (rig.status.problems, rig.status.outages) == ((), ())


def test_without_receives_the_watchdog_still_ends_what_is_not_paused(
    make_rig: MakeRig, registry: Registry
) -> None:
    """After a pause the time counts from its end."""
    rig = make_rig(registry)
    rig.cycle()
    rig.worker.pause(paused=True)
    rig.beat(1000, step=10)
    rig.worker.pause(paused=False)
    assert not rig.status.problems

    rig.beat(200, step=10)
    assert "no thread receives" in rig.status.problems


def test_a_run_until_empty_waits_for_the_end_of_the_pause(
    make_rig: MakeRig, registry: Registry
) -> None:
    """A pause is no long poll that brought nothing."""
    rig = make_rig(registry, until_empty=True)
    rig.queue.advance_on_empty = True
    rig.receive()
    rig.worker.pause(paused=True)
    rig.beat(100, step=10)
    assert rig.status.finished == ""

    rig.worker.pause(paused=False)
    rig.fail("receive")
    rig.receive()
    assert rig.status.finished == ""
    rig.receive()
    assert rig.status.finished == "queue empty"


def test_a_refusal_before_the_pause_does_not_use_up_the_grace(
    make_rig: MakeRig, registry: Registry
) -> None:
    """The first refusal after it is the first one."""
    rig = make_rig(registry, engine={"fatal_grace_seconds": 60})
    rig.cycle()
    rig.fail("receive", fatal=True)
    rig.receive()
    rig.worker.pause(paused=True)
    rig.clock.advance(1000)
    rig.worker.pause(paused=False)

    rig.fail("receive", fatal=True)
    assert rig.receive().pause_seconds > 0


def test_the_probe_of_a_breaker_is_a_held_event(make_rig: MakeRig, registry: Registry) -> None:
    """A handler that works again is found although nothing is received."""
    works: list[bool] = []

    def store(_: Event) -> None:
        if not works:
            raise OSError

    registry.add(store, "*")
    rig = make_rig(registry, engine={"breaker_failures": 1})
    rig.bring(4)
    rig.work()
    assert "store" in rig.status.failing_handlers

    rig.worker.pause(paused=True)
    works.append(True)
    for _ in range(40):
        rig.beat(1)
        rig.run_threads()

    assert not rig.status.failing_handlers
    assert (0, 4) == (rig.status.in_flight, rig.stats["deleted"])


def test_real_threads_pause_and_go_on_at_once(make_rig: MakeRig, registry: Registry) -> None:
    """A thread that sleeps is woken: the housekeeper would only look two seconds later."""
    handled = threading.Event()

    def store(_: Event) -> None:
        handled.set()

    registry.add(store, "*")
    rig: Any = make_rig(registry)
    worker, parts = rig.worker, rig.parts
    worker.pause(paused=True)
    rig.send()
    for number in range(3):
        threading.Thread(target=parts.pool.run, name=f"pool-{number}", daemon=True).start()
    eventually(lambda: parts.pool._parked == 3, "all threads sleep")
    assert not handled.is_set()

    worker.pause(paused=False)
    assert handled.wait(60)
    parts.pool.close()

"""Bugs that the simulation has found, each in its shortest form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.errors import Retry
from consumer.sqs_limits import MAX_VISIBILITY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]


def test_a_place_at_a_gate_is_given_back_when_another_handler_goes_first(
    make_rig: MakeRig, registry: Registry
) -> None:
    """A message waits at a gate; meanwhile that handler's breaker opens, and others go first.

    The place was never given back, and the other handler's missing gate ended the process.
    """
    handled: list[str] = []
    broken = True

    def gated(event: Event) -> None:
        rig.work()  # another thread takes the second message meanwhile
        if broken:
            raise OSError
        handled.append(f"gated {event.message_id}")

    def other(event: Event) -> None:
        handled.append(f"other {event.message_id}")

    registry.add(gated, "*", concurrency=1)
    registry.add(other, "*")
    rig = make_rig(registry, engine={"breaker_failures": 1})
    first, second = rig.send(count=2)

    rig.receive()
    rig.begin_one()
    assert list(rig.status.failing_handlers) == ["gated"]
    broken = False
    for _ in range(10):
        rig.clock.advance(1000)
        rig.cycle()
        rig.beat(2)
        rig.work()
        rig.settle()

    assert sorted(handled) == sorted(
        f"{handler} {message_id}"
        for handler in ("gated", "other")
        for message_id in (first, second)
    )
    assert sorted(rig.queue.deleted()) == sorted([first, second])


def test_a_delay_that_waited_is_cut_to_the_twelve_hours_when_it_is_sent(
    make_rig: MakeRig, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQS counts from the receive: by the time of the call the delay was too long.

    The message stayed hidden for its visibility timeout instead.
    """
    asked: list[tuple[float, int]] = []

    def not_now(event: Event) -> None:
        raise Retry("later", after=MAX_VISIBILITY_SECONDS)

    registry.add(not_now, "*")
    rig = make_rig(registry)
    rig.send()
    change = rig.queue.change_visibility

    def note(changes: Sequence[tuple[str, int]]) -> object:
        asked.append((rig.clock.monotonic() - received, changes[0][1]))
        return change(changes)

    monkeypatch.setattr(rig.queue, "change_visibility", note)
    received = rig.clock.monotonic()
    rig.receive()
    rig.work()
    rig.clock.advance(950)  # the machine slept before the delay was sent
    rig.settle()

    ((age, seconds),) = asked
    assert age == 950
    assert seconds + age <= MAX_VISIBILITY_SECONDS


def test_a_message_whose_delete_is_under_way_is_not_lost(
    make_rig: MakeRig, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A renewal between SQS's delete and its answer finds no message, which is expected."""
    registry.add(lambda event: None, "*")
    rig = make_rig(registry)
    rig.bring()
    rig.work()
    rig.clock.advance(16)  # due to be renewed
    delete = rig.queue.delete

    def slowly(handles: Sequence[str]) -> object:
        answers = delete(handles)
        rig.parts.heartbeat.tick()
        return answers

    monkeypatch.setattr(rig.queue, "delete", slowly)
    rig.settle()

    assert rig.calls("change_visibility") == [1]
    assert rig.stats["visibility_lost"] == 0
    assert rig.stats["deleted"] == 1

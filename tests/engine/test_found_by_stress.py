"""Bugs that the stress of real threads has found, each in its shortest form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.errors import Retry
from tests.engine.conftest import THROTTLED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from consumer.queues.transport import EntryFailure
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]


def test_a_message_redelivered_before_its_retry_is_answered_is_handled_again(
    make_rig: MakeRig, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a retry at once, an open long poll gets the message before the answer to the retry.

    That delivery was taken for one of a message in flight, which was released a moment later:
    it was not handled, and it stayed hidden for its visibility timeout.
    """
    tries: list[int] = []

    def handle(event: Event) -> None:
        tries.append(len(tries))
        if len(tries) == 1:
            raise Retry(after=0)

    def change_and_deliver(changes: Sequence[tuple[str, int]]) -> list[EntryFailure | None]:
        answers = change(changes)
        monkeypatch.undo()
        rig.receive()  # another thread's, which waited for a message
        return answers

    registry.add(handle, "*")
    rig = make_rig(registry)
    sent = rig.send()
    change = rig.queue.change_visibility
    monkeypatch.setattr(rig.queue, "change_visibility", change_and_deliver)

    rig.cycle()
    assert rig.held() == sent
    rig.work()
    rig.settle()

    assert len(tries) == 2
    assert rig.queue.deleted() == sent
    in_flight = rig.parts.in_flight
    assert (len(in_flight), in_flight._bytes, in_flight._reserved) == (0, 0, 0)


def test_waiting_messages_are_visible_again_though_their_handler_recovers_while_draining(
    make_rig: MakeRig, registry: Registry
) -> None:
    """The last call before the end is a probe, and it succeeds.

    The housekeeper was to make the waiting messages visible; nothing else was left to
    do, so the process ended first, and the messages stayed hidden for minutes, or for an hour.
    """
    broken = True

    def handle(_event: Event) -> None:
        if broken:
            raise OSError

    registry.add(handle, "*")
    rig = make_rig(registry, engine={"breaker_failures": 1, "max_in_flight_messages": 2})
    rig.send(count=2)
    rig.cycle()
    held = rig.held()
    hidden = [message_id for message_id in rig.queue.in_flight() if message_id not in held]
    assert (len(held), len(hidden)) == (1, 1)
    rig.clock.advance(1.0)
    rig.parts.flow.tick()
    broken = False

    def while_waiting(_seconds_left: float) -> bool:
        rig.run_threads()
        return False

    rig.worker.drain(while_waiting)

    assert rig.queue.deleted() == held
    assert rig.queue.visible() == hidden


def test_no_thread_spins_while_the_only_message_waits_to_be_deleted_again(
    make_rig: MakeRig, registry: Registry
) -> None:
    """SQS has refused its delete, and there is no capacity left: threads park until it is due.

    One of them took the role of settling everything again and again, and could settle nothing.
    """
    registry.add(lambda _event: None, "*", name="one")
    rig = make_rig(registry, engine={"max_in_flight_messages": 1})
    sent = rig.bring(2)
    rig.work()
    rig.refuse("delete", {0: THROTTLED})
    rig.parts.outbox.send(partial=True)

    assert rig.parts.outbox.pending() == 1
    assert rig.parts.pool.take_role() is None

    rig.beat(1)
    assert rig.parts.outbox.pending() == 0
    assert len(rig.queue.deleted()) == 1
    assert set(rig.queue.deleted()) < set(sent)

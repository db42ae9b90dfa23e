"""A process that ends while a handler still runs remembers what other handlers have done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.errors import Reject
from consumer.ledger.ledger import open_ledger
from consumer.testing import InMemoryQueue
from tests.engine.ledger_files import steps_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event, ReceivedMessage
    from consumer.testing import ManualClock
    from tests.engine.conftest import Rig
    from tests.engine.drains import Counts

    MakeRig = Callable[..., Rig]


@pytest.mark.parametrize("signal_after", [None, 0])
def test_the_success_of_one_handler_is_remembered_while_another_still_runs(
    make_rig: MakeRig, registry: Registry, clock: ManualClock, tmp_path: Path,
    signal_after: int | None,
) -> None:  # fmt: skip
    """The time to drain is up, or a second signal comes, while a batch handler is at work.

    Its messages are given back; the next process runs the batch handler only.
    """
    single: list[str] = []
    batches: list[int] = []
    counts: list[Counts] = []

    def store(events: Sequence[Event]) -> None:
        batches.append(len(events))
        if not counts:  # the process drains, and ends, while this call has not returned
            counts.append(first.drain(signal_after=signal_after))
            first_ledger.close()

    registry.add(lambda event: single.append(event.message_id), "*", name="single")
    registry.add(store, "*", name="store", batch=3, linger_seconds=1)
    queue = InMemoryQueue(clock, visibility_timeout_seconds=30, advance_on_empty=False)
    first_ledger = open_ledger(tmp_path, clock=clock)
    first = make_rig(registry, queue=queue, clock=clock, ledger=first_ledger)
    sent = first.send(count=3)
    first.receive()
    # A thread takes the role, as the pool's threads do, and is in it meanwhile.
    role = first.parts.pool.take_role()
    assert role == "work"
    first.parts.pool.do(role)
    assert counts[0].abandoned == 3

    second = make_rig(registry, queue=queue, clock=clock, ledger=open_ledger(tmp_path, clock=clock))
    second.cycle()

    assert sorted(single) == sorted(sent)
    assert batches == [3, 3]
    assert sorted(queue.deleted()) == sorted(sent)


def test_a_call_that_ends_after_its_release_is_noted_while_the_file_is_open(
    make_rig: MakeRig, registry: Registry, clock: ManualClock, tmp_path: Path, logs: list[object]
) -> None:
    """It ended in time after all: the next process does not run it again."""
    runs: list[str] = []

    def slow(event: Event) -> None:
        runs.append(event.message_id)
        if len(runs) == 1:
            assert rig.drain(signal_after=0).abandoned == 1

    registry.add(slow, "*", name="slow")
    queue = InMemoryQueue(clock, visibility_timeout_seconds=30, advance_on_empty=False)
    ledger = open_ledger(tmp_path, clock=clock)
    rig = make_rig(registry, queue=queue, clock=clock, ledger=ledger)
    (sent,) = rig.send()
    rig.receive()
    role = rig.parts.pool.take_role()
    assert role == "work"
    rig.parts.pool.do(role)
    ledger.close()

    assert set(steps_in(tmp_path)) == {sent}
    again = make_rig(registry, queue=queue, clock=clock, ledger=open_ledger(tmp_path, clock=clock))
    again.cycle()
    assert runs == [sent]
    assert queue.deleted() == [sent]


def test_a_reject_that_comes_after_its_message_was_given_back_sets_nothing_apart(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Another delivery decides by now: it may succeed, or be set apart itself."""
    apart: list[str] = []

    class Apart:
        def put(self, message: ReceivedMessage, _reason: str, _handler: str = "") -> None:
            apart.append(message.message_id)

    def slow(_event: Event) -> None:
        assert rig.drain(signal_after=0).abandoned == 1
        raise Reject("never")

    registry.add(slow, "*", name="slow")
    rig = make_rig(registry, quarantine=Apart())
    (sent,) = rig.send()
    rig.receive()
    role = rig.parts.pool.take_role()
    assert role == "work"

    rig.parts.pool.do(role)

    assert apart == []
    assert rig.stats["rejected"] == 0
    assert rig.queue.visible() == [sent]

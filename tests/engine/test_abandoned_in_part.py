"""A process that ends while a handler still runs forgets nothing that other handlers have done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.testing import InMemoryQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from consumer.testing import ManualClock
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]


@pytest.mark.parametrize("signal_after", [None, 0])
def test_what_succeeded_beside_a_handler_that_still_runs_is_remembered(
    make_rig: MakeRig, registry: Registry, clock: ManualClock, tmp_path: Path,
    signal_after: int | None,
) -> None:  # fmt: skip
    """The time to drain is up, or a second signal comes, while a batch handler is at work.

    Its messages are given back; the next process runs the batch handler only.
    """
    from consumer.engine.ledger import open_ledger

    single: list[str] = []
    batches: list[int] = []
    accounts: list[Account] = []

    def store(events: Sequence[Event]) -> None:
        batches.append(len(events))
        if not accounts:  # the process drains, and ends, while this call has not returned
            accounts.append(first.drain(signal_after=signal_after))
            first_ledger.close()

    registry.add(lambda event: single.append(event.message_id), "*", name="single")
    registry.add(store, "*", name="store", batch=3, linger_seconds=1)
    queue = InMemoryQueue(clock, visibility_timeout_seconds=30, advance_on_empty=False)
    first_ledger = open_ledger(tmp_path, clock=clock)
    first = make_rig(registry, queue=queue, clock=clock, ledger=first_ledger)
    sent = first.send(count=3)
    first.poll()
    # As a thread of the crew would, which counts itself as working meanwhile.
    first.worker.crew.working += 1
    while first.worker.crew._queue and not accounts:
        first.worker.pipeline.process(first.worker.crew._queue.popleft())
    assert accounts[0].abandoned == 3

    with_ledger = open_ledger(tmp_path, clock=clock)
    second = make_rig(registry, queue=queue, clock=clock, ledger=with_ledger)
    second.cycle()

    assert sorted(single) == sorted(sent)
    assert batches == [3, 3]
    assert sorted(queue.deleted()) == sorted(sent)
    with_ledger.close()

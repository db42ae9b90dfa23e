"""What was handled together is noted together, before any of it is deleted."""

from __future__ import annotations

import shutil
from random import Random
from typing import TYPE_CHECKING

import pytest
from consumer.engine.settler import Settler

from consumer.engine.inflight import InFlight
from consumer.engine.ledger import open_ledger
from consumer.engine.stats import Stats
from consumer.queues.transport import EntryFailure
from consumer.retry import RetryPolicy
from consumer.testing import InMemoryQueue, ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from consumer.engine.inflight import Slot

STEPS = [(0, "archive")]
THROTTLED = EntryFailure("RequestThrottled")


class Watched(InMemoryQueue):
    """Copies the state directory as it is at each delete; then answers as it is told."""

    def __init__(self, clock: ManualClock, state: Path, copies: Path) -> None:
        super().__init__(clock)
        self._state = state
        self._copies = copies
        self.answers: list[list[EntryFailure | None]] = []
        self.deletes = 0

    def delete(self, receipt_handles: Sequence[str]) -> list[EntryFailure | None]:
        self.deletes += 1
        shutil.copytree(self._state, self._copies / str(self.deletes))
        return self.answers.pop(0) if self.answers else [None] * len(receipt_handles)


class Bench:
    """A settler over a durable ledger."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.folder = folder
        self.queue = Watched(self.clock, folder / "state", folder)
        self.table = InFlight(max_messages=1000, max_bytes=1 << 40)
        self.ledger = open_ledger(folder / "state", clock=self.clock)
        self.settler = Settler(
            self.queue,
            self.table,
            self.ledger,
            Stats(),
            clock=self.clock,
            rng=Random(1),
            linger_seconds=0.5,
            backoff=RetryPolicy(5, 900),
        )

    def remembered(self, delete: int) -> int:
        """How many messages a process remembers that starts after a kill in the n-th delete."""
        return len(open_ledger(self.folder / str(delete), clock=self.clock))


@pytest.fixture(name="bench")
def _bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(name="slots")
def _slots(bench: Bench, make_slot: Callable[..., Slot]) -> list[Slot]:
    return [make_slot(bench.table) for _ in range(25)]


def test_a_kill_in_the_first_of_many_deletes_finds_all_noted(
    bench: Bench, slots: list[Slot]
) -> None:
    """Also those that are to be deleted later, and those that wait to fill a batch."""
    bench.settler.ack_all([(slot, STEPS) for slot in slots])

    assert bench.queue.deletes == 2
    assert bench.remembered(1) == 25


def test_what_is_deleted_is_not_remembered(bench: Bench, slots: list[Slot]) -> None:
    """The note of all goes when the last of them is deleted."""
    bench.settler.ack_all([(slot, STEPS) for slot in slots])
    bench.settler.flush(everything=True)
    bench.ledger.flush()

    assert bench.queue.deletes == 3
    assert len(open_ledger(bench.folder / "state", clock=bench.clock)) == 0


def test_what_is_to_be_deleted_once_more_stays_noted(bench: Bench, slots: list[Slot]) -> None:
    """A kill before the second attempt at an entry that SQS refused runs nothing again."""
    bench.queue.answers = [[THROTTLED] * 10]

    for slot in slots[:10]:
        bench.settler.ack(slot, STEPS)
    bench.ledger.flush()
    shutil.copytree(bench.folder / "state", bench.folder / "99")

    assert bench.settler.pending() == 10
    assert bench.remembered(99) == 10

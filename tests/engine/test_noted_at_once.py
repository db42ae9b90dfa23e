"""A handler's success is in the ledger's file soon: before a delete, and while others run."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from consumer.handlers.registering.registry import Registry
from consumer.ledger.database import Step
from consumer.ledger.ledger import COMMIT_SECONDS, open_ledger
from consumer.testing import InMemoryQueue, ManualClock
from tests.engine.conftest import THROTTLED, VISIBILITY, Rig
from tests.engine.ledger_files import rows_in, steps_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from consumer.messages import Event
    from consumer.queues.transport import EntryFailure


class Watched(InMemoryQueue):
    """Copies the state directory at each delete."""

    def __init__(self, clock: ManualClock, state: Path, copies: Path) -> None:
        super().__init__(clock, visibility_timeout_seconds=VISIBILITY, advance_on_empty=False)
        self._state = state
        self._copies = copies
        self.deletes = 0

    def delete(self, receipt_handles: Sequence[str]) -> list[EntryFailure | None]:
        self.deletes += 1
        shutil.copytree(self._state, self._copies / str(self.deletes))
        return super().delete(receipt_handles)


class Bench:
    """Processes that share a queue and, one after the other, a state directory."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.folder = folder
        self.state = folder / "state"
        self.state.mkdir()
        self.queue = Watched(self.clock, self.state, folder)
        #: The runs of handlers, in order: process, handler, message id.
        self.runs: list[tuple[int, str, str]] = []
        #: Called when a handler has run, with its name and the message id.
        self.after: Callable[[str, str], object] = lambda _handler, _message_id: None
        self.rigs: list[Rig] = []

    def start(self, *single: str, batches: dict[str, int] | None = None, gate: str = "") -> Rig:
        """Start a process with these handlers, and batch handlers by size, after the one before."""
        registry, number = Registry(), len(self.rigs)

        def note(name: str, event: Event) -> None:
            self.runs.append((number, name, event.message_id))
            self.after(name, event.message_id)

        def make(name: str) -> Callable[[Event], None]:
            return lambda event: note(name, event)

        def make_batch(name: str) -> Callable[[Sequence[Event]], None]:
            def store(events: Sequence[Event]) -> None:
                for event in events:
                    note(name, event)

            return store

        for name in single:
            registry.add(make(name), "*", name=name, concurrency=1 if name == gate else None)
        for name, size in (batches or {}).items():
            registry.add(make_batch(name), "*", name=name, batch=size, linger_seconds=5)
        ledger = open_ledger(self.state, clock=self.clock)
        self.rigs.append(Rig(registry, queue=self.queue, clock=self.clock, ledger=ledger))
        return self.rigs[-1]

    def go_on_without(self, *single: str, gate: str = "") -> None:
        """The process dies inside of a handler; a new one takes over."""
        self.after = lambda _handler, _message_id: None
        self.clock.advance(VISIBILITY)
        self.start(*single, gate=gate).cycle()

    def in_file(self) -> dict[str, set[str]]:
        """By message id the handlers that a process started now would not run again."""
        return {
            message_id: {step.handler for step in steps}
            for message_id, steps in steps_in(self.state).items()
        }

    def remembered(self, delete: int) -> int:
        """How many messages a process remembers that starts after a kill in the n-th delete."""
        return len(open_ledger(self.folder / str(delete), clock=self.clock))

    def runs_of(self, process: int) -> list[tuple[str, str]]:
        """What the handlers of one process ran, by handler and message id."""
        return sorted(run[1:] for run in self.runs if run[0] == process)


@pytest.fixture(name="bench")
def _bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_kill_in_the_first_of_many_deletes_finds_all_noted(bench: Bench) -> None:
    """Also the messages to be deleted later, and those in a batch that is not full."""
    rig = bench.start("archive")
    rig.bring(25)
    while rig.parts.receiver.received:
        rig.begin_one()
    rig.settle()

    assert bench.queue.deletes == 3
    assert [bench.remembered(1), bench.remembered(2), bench.remembered(3)] == [25, 25, 25]


def test_deleted_messages_are_not_remembered(bench: Bench) -> None:
    """A row is deleted with the last of its messages."""
    rig = bench.start("archive")
    rig.send(count=25)
    for _ in range(3):
        rig.cycle()
    rig.tick()

    assert len(bench.queue.deleted()) == 25
    assert rows_in(bench.state) == []


def test_a_message_whose_delete_is_repeated_stays_noted(bench: Bench) -> None:
    """A kill before the second attempt at a refused entry runs nothing again."""
    rig = bench.start("archive")
    rig.send(count=10)
    rig.refuse("delete", dict.fromkeys(range(10), THROTTLED))
    rig.receive()
    rig.work()
    rig.tick()

    assert bench.queue.deletes == 1
    assert rig.parts.outbox.pending() == 10
    assert len(bench.in_file()) == 10


def test_a_step_is_in_the_file_before_the_next_handler_runs(bench: Bench) -> None:
    """At once if the last commit was a while ago: after a crash only the other handlers run."""
    handlers = ("first", "second", "third")
    rig = bench.start(*handlers)
    rig.send()
    rig.cycle()
    bench.clock.advance(COMMIT_SECONDS * 2)
    (sent,) = rig.send()
    found: list[set[str]] = []

    def die(handler: str, message_id: str) -> None:
        if handler == "second":
            found.append(bench.in_file()[message_id])
            bench.go_on_without(*handlers)

    bench.after = die
    rig.receive()
    rig.begin_one()

    assert found == [{"first"}]
    assert bench.runs_of(1) == [("second", sent), ("third", sent)]
    assert sent in bench.queue.deleted()


def test_a_step_is_in_the_file_after_a_tick_at_the_latest(bench: Bench) -> None:
    """Shortly after another commit it waits: for the next step, or for the housekeeper."""
    rig = bench.start("first", "second")
    sent = rig.send(count=2)
    found: list[set[str]] = []

    def look(handler: str, message_id: str) -> None:
        if handler == "second" and message_id == sent[1]:
            found.append(bench.in_file().get(message_id, set()))
            rig.worker.threads.tick()
            found.append(bench.in_file().get(message_id, set()))

    bench.after = look
    rig.receive()
    while rig.parts.receiver.received:
        rig.begin_one()

    assert found == [set(), {"first"}]


def test_steps_of_calls_that_wait_at_a_gate_are_in_the_file(bench: Bench) -> None:
    """A slow handler lets one call in; what others did for the waiting messages is not lost."""
    rig = bench.start("quick", "slow", gate="slow")
    sent = rig.send(count=3)
    found: list[dict[str, set[str]]] = []

    def die(handler: str, _message_id: str) -> None:
        if handler == "slow":  # this call has not returned while other threads begin the rest
            while rig.parts.receiver.received:
                rig.begin_one()
            rig.worker.threads.tick()
            found.append(bench.in_file())
            bench.go_on_without("quick", "slow", gate="slow")

    bench.after = die
    rig.receive()
    rig.begin_one()

    assert found == [{message_id: {"quick"} for message_id in sent}]
    assert bench.runs_of(1) == sorted(("slow", message_id) for message_id in sent)
    assert sorted(bench.queue.deleted()) == sorted(sent)


def test_the_success_of_one_batch_handler_is_in_the_file_while_another_collects(
    bench: Bench,
) -> None:
    """After a crash only the one runs whose batch was not full."""
    batches = {"small": 3, "large": 10}
    rig = bench.start(batches=batches)
    sent = rig.bring(3)
    rig.work()
    rig.worker.threads.tick()

    assert bench.in_file() == {message_id: {"small"} for message_id in sent}
    bench.clock.advance(VISIBILITY)
    second = bench.start(batches=batches)
    second.cycle()
    second.beat(6)
    second.work()
    second.settle()
    assert bench.runs_of(1) == sorted(("large", message_id) for message_id in sent)
    assert sorted(bench.queue.deleted()) == sorted(sent)


def test_a_success_is_in_the_file_though_another_handler_failed(bench: Bench) -> None:
    """The next process that receives the message runs only what failed."""
    rig = bench.start("good", "bad")
    (sent,) = rig.send()

    def fail(handler: str, _message_id: str) -> None:
        if handler == "bad":
            raise ConnectionError

    bench.after = fail
    rig.cycle()

    assert steps_in(bench.state) == {sent: {Step(0, "good")}}
    bench.after = lambda _handler, _message_id: None
    bench.clock.advance(VISIBILITY)
    bench.start("good", "bad").cycle()
    assert bench.runs_of(1) == [("bad", sent)]

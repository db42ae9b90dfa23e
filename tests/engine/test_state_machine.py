"""Any order of receiving, handling, settling, failing and waiting: the promise holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from consumer.errors import BatchFailure, Reject, Retry, TransportError
from consumer.handlers.registering.registry import Registry
from consumer.queues.transport import EntryFailure
from consumer.sqs_limits import MAX_VISIBILITY_SECONDS
from consumer.testing import Fault, InMemoryQueue, ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.messages import Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]

CAPACITY = 12
HANDLERS = ("single", "gated", "store")

Mood = Literal["fine", "fails", "asks for a retry", "rejects", "leaves", "fails in part"]
MOODS: list[Mood] = ["fine", "fine", "fails", "asks for a retry", "rejects", "leaves"]


class StrictQueue(InMemoryQueue):
    """Refuses nothing silently: what SQS would not take for its twelve hours is an error here."""

    def change_visibility(self, changes: Sequence[tuple[str, int]]) -> list[EntryFailure | None]:
        now = self.clock.monotonic()
        for handle, seconds in changes:
            message = self._by_handle[handle]
            assert seconds + now - message.received_at <= MAX_VISIBILITY_SECONDS
        return super().change_visibility(changes)


class EngineMachine(RuleBasedStateMachine):
    """One process after another on one queue. Handlers have moods, the network has faults."""

    def __init__(self, make_rig: MakeRig) -> None:
        super().__init__()
        self.make_rig = make_rig
        self.clock = ManualClock()
        self.dead = InMemoryQueue(self.clock, name="dead")
        self.queue = StrictQueue(
            self.clock,
            visibility_timeout_seconds=30,
            max_receive_count=5,
            dead_letter_queue=self.dead,
            advance_on_empty=False,
        )
        self.mood: Mood = "fine"
        self.batch_mood: Mood = "fine"
        self.company = False
        self.events: dict[str, int] = {}
        self.succeeded: set[tuple[str, int, str]] = set()
        self.in_this_process: set[tuple[str, int, str]] = set()
        self.start()

    def start(self) -> None:
        """A new process: it remembers nothing."""
        registry = Registry()
        registry.add(lambda event: self.handle("single", event), "*", name="single")
        registry.add(lambda event: self.handle("gated", event), "*", name="gated", concurrency=1)
        registry.add(self.store, "*", name="store", batch=4, linger_seconds=5, concurrency=1)
        self.rig = self.make_rig(
            registry,
            queue=self.queue,
            clock=self.clock,
            engine={"max_in_flight_messages": CAPACITY, "drain_timeout_seconds": 20},
        )
        self.in_this_process.clear()

    def handle(self, name: str, event: Event) -> None:
        """A handler of single events; with company, another thread works while it runs."""
        if self.company and name == "gated":
            self.company = False
            self.process()
        self.raise_mood(self.mood)
        self.note(name, event)

    def store(self, events: Sequence[Event]) -> None:
        """A batch handler."""
        if self.batch_mood == "fails in part":
            for event in events[1:]:
                self.note("store", event)
            raise BatchFailure({events[0]: OSError()})
        self.raise_mood(self.batch_mood)
        for event in events:
            self.note("store", event)

    @staticmethod
    def raise_mood(mood: Mood) -> None:
        """Do what the mood says."""
        errors: dict[Mood, BaseException] = {
            "fails": OSError(),
            "asks for a retry": Retry("busy", after=0),
            "rejects": Reject("no"),
            "leaves": SystemExit(),
        }
        if mood in errors:
            raise errors[mood]

    def note(self, name: str, event: Event) -> None:
        """A handler succeeded: no process may have it do that twice."""
        step = (event.message_id, event.index, name)
        assert step not in self.in_this_process
        self.in_this_process.add(step)
        self.succeeded.add(step)

    @rule(count=st.integers(1, 12))
    def send(self, count: int) -> None:
        """Canvas puts events into the queue."""
        self.events.update(dict.fromkeys(self.rig.send(count=count), 1))

    @rule(events=st.integers(1, 6))
    def send_envelope(self, events: int) -> None:
        """Several events in one message."""
        self.events[self.rig.send_envelope(events)] = events

    @rule()
    def send_rubbish(self) -> None:
        """No event at all: it can never be handled."""
        self.events[self.queue.send("{}")] = 1

    @rule(mood=st.sampled_from(MOODS), batch_mood=st.sampled_from([*MOODS, "fails in part"]))
    def change_mood(self, mood: Mood, batch_mood: Mood) -> None:
        """A dependency of the handlers breaks or is mended."""
        self.mood, self.batch_mood = mood, batch_mood

    @rule()
    def receive(self) -> None:
        """A thread receives."""
        self.rig.receive()

    @rule()
    def process(self) -> None:
        """A thread takes one item."""
        self.rig.parts.pool.work_once()

    @rule()
    def process_in_company(self) -> None:
        """A thread takes one item while another is in a handler."""
        self.company = True
        self.process()
        self.company = False

    @rule()
    def process_all(self) -> None:
        """Threads take what there is."""
        self.rig.work()

    @rule(everything=st.booleans())
    def flush(self, *, everything: bool) -> None:
        """The outbox sends."""
        while self.rig.parts.outbox.send(partial=everything):
            pass

    @rule(seconds=st.sampled_from([0.5, 3.0, 16.0, 40.0, 950.0]))
    def wait(self, seconds: float) -> None:
        """Time passes and no thread runs: all threads starve, or the machine sleeps."""
        self.clock.advance(seconds)

    @rule(seconds=st.sampled_from([1, 20, 300]))
    def beat(self, seconds: int) -> None:
        """Time passes while the heartbeat and the housekeeping do their part."""
        self.rig.beat(seconds, step=1 if seconds < 100 else 10)

    @rule(
        operation=st.sampled_from(["receive", "delete", "change_visibility"]),
        times=st.sampled_from([1, 2, 8]),
        after=st.booleans(),
    )
    def break_calls(self, operation: Any, times: int, *, after: bool) -> None:
        """The next calls fail, before the queue acts or after it."""
        fault = Fault(error=TransportError("down"), after=after, operation=operation)
        self.queue.faults = [fault] * times

    @rule(
        operation=st.sampled_from(["delete", "change_visibility"]),
        positions=st.sets(st.integers(0, 9), min_size=1),
        times=st.sampled_from([1, 4]),
    )
    def break_entries(self, operation: Any, positions: set[int], times: int) -> None:
        """The next calls succeed in part."""
        failed = dict.fromkeys(positions, EntryFailure("RequestThrottled"))
        self.queue.faults = [Fault(failed=failed, operation=operation)] * times

    @precondition(lambda self: self.queue.in_flight())
    @rule(data=st.data())
    def redeliver(self, data: st.DataObject) -> None:
        """SQS shows a message again though it is in flight."""
        self.queue.redeliver(data.draw(st.sampled_from(self.queue.in_flight())))

    @rule(at_once=st.booleans())
    def restart(self, *, at_once: bool) -> None:
        """A deployment: drain (perhaps with a second signal), and start anew."""
        self.rig.drain(signal_after=0 if at_once else None)
        self.check_drained()
        self.start()

    @rule()
    def crash(self) -> None:
        """Kill -9: nothing is drained, nothing remembered."""
        self.start()

    @invariant()
    def capacity_is_kept(self) -> None:
        """Never more than may be held, and no reservation without a receive."""
        table = self.rig.parts.in_flight
        assert len(table) <= CAPACITY
        assert table._reserved == 0
        assert table._bytes == sum(slot.size_bytes for slot in table.snapshot())

    @invariant()
    def nothing_is_deleted_that_was_not_handled(self) -> None:
        """By every handler that asked for it, every event of it."""
        for message_id in self.queue.deleted():
            for index in range(self.events[message_id]):
                assert all((message_id, index, name) in self.succeeded for name in HANDLERS)

    @invariant()
    def nothing_is_lost(self) -> None:
        """Every message is deleted, in the queue, or in the dead-letter queue."""
        known = {*self.queue.deleted(), *self.queue.bodies(), *self.dead.bodies()}
        assert known == self.events.keys()

    def check_drained(self) -> None:
        """Every slot was given back."""
        assert self.rig.held() == []
        assert self.rig.parts.outbox.pending() == 0

    def teardown(self) -> None:
        """In the end all is mended; what is left gets through, but for what is dead."""
        self.queue.faults = []
        self.mood = self.batch_mood = "fine"
        self.rig.drain()
        self.check_drained()
        self.capacity_is_kept()
        self.start()
        for _ in range(10 + len(self.events)):
            self.clock.advance(1000)
            self.rig.cycle()
            self.rig.beat(5)
            self.rig.work()
            self.rig.settle()
        self.nothing_is_deleted_that_was_not_handled()
        self.nothing_is_lost()
        assert self.rig.held() == []
        rubbish = {message_id for message_id, body in self.queue.bodies().items() if body == "{}"}
        assert self.queue.bodies().keys() == rubbish


def test_the_promise_holds_in_any_order_of_events(make_rig: MakeRig) -> None:
    """At-least-once, once per process, deleted only after success, and nothing held for ever."""
    run_state_machine_as_test(
        lambda: EngineMachine(make_rig),  # type: ignore[arg-type]  # a factory is taken as well
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            suppress_health_check=list(HealthCheck),
        ),
    )

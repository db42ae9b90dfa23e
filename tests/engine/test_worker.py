"""The whole engine: when it is finished, and (only here) its real threads."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from consumer.clock import SystemClock
from consumer.config import EngineSettings, QueueSettings, Settings
from consumer.engine.parts import Parts, capacity_for
from consumer.engine.run_options import RunOptions
from consumer.engine.worker import Worker
from consumer.errors import AccessDeniedError, TransportError
from consumer.handlers.registering.registry import Registry
from consumer.testing import Fault, InMemoryQueue, canvas_body
from tests.engine.drains import drained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from consumer.messages import Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]

#: No step of a test with threads takes longer than this, or it fails.
BOUND = 60.0


def test_capacity_leaves_room_for_every_worker_receive_and_batch() -> None:
    """Unless the capacity is configured."""
    registry = Registry()
    registry.add(lambda _events: None, "*", name="a", batch=500)
    registry.add(lambda _event: None, "*", name="b")

    assert capacity_for(EngineSettings(workers=3, max_pollers=2), registry) == 70 + 1000
    assert capacity_for(EngineSettings(max_in_flight_messages=7), registry) == 7


def test_a_worker_does_not_finish_by_itself(make_rig: MakeRig, registry: Registry) -> None:
    """Without a limit it goes on, however empty the queue is."""
    rig = make_rig(registry)
    for _ in range(3):
        rig.receive_as_a_thread()

    assert rig.status.finished == ""


def test_it_is_finished_when_the_limit_was_received_and_settled(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Not before the last of them is settled."""
    rig = make_rig(registry, max_messages=3)
    rig.bring(9)
    assert rig.status.finished == ""
    rig.work()
    assert rig.status.finished == ""

    rig.settle()

    assert rig.status.finished == "max_messages reached"
    assert len(rig.queue.deleted()) == 3


def test_it_is_not_finished_if_messages_arrive_during_the_check(
    make_rig: MakeRig, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receive may return between the check of the limit and the check of what is held."""
    rig = make_rig(registry, max_messages=3)
    rig.send(count=3)
    held = type(rig.parts.in_flight).__len__

    def receive_after_the_look(table: Any) -> int:
        count = held(table)
        monkeypatch.undo()
        rig.parts.receiver.receive()
        return count

    monkeypatch.setattr(type(rig.parts.in_flight), "__len__", receive_after_the_look)

    assert rig.status.finished == ""


def test_a_refused_settle_finishes_the_worker(make_rig: MakeRig, registry: Registry) -> None:
    """The status has the error."""
    registry.add(lambda _event: None, "*", name="one")
    rig = make_rig(registry)
    rig.send()
    rig.fail("delete", fatal=True)

    rig.cycle()

    assert rig.status.finished == "failure"
    assert isinstance(rig.status.failure, AccessDeniedError)


class Engine:
    """A worker with its threads, on the machine's own clock."""

    def __init__(self, registry: Registry, **options: Any) -> None:
        self.queue = InMemoryQueue(SystemClock())
        self.settled = threading.Event()
        self.parts = Parts(
            self.queue,
            registry,
            Settings(
                queue=QueueSettings(wait_time_seconds=1),
                engine=EngineSettings(
                    settle_linger_seconds=0.01, drain_timeout_seconds=BOUND, retry_base_seconds=1
                ),
            ),
            RunOptions(30, **options),
            clock=SystemClock(),
        )
        self.worker = Worker(self.parts)

    def send(self, count: int) -> list[str]:
        """Put messages into the queue."""
        return [self.queue.send(canvas_body(number=number)) for number in range(count)]

    def wait(self, condition: Callable[[], object], seconds: float = BOUND) -> None:
        """Wait until it holds; fails after a bound."""
        clock, never = SystemClock(), threading.Event()
        deadline = clock.monotonic() + seconds
        while not condition():
            assert clock.monotonic() < deadline, "did not happen in time"
            clock.wait(never, 0.002)

    def end(self) -> None:
        """Drain at once, and wait for every thread to end."""
        if not self.worker.threads.ended.is_set():
            self.worker.drain(lambda _seconds_left: True)
        self.queue.send("ends an open long poll")
        for thread in self.worker.threads.all:
            thread.join(BOUND)
            assert not thread.is_alive(), thread.name


@pytest.fixture(name="make_engine")
def _make_engine(registry: Registry) -> Iterator[Callable[..., Engine]]:
    engines: list[Engine] = []

    def make(**options: Any) -> Engine:
        engines.append(Engine(registry, **options))
        return engines[-1]

    yield make
    for engine in engines:
        engine.end()


def test_threads_handle_every_message_once_and_delete_it(
    make_engine: Callable[..., Engine], registry: Registry
) -> None:
    """A thousand messages through all threads: none is missing, none is left."""
    singles: Counter[str] = Counter()
    batches: Counter[str] = Counter()
    lock = threading.Lock()

    def single(event: Event) -> None:
        with lock:
            singles[event.message_id] += 1

    def batch(events: Sequence[Event]) -> None:
        with lock:
            batches.update(event.message_id for event in events)

    registry.add(single, "*")
    registry.add(batch, "*", batch=50, linger_seconds=0.05)
    engine = make_engine(until_empty=True)
    ids = engine.send(1000)

    engine.worker.start()
    engine.wait(lambda: engine.worker.status().finished)
    counts = drained(engine.worker, lambda _seconds_left: False)

    assert engine.worker.status().failure is None
    assert sorted(engine.queue.deleted()) == sorted(ids)
    assert singles == batches == Counter(ids)
    assert (counts.handled, counts.deleted, counts.abandoned) == (1000, 1000, 0)
    assert len(engine.parts.in_flight) == 0


def test_a_limit_is_exact_with_threads(
    make_engine: Callable[..., Engine], registry: Registry
) -> None:
    """However many receive at once."""
    registry.add(lambda _event: None, "*", name="one")
    engine = make_engine(max_messages=137)
    engine.send(500)

    engine.worker.start()
    engine.wait(lambda: engine.worker.status().finished)
    counts = drained(engine.worker, lambda _seconds_left: False)

    assert counts.handled == counts.deleted == len(engine.queue.deleted()) == 137
    assert counts.released == 0


def test_a_handler_with_little_concurrency_is_never_entered_by_more(
    make_engine: Callable[..., Engine], registry: Registry
) -> None:
    """In the end it gets everything."""
    lock = threading.Lock()
    inside: list[int] = [0]
    most: list[int] = [0]
    pause = threading.Event()

    def slow(_event: Event) -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        pause.wait(0.003)
        with lock:
            inside[0] -= 1

    registry.add(slow, "*", concurrency=2)
    engine = make_engine()
    engine.send(60)

    engine.worker.start()
    engine.wait(lambda: len(engine.queue.deleted()) == 60)

    assert most[0] == 2


@pytest.mark.parametrize(
    ("part", "verb"),
    [("heartbeat", "tick"), ("housekeeper", "tick"), ("receiver", "receive"), ("flow", "begin")],
)
def test_a_loop_that_dies_finishes_the_worker(
    make_engine: Callable[..., Engine], registry: Registry, monkeypatch: pytest.MonkeyPatch,
    part: str, verb: str,
) -> None:  # fmt: skip
    """The engine can't go on without it; the error is kept for the exit code."""
    error = ZeroDivisionError()

    def die(*_args: object, **_options: object) -> None:
        raise error

    engine = make_engine()
    engine.send(1)
    with monkeypatch.context() as patch:
        parts = {"housekeeper": engine.worker.threads}
        patch.setattr(parts.get(part) or getattr(engine.parts, part), verb, die)
        engine.worker.start()
        engine.wait(lambda: engine.worker.status().finished)

        assert engine.worker.status().finished == "failure"
        assert engine.worker.status().failure is error


def test_a_refused_first_receive_finishes_the_worker(
    make_engine: Callable[..., Engine], registry: Registry
) -> None:
    """With the error that says why; it is not called a bug."""
    engine = make_engine()
    error = AccessDeniedError("no", code="AccessDenied")
    engine.queue.faults = lambda _call: Fault(error=error)

    engine.worker.start()
    engine.wait(lambda: engine.worker.status().finished)

    assert engine.worker.status().failure is error


def test_a_failed_receive_is_followed_by_others(
    make_engine: Callable[..., Engine], registry: Registry
) -> None:
    """An outage does not end the loop."""
    registry.add(lambda _event: None, "*", name="one")
    engine = make_engine()
    engine.queue.faults = [Fault(error=TransportError("reset"), operation="receive")]
    ids = engine.send(1)

    engine.worker.start()

    engine.wait(lambda: engine.queue.deleted() == ids)
    assert engine.worker.status().failure is None


def test_a_handler_can_not_end_its_thread(
    make_engine: Callable[..., Engine], registry: Registry
) -> None:
    """sys.exit() in a handler is a failure of that message; all threads are still there."""

    def leave(event: Event) -> None:
        if event.metadata["number"] % 2:
            raise SystemExit

    registry.add(leave, "*")
    engine = make_engine()
    engine.send(40)

    engine.worker.start()
    engine.wait(lambda: engine.parts.stats["failed"] == 20)
    engine.wait(lambda: len(engine.queue.deleted()) == 20)

    assert all(thread.is_alive() for thread in engine.worker.threads.all)
    assert engine.worker.status().finished == ""


def test_a_message_sent_while_idle_is_handled_though_a_handler_hangs(
    make_engine: Callable[..., Engine], registry: Registry
) -> None:
    """One hung call, even the first, does not stop other threads from receiving and handling."""
    hang = threading.Event()

    def handle(event: Event) -> None:
        if event.metadata["number"] == 0:
            hang.wait(BOUND)

    registry.add(handle, "*")
    engine = make_engine()
    ids = engine.send(3)
    engine.worker.start()
    engine.wait(lambda: len(engine.queue.deleted()) == 2)
    late = engine.queue.send(canvas_body(number=9))

    engine.wait(lambda: late in engine.queue.deleted())
    assert set(engine.queue.deleted()) == {ids[1], ids[2], late}
    hang.set()
    engine.wait(lambda: ids[0] in engine.queue.deleted())


def test_a_second_signal_does_not_wait_for_a_hung_handler(
    make_engine: Callable[..., Engine], registry: Registry
) -> None:
    """Its message is visible again at once, and counted as abandoned."""
    hang, inside = threading.Event(), threading.Event()

    def handle(_event: Event) -> None:
        inside.set()
        hang.wait(BOUND)

    registry.add(handle, "*")
    engine = make_engine()
    ids = engine.send(1)
    engine.worker.start()
    assert inside.wait(BOUND)
    looks: list[float] = []

    def second_signal(seconds_left: float) -> bool:
        looks.append(seconds_left)
        return len(looks) > 2

    counts = drained(engine.worker, second_signal)
    visible = engine.queue.visible()
    hang.set()

    assert counts.abandoned == 1
    assert visible == ids
    assert all(thread.daemon for thread in engine.worker.threads.all)


def test_draining_in_the_middle_of_work_loses_nothing(
    make_engine: Callable[..., Engine], registry: Registry
) -> None:
    """Every message is deleted after it was handled, or visible again; none is hidden."""
    handled: Counter[str] = Counter()
    lock = threading.Lock()
    pause = threading.Event()

    def handle(event: Event) -> None:
        pause.wait(0.001)
        with lock:
            handled[event.message_id] += 1

    registry.add(handle, "*")
    engine = make_engine()
    ids = engine.send(400)
    engine.worker.start()
    engine.wait(lambda: sum(handled.values()) >= 50)

    counts = drained(engine.worker, lambda _seconds_left: False)

    assert counts.abandoned == 0
    assert counts.handled == counts.deleted == len(engine.queue.deleted())
    assert Counter(engine.queue.deleted()) == handled
    assert sorted([*engine.queue.deleted(), *engine.queue.visible()]) == sorted(ids)
    assert engine.queue.in_flight() == []

"""Which role a thread takes, how many receive at once, and who is woken; without any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.engine.call import Call
from consumer.engine.load import QUICK_SECONDS, SLACK, SPARE, WINDOW_SECONDS
from consumer.engine.pool import Role
from consumer.engine.stall import LOOK_SECONDS
from consumer.messages import Outcome
from consumer.testing import Fault, make_event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.engine.inflight import InFlightMessage
    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]
    MakeStage = Callable[..., "Stage"]

WORKERS, MAX_RECEIVES = 2, 4


class Parked(Exception):  # noqa: N818 - what became of the thread
    """A thread would wait here."""


class Turn:
    """Stands in for the condition: no thread waits, and who is woken is recorded."""

    def __init__(self) -> None:
        self.notified: list[int] = []

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_exc_info: object) -> None:
        pass

    def wait(self) -> None:
        """Where a thread would be parked."""
        raise Parked

    def notify(self, count: int = 1) -> None:
        """Record it."""
        self.notified.append(count)

    def notify_all(self) -> None:
        """Record it."""
        self.notified.append(-1)


class Stage:
    """A pool with its real parts, and one thread that takes a role at a time."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.clock = rig.clock
        self.pool = rig.parts.pool
        self.turn = Turn()
        self.pool._turn = self.turn  # type: ignore[assignment]

    def take(self) -> str:
        """The role that one thread takes, and does not do yet."""
        try:
            return self.pool._wait_for_role() or "ended"
        except Parked:
            self.pool._parked -= 1
            return "parked"

    def step(self) -> str:
        """One turn of one thread; which role it took."""
        role = self.take()
        if role not in {"parked", "ended"}:
            self.pool.do(role)  # type: ignore[arg-type]
        return role

    def hold(self, role: Role, threads: int = 1) -> None:
        """So many other threads are in a role."""
        self.pool._roles[role] = threads

    def park(self, threads: int = 1) -> None:
        """So many other threads wait."""
        self.pool._parked = threads

    def bring(self, count: int = 10) -> list[InFlightMessage]:
        """Messages that were received and wait for a thread."""
        before = len(self.rig.held())
        self.rig.send(count=count)
        while len(self.rig.held()) < before + count:
            self.rig.receive()
        return self.rig.parts.in_flight.snapshot()[before:]

    def use_cpu(self, utilisation: float) -> None:
        """A second goes by in which so much CPU is used."""
        self.clock.advance(1)
        self.clock.cpu_seconds += utilisation

    def receive(self, count: int, *, utilisation: float = 0.1) -> None:
        """One receive that brings so many messages; what it brings is out of the way then."""
        self.rig.send(count=count)
        self.use_cpu(utilisation)
        self.rig.receive_as_a_thread()
        self.rig.parts.in_flight.release(self.rig.parts.receiver.take_back())


@pytest.fixture(name="make_stage")
def _make_stage(make_rig: MakeRig) -> MakeStage:
    def make(registry: Registry, **engine: object) -> Stage:
        options = {"workers": WORKERS, "max_pollers": MAX_RECEIVES, "max_in_flight_messages": 1000}
        return Stage(make_rig(registry, engine={**options, **engine}))

    return make


@pytest.fixture(name="handled")
def _handled() -> list[Event]:
    return []


@pytest.fixture(name="stage")
def _stage(make_stage: MakeStage, registry: Registry, handled: list[Event]) -> Stage:
    registry.add(handled.append, "*", name="one")
    return make_stage(registry)


def test_a_thread_works_before_it_receives(stage: Stage, handled: list[Event]) -> None:
    """What was received goes first; without work it receives; what was handled is settled."""
    stage.rig.send()

    assert [stage.step(), stage.step()] == ["receive", "work"]
    assert len(handled) == 1
    assert stage.step() == "receive"
    stage.clock.advance(0.5)
    assert stage.step() == "settle"
    assert stage.rig.held() == []


def test_without_room_or_work_a_thread_is_parked(make_stage: MakeStage, registry: Registry) -> None:
    """Other threads handle all that may be held."""
    registry.add(lambda _event: None, "*", name="one")
    stage = make_stage(registry, max_in_flight_messages=2)
    stage.bring(2)
    stage.rig.parts.receiver.take_back()
    stage.hold("work", WORKERS)

    assert stage.step() == "parked"


def test_no_more_work_at_once_than_there_are_workers(stage: Stage) -> None:
    """The others may receive meanwhile."""
    stage.bring(1)
    stage.hold("work", WORKERS)

    assert stage.step() == "receive"

    stage.hold("work", WORKERS - 1)
    assert stage.step() == "work"


def test_no_more_receives_at_once_than_the_limit(stage: Stage) -> None:
    """One, in the beginning."""
    stage.hold("receive")

    assert stage.step() == "parked"

    stage.pool.load.limit = 2
    assert stage.step() == "receive"


def test_while_every_handler_fails_there_is_one_receive_at_a_time(
    make_stage: MakeStage, registry: Registry
) -> None:
    """What comes is one message that may show whether it works again, not forty."""

    def fail(_event: Event) -> None:
        raise ConnectionError

    registry.add(fail, "*", name="one")
    stage = make_stage(registry, breaker_failures=1)
    stage.bring(1)
    stage.step()
    stage.pool.load.limit = 4
    stage.rig.parts.admission.give_up_held()
    stage.clock.advance(600)
    assert stage.rig.parts.admission.wanted() == 1

    stage.hold("receive")
    with_an_open_receive = stage.pool._may_receive()
    stage.hold("receive", 0)

    assert not with_an_open_receive
    assert stage.pool._may_receive()


def test_nothing_is_received_or_begun_when_stopping(stage: Stage, handled: list[Event]) -> None:
    """It is given back; but a call that was begun and has waited still goes on."""
    (begun, _) = stage.bring(2)
    registry = stage.rig.parts.flow.registry
    stage.rig.parts.admission.ready.extend(calls_of(begun, registry))
    stage.rig.parts.stopping.set()

    assert [stage.step(), stage.step()] == ["work", "parked"]
    assert len(handled) == 1
    assert len(stage.rig.parts.receiver.take_back()) == 2


def calls_of(message: InFlightMessage, registry: Registry) -> list[Call]:
    """The calls that a message amounts to, as if they had waited at a gate."""
    event = make_event(message_id=message.message_id)
    handlers = registry.route(event.name, event.format)
    message.calls = len(handlers)
    return [Call(handler, [(message, event)]) for handler in handlers]


def test_what_an_open_long_poll_brings_after_the_stop_is_not_begun(stage: Stage) -> None:
    """It is only taken back."""
    stage.rig.send(count=3)
    stop = stage.rig.parts.stopping
    stage.rig.queue.faults = lambda _call: stop.set()
    assert stage.step() == "receive"

    assert stage.step() == "parked"
    assert len(stage.rig.parts.receiver.take_back()) == 3


def test_a_closed_pool_starts_nothing_more(
    make_stage: MakeStage, registry: Registry, handled: list[Event]
) -> None:
    """Neither what is queued nor, for a thread in the middle of its work, the next message."""

    def close(event: Event) -> None:
        handled.append(event)
        stage.pool.close()

    registry.add(close, "*", name="one")
    stage = make_stage(registry)
    stage.bring(2)

    assert [stage.step(), stage.step()] == ["work", "ended"]
    assert len(handled) == 1
    assert stage.rig.queued() == 1
    assert stage.turn.notified == [-1]


def test_a_pool_that_only_settles_begins_nothing(stage: Stage, handled: list[Event]) -> None:
    """The drain's time is up: what is ready is given back, and what is settled is still sent."""
    given_back, begun, _ = stage.bring(3)
    registry = stage.rig.parts.flow.registry
    stage.rig.parts.admission.ready.extend(calls_of(begun, registry))
    stage.rig.parts.settler.release([given_back])
    stage.clock.advance(1)

    stage.pool.only_settles = True

    assert [stage.step(), stage.step()] == ["settle", "parked"]
    assert not stage.pool.work_once()
    assert handled == []
    assert stage.rig.queue.visible() == [given_back.message_id]


def test_a_thread_at_work_stops_when_the_pool_only_settles(
    make_stage: MakeStage, registry: Registry, handled: list[Event]
) -> None:
    """It does not go on to the next message."""

    def only_settle(event: Event) -> None:
        handled.append(event)
        stage.pool.only_settles = True

    registry.add(only_settle, "*", name="one")
    stage = make_stage(registry)
    stage.bring(3)

    stage.step()

    assert len(handled) == 1


# What is settled.


def test_full_batches_are_sent_before_anything_else(stage: Stage, handled: list[Event]) -> None:
    """By the thread that works; what it frees is room for the next receive."""
    stage.rig.parts.settler.ack(stage.bring(10))
    stage.rig.parts.receiver.take_back()
    stage.bring(1)
    stage.rig.parts.in_flight.snapshot()

    assert stage.pool.work_once()

    assert stage.rig.calls("delete") == [10]
    assert handled == []


def test_what_has_waited_goes_before_what_came_later(stage: Stage, handled: list[Event]) -> None:
    """A call that is ready does not queue behind messages."""
    first, second = stage.bring(2)
    registry = stage.rig.parts.flow.registry
    stage.rig.parts.receiver.take()
    stage.rig.parts.receiver.take()
    stage.rig.parts.receiver.received.append(first)
    stage.rig.parts.admission.ready.extend(calls_of(second, registry))

    stage.pool.work_once()
    stage.pool.work_once()

    assert [event.message_id for event in handled] == [second.message_id, first.message_id]


def test_as_many_threads_settle_as_there_are_full_batches(stage: Stage) -> None:
    """Over a slow network they send side by side."""
    messages = stage.bring(25)
    stage.rig.parts.receiver.take_back()
    stage.rig.parts.settler.ack(messages[:15])
    stage.rig.parts.settler.release(messages[15:])

    assert [stage.take(), stage.take(), stage.take()] == ["settle", "settle", "receive"]


def test_a_worker_sends_no_delete_while_others_may(stage: Stage, handled: list[Event]) -> None:
    """Over a slow network it would wait for a call instead of handling messages."""
    stage.pool.load.limit = 3
    stage.hold("settle", 2)
    stage.rig.parts.settler.ack(stage.bring(10))

    while stage.pool.work_once():
        pass

    assert (stage.rig.calls("delete"), handled) == ([], [])
    assert stage.step() == "settle"
    assert stage.rig.calls("delete") == [10]

    stage.hold("settle", 3)
    stage.rig.parts.settler.ack(stage.bring(10))
    assert stage.pool.work_once()
    assert stage.rig.calls("delete") == [10, 10]


def test_what_is_due_is_sent_by_one_thread(stage: Stage) -> None:
    """After its linger, full or not."""
    stage.rig.parts.settler.ack(stage.bring(3))
    stage.rig.parts.receiver.take_back()
    stage.hold("receive")
    assert stage.take() == "parked"

    stage.clock.advance(0.5)

    assert [stage.take(), stage.take()] == ["settle", "parked"]


def test_a_thread_at_work_asks_for_help_with_more_than_one_full_batch(stage: Stage) -> None:
    """It sends one; another thread takes the next one, if there is CPU for it."""
    stage.rig.parts.settler.ack(stage.bring(20))
    stage.park()
    stage.use_cpu(0.1)
    stage.pool.load.measure()

    stage.pool.work_once()
    assert stage.turn.notified == [1]
    stage.pool.work_once()

    assert stage.turn.notified == [1]
    assert stage.rig.calls("delete") == [10, 10]


def test_no_help_is_asked_for_when_cpu_is_short(stage: Stage) -> None:
    """Then another thread only costs; the one at work sends all of it."""
    stage.rig.parts.settler.ack(stage.bring(20))
    stage.park()
    stage.use_cpu(SPARE)
    stage.pool.load.measure()

    stage.pool.work_once()

    assert stage.turn.notified == []


# No room for another message.


@pytest.mark.parametrize("outcome", [Outcome.ack(), Outcome.retry("busy", 9)])
def test_without_room_everything_is_settled_at_once(
    make_stage: MakeStage, registry: Registry, outcome: Outcome
) -> None:
    """Whoever waits for others to share its request would keep out the next message."""
    registry.add(lambda _event: None, "*", name="one")
    stage = make_stage(registry, max_in_flight_messages=3)
    messages = stage.bring(3)
    stage.rig.parts.receiver.take_back()
    for message in messages:
        if outcome.verdict == "ack":
            stage.rig.parts.settler.ack([message])
        else:
            stage.rig.parts.settler.settle(message, outcome)

    assert [stage.take(), stage.take()] == ["settle everything", "parked"]
    stage.pool.do("settle everything")

    assert stage.rig.held() == []
    assert stage.step() == "receive"


def test_with_room_the_rest_lingers(stage: Stage) -> None:
    """Three deletes wait for seven others; meanwhile more is received."""
    stage.rig.parts.settler.ack(stage.bring(3))
    stage.rig.parts.receiver.take_back()

    assert stage.step() == "receive"
    assert stage.rig.calls("delete") == []


def test_without_room_the_rest_lingers_while_there_is_something_to_begin(
    make_stage: MakeStage, registry: Registry
) -> None:
    """Every worker is busy, and messages wait for them: a receive would bring nothing useful."""
    registry.add(lambda _event: None, "*", name="one")
    stage = make_stage(registry, max_in_flight_messages=3)
    settled, *_ = stage.bring(3)
    stage.rig.parts.receiver.take()
    stage.rig.parts.settler.ack([settled])
    stage.hold("work", WORKERS)

    assert stage.take() == "parked"


def test_without_room_batches_are_called_though_they_are_not_full(
    make_stage: MakeStage, registry: Registry
) -> None:
    """They can't grow any more. While a thread is at work they may: it can free room."""
    sizes: list[int] = []

    def store(events: Sequence[Event]) -> None:
        sizes.append(len(events))

    registry.add(store, "*", batch=100, linger_seconds=60)
    stage = make_stage(registry, max_in_flight_messages=3)
    stage.bring(3)
    assert stage.step() == "work"
    assert sizes == []

    stage.hold("work")
    assert stage.step() == "parked"
    stage.hold("work", 0)

    assert stage.step() == "work"
    assert sizes == [3]
    assert stage.step() == "settle everything"


def test_a_batch_waits_for_what_open_receives_bring(
    make_stage: MakeStage, registry: Registry
) -> None:
    """They have reserved all the room that there is, but most of it will be free again."""
    registry.add(lambda _events: None, "*", name="store", batch=100, linger_seconds=60)
    stage = make_stage(registry, max_in_flight_messages=13)
    stage.bring(3)
    assert stage.step() == "work"
    receiver = stage.rig.parts.receiver
    reserved, began = receiver._reserve(None)

    assert reserved == 10
    assert stage.step() == "parked"
    receiver._admit(reserved, [], 30)
    receiver.open.remove(began)

    assert stage.step() == "receive"
    assert not stage.rig.parts.admission.ready


def test_with_room_a_batch_lingers(make_stage: MakeStage, registry: Registry) -> None:
    """For as long as its handler says."""
    registry.add(lambda _events: None, "*", name="store", batch=100, linger_seconds=60)
    stage = make_stage(registry)
    stage.bring(3)

    assert [stage.step(), stage.step()] == ["work", "receive"]
    assert not stage.rig.parts.admission.ready


@pytest.mark.parametrize("batch", [None, 10])
def test_one_message_at_a_time_is_handled_without_delay(
    make_stage: MakeStage, registry: Registry, batch: int | None
) -> None:
    """With room for one message nothing lingers, neither its batch nor its delete."""
    handled: list[object] = []
    if batch is None:
        registry.add(handled.append, "*", name="one")
    else:
        registry.add(handled.append, "*", name="one", batch=batch, linger_seconds=5)
    stage = make_stage(registry, max_in_flight_messages=1, settle_linger_seconds=0.5)
    sent = stage.rig.send(count=20)
    before = stage.clock.monotonic()

    for _ in range(200):
        if len(stage.rig.queue.deleted()) < len(sent):
            role = stage.pool.take_role()
            assert role is not None
            stage.pool.do(role)

    assert stage.rig.queue.deleted() == sent
    assert len(handled) == 20
    assert stage.clock.monotonic() == before


# A look at a queue that gives nothing.


def test_one_thread_looks_whether_the_queue_is_stalled(stage: Stage) -> None:
    """After a long time without a message, in place of a receive; work goes first."""
    stage.clock.advance(LOOK_SECONDS)

    assert [stage.take(), stage.take()] == ["look", "receive"]
    stage.pool.do("look")

    assert stage.rig.calls("attributes") == [0]
    stage.hold("receive")
    assert stage.step() == "parked"


# How many receive.


def receive_over(stage: Stage, seconds: float, *, cpu_of_ten: float) -> int:
    """A full receive that takes so long, where ten messages cost so much CPU; the limit then."""
    stage.rig.queue.faults = [Fault(seconds=seconds, operation="receive")]
    stage.receive(10, utilisation=cpu_of_ten)
    return stage.pool.load.limit


def test_full_receives_over_a_network_let_more_threads_receive(stage: Stage) -> None:
    """One more each time, up to the maximum: while one is waited for, others come."""
    limits = [receive_over(stage, 0.5, cpu_of_ten=0.1) for _ in range(6)]

    assert limits == [2, 3, 4, 4, 4, 4]


def test_as_many_receives_as_keep_a_core_busy(stage: Stage) -> None:
    """As often as the CPU of ten messages fits into a receive, and half as often again."""
    stage.pool.load.limit = 4
    limits = [receive_over(stage, 0.2, cpu_of_ten=0.15) for _ in range(4)]

    assert SLACK * 0.2 / 0.15 == pytest.approx(2)
    assert limits[-1] == 2


def test_where_a_receive_answers_at_once_more_of_them_only_cost(stage: Stage) -> None:
    """The CPU of ten messages takes longer: the thread that received handles, and then receives."""
    stage.pool.load.limit = 3
    limits = [receive_over(stage, 0.05, cpu_of_ten=0.1) for _ in range(3)]

    assert limits == [2, 1, 1]


def test_a_quick_receive_needs_no_second_one(stage: Stage) -> None:
    """Of an emulator on this machine: threads would only contend for the interpreter lock."""
    limits = [receive_over(stage, QUICK_SECONDS, cpu_of_ten=0.0005) for _ in range(3)]

    assert limits == [1, 1, 1]
    assert receive_over(stage, 2 * QUICK_SECONDS, cpu_of_ten=0.0005) == 2


def test_cpu_is_measured_over_windows_and_not_over_moments(stage: Stage) -> None:
    """A short moment of much CPU between two quick receives changes nothing."""
    receive_over(stage, 0.5, cpu_of_ten=0.1)
    known = stage.pool.load.cpu_of_ten
    stage.clock.cpu_seconds += WINDOW_SECONDS
    stage.clock.advance(WINDOW_SECONDS / 2)
    stage.rig.send(count=10)
    stage.rig.receive_as_a_thread()
    assert stage.pool.load.cpu_of_ten == known

    stage.clock.advance(WINDOW_SECONDS / 2)
    stage.rig.send(count=10)
    stage.rig.receive_as_a_thread()

    assert stage.pool.load.cpu_of_ten != known


def test_a_receive_that_is_not_full_needs_fewer(stage: Stage) -> None:
    """The queue is nearly drained; that counts each time, however soon after the last one."""
    stage.pool.load.limit = 4
    stage.receive(9)
    assert stage.pool.load.limit == 3

    stage.clock.advance(WINDOW_SECONDS / 2)
    stage.rig.send(count=9)
    stage.rig.receive_as_a_thread()

    assert stage.pool.load.limit == 2


@pytest.mark.parametrize("failed", [False, True])
def test_an_empty_or_failed_receive_leaves_one(stage: Stage, *, failed: bool) -> None:
    """That is the bill of an idle queue; and after a failure one thread tries, not all."""
    stage.pool.load.limit = 4
    if failed:
        stage.rig.fail("receive")

    stage.receive(0)

    assert stage.pool.load.limit == 1


def test_a_failed_receive_keeps_its_role_while_it_pauses(stage: Stage) -> None:
    """No other thread calls a queue that just failed; stopping cuts the pause short."""
    receiving: list[int] = []
    stage.rig.receive()
    stage.rig.fail("receive", times=5)
    for _ in range(4):
        stage.rig.receive()
    stop = stage.rig.parts.stopping
    stage.clock.call_later(4, lambda: receiving.append(stage.pool._roles["receive"]))
    stage.clock.call_later(5, stop.set)
    before = stage.clock.monotonic()

    stage.step()

    assert receiving == [1]
    assert stage.clock.monotonic() - before == 5
    assert stage.pool._roles["receive"] == 0


@pytest.mark.parametrize(
    ("role", "operation"),
    [
        ("receive", "receive"),
        ("work", None),
        ("settle", "delete"),
        ("settle everything", "delete"),
        ("look", "attributes"),
    ],
)
def test_a_role_that_raises_is_left(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, role: Role, operation: str | None
) -> None:
    """The error ends the thread, and so the process, loudly; the counts of roles stay true."""

    def fail(*_arguments: object) -> None:
        raise IndexError

    stage.rig.parts.settler.ack(stage.bring(10))
    if operation is None:
        monkeypatch.setattr(stage.rig.parts.flow, "begin", fail)
        stage.rig.parts.outbox.send()
    else:
        stage.rig.queue.faults = fail
    stage.pool._roles[role] = 1

    with pytest.raises(IndexError):
        stage.pool.do(role)

    assert stage.pool._roles[role] == 0


def test_work_that_raises_leaves_the_rest_to_others(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was queued behind it is still there."""
    stage.bring(2)
    monkeypatch.setattr(stage.rig.parts.flow, "begin", lambda _message: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        stage.step()

    assert stage.rig.queued() == 1


# Who is woken.


def spare(stage: Stage, utilisation: float = 0.1) -> None:
    """The process has used so much CPU over the last window."""
    stage.use_cpu(utilisation)
    stage.pool.load.measure()


def test_quick_handlers_get_no_company_when_cpu_is_short(stage: Stage) -> None:
    """The thread that received handles by itself: no message changes threads."""
    stage.bring(10)
    spare(stage, 0.95)
    stage.park(3)

    assert stage.step() == "work"
    assert stage.turn.notified == []


def test_another_thread_is_woken_while_this_one_handles(stage: Stage) -> None:
    """The process waits more than it computes."""
    stage.bring(10)
    spare(stage, 0.4)
    stage.park(3)

    assert stage.step() == "work"
    assert stage.turn.notified == [1]


def test_each_thread_that_is_woken_wakes_the_next_one(stage: Stage) -> None:
    """As many as there is something to do for: two workers, one receive, and no more."""
    stage.bring(10)
    spare(stage)
    stage.park(5)

    roles: list[str] = []
    while len(stage.turn.notified) == len(roles):
        roles.append(stage.take())

    assert roles == ["work", "work", "receive"]
    assert stage.turn.notified == [1, 1]


def test_an_open_receive_wakes_no_other_thread(stage: Stage) -> None:
    """An idle daemon has one thread that waits for messages, and the others sleep."""
    spare(stage, 0.0)
    stage.park(5)

    assert stage.step() == "receive"
    assert stage.turn.notified == []


@pytest.mark.parametrize(
    ("queued", "working", "receiving", "parked", "stopping", "woken"),
    [
        (1, 0, 1, 1, False, [1]),  # work that no thread does: a quick handler suddenly hangs
        (1, 2, 1, 1, False, []),  # every worker is busy
        (0, 0, 0, 1, False, [1]),  # room was regained and no thread receives
        (0, 0, 0, 1, True, []),  # nothing is received any more
        (0, 0, 1, 1, False, []),  # one receives
        (1, 0, 0, 0, False, []),  # none is parked: they will look by themselves
    ],
)
def test_a_nudge_wakes_one_thread_if_something_is_left_to_do(
    stage: Stage,
    *,
    queued: int,
    working: int,
    receiving: int,
    parked: int,
    stopping: bool,
    woken: list[int],
) -> None:
    """The safety net: nothing lies around while a thread is parked, however short CPU is."""
    stage.bring(queued)
    spare(stage, 0.95)
    stage.hold("work", working)
    stage.hold("receive", receiving)
    stage.park(parked)
    if stopping:
        stage.rig.parts.stopping.set()

    stage.pool.nudge()

    assert stage.turn.notified == woken


def test_the_housekeeper_wakes_a_thread_for_what_is_due(
    make_stage: MakeStage, registry: Registry
) -> None:
    """A batch that has lingered: the handler is called by a thread of the pool."""
    registry.add(lambda _events: None, "*", name="store", batch=100, linger_seconds=2)
    stage = make_stage(registry)
    stage.bring(3)
    stage.step()
    stage.hold("receive")
    stage.park()
    stage.clock.advance(1.9)
    stage.rig.worker.threads.tick()
    assert stage.turn.notified == []

    stage.clock.advance(0.1)
    stage.rig.worker.threads.tick()

    assert stage.turn.notified == [1]
    assert stage.step() == "work"


def test_nudges_measure_cpu_when_no_receive_returns(stage: Stage) -> None:
    """Slow handlers, one long poll: the last window counts, not the one before the long poll."""
    spare(stage, 0.95)
    stage.bring(10)
    stage.park(3)
    stage.use_cpu(0.1)
    stage.pool.nudge()
    stage.turn.notified.clear()

    assert stage.take() == "work"
    assert stage.turn.notified == [1]


def test_closing_wakes_all_threads_to_end(stage: Stage) -> None:
    """What they do now they finish."""
    stage.park(3)

    stage.pool.close()

    assert stage.turn.notified == [-1]
    assert stage.step() == "ended"


@pytest.mark.parametrize("role", ["settle", "settle everything", "work", "look", "receive"])
def test_a_pool_is_busy_while_a_thread_does_anything(stage: Stage, role: Role) -> None:
    """A drain waits for it."""
    stage.rig.parts.stopping.set()
    assert not stage.pool.busy()

    stage.hold(role)
    assert stage.pool.busy()

    stage.pool.release_role(role)
    assert not stage.pool.busy()


def test_a_pool_is_busy_while_something_is_ready(stage: Stage) -> None:
    """Though no thread has taken it yet."""
    (message,) = stage.bring(1)
    stage.rig.parts.stopping.set()
    registry = stage.rig.parts.flow.registry
    assert not stage.pool.busy()

    stage.rig.parts.admission.ready.extend(calls_of(message, registry))

    assert stage.pool.busy()

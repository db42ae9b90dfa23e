"""Which role a thread takes, how many receive at once, and who is woken; without any thread."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import pytest
from consumer.engine.crew import Crew
from consumer.engine.delivery import Delivery
from consumer.engine.poller import Poll

from consumer.engine.inflight import InFlight, Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from consumer.testing import ManualClock


class Parked(Exception):  # noqa: N818 - what became of the thread
    """A thread would wait here."""


class Turn:
    """Stands in for the condition: nobody waits, and who is woken is written down."""

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
        """Write it down."""
        if count:
            self.notified.append(count)

    def notify_all(self) -> None:
        """Write it down."""
        self.notified.append(-1)


class Stage:
    """A crew whose parts are scripts."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.polls: deque[Poll | BaseException] = deque()
        self.processed: list[Any] = []
        self.room = True
        self.idle = True
        self.handler_seconds = 0.0
        self.turn = Turn()
        self.during_poll: Callable[[], object] = lambda: None
        self.during_work: Callable[[], object] = lambda: None
        self.crew = Crew(
            poll_once=self._poll_once,
            may_poll=lambda: self.room,
            process=self._process,
            idle=lambda: self.idle,
            handler_seconds=lambda: self.handler_seconds,
            clock=clock,
            workers=2,
            max_pollers=4,
        )
        self.crew._turn = self.turn  # type: ignore[assignment]

    def _poll_once(self) -> Poll:
        self.during_poll()
        poll = self.polls.popleft()
        if isinstance(poll, BaseException):
            raise poll
        return poll

    def _process(self, item: Any) -> None:
        self.processed.append(item)
        self.during_work()

    def step(self) -> str:
        """One turn of one thread; which role it took."""
        try:
            role = self.crew._take_role()
        except Parked:
            self.crew._parked -= 1
            return "parked"
        if role is None:
            return "ended"
        role()
        return {self.crew._work: "work", self.crew._poll: "poll"}.get(role, "help")

    def poll(self, poll: Poll, *, utilisation: float = 0.1) -> None:
        """One receive that ends so, after a while in which so much CPU was used."""
        self.polls.append(poll)
        self.clock.advance(1)
        self.clock.cpu_seconds += utilisation
        assert self.crew._take_role() == self.crew._poll
        self.crew._poll()
        self.crew._queue.clear()


@pytest.fixture(name="stage")
def _stage(clock: ManualClock) -> Stage:
    return Stage(clock)


@pytest.fixture(name="slots")
def _slots(make_slot: Callable[..., Slot]) -> Iterator[list[Slot]]:
    table = InFlight(max_messages=100, max_bytes=1 << 40)
    return iter([[make_slot(table) for _ in range(10)]])


def full() -> Poll:
    """A receive that brought ten messages (which do not matter here)."""
    return Poll(asked=10, received=10)


EMPTY = Poll(asked=10, empty=True)


def test_a_thread_works_before_it_polls(stage: Stage, make_slot: Callable[..., Slot]) -> None:
    """What was received goes first; without work it receives; without room it is parked."""
    slot = make_slot(InFlight(max_messages=1, max_bytes=1 << 30))
    stage.polls.append(Poll(slots=[slot], asked=10, received=1))

    assert stage.step() == "poll"
    assert stage.step() == "work"
    stage.room = False
    assert stage.step() == "parked"
    assert stage.processed == [slot]


def test_no_more_work_at_once_than_there_are_workers(stage: Stage) -> None:
    """The others may receive meanwhile."""
    stage.crew.put([object()])  # type: ignore[list-item]
    stage.crew.working = 2
    stage.polls.append(EMPTY)

    assert stage.step() == "poll"

    stage.crew.working = 1
    assert stage.step() == "work"


def test_no_more_receive_at_once_than_the_limit(stage: Stage) -> None:
    """One, in the beginning."""
    stage.crew.polling = 1

    assert stage.step() == "parked"

    stage.crew.limit = 2
    stage.polls.append(EMPTY)
    assert stage.step() == "poll"


def test_nobody_receives_any_more_when_stopping(stage: Stage) -> None:
    """What is queued is still worked on."""
    stage.crew.put([object()])  # type: ignore[list-item]
    stage.crew.stopping.set()

    assert [stage.step(), stage.step()] == ["work", "parked"]


def test_a_closed_crew_starts_nothing_more(stage: Stage) -> None:
    """Neither what is queued nor, for a thread in the middle of its work, the next item."""
    stage.crew.put([object(), object()])  # type: ignore[list-item]
    stage.during_work = stage.crew.close

    assert stage.step() == "work"
    assert stage.step() == "ended"
    assert len(stage.processed) == 1
    assert stage.crew.queued() == 1


def test_full_receives_with_spare_cpu_let_more_receive(stage: Stage) -> None:
    """One more each time, up to the maximum."""
    limits = []
    for _ in range(6):
        stage.poll(full(), utilisation=0.3)
        limits.append(stage.crew.limit)

    assert limits == [2, 3, 4, 4, 4, 4]


def test_without_spare_cpu_more_pollers_only_cost(stage: Stage) -> None:
    """Between spare and saturated it stays as it is; when saturated it falls, to one at least."""
    stage.crew.limit = 3
    limits = []
    for utilisation in (0.7, 0.95, 0.95, 0.95):
        stage.poll(full(), utilisation=utilisation)
        limits.append(stage.crew.limit)

    assert limits == [3, 2, 1, 1]


def test_over_a_network_that_takes_time_more_help_for_longer(stage: Stage) -> None:
    """A full receive that took 16 ms was waited for: then a share of 0.7 leaves room to help."""
    stage.crew.limit = 3
    slow = Poll(asked=10, received=10, seconds=0.016)

    stage.poll(slow, utilisation=0.7)
    after_spare = stage.crew.limit
    stage.poll(slow, utilisation=0.85)

    assert [after_spare, stage.crew.limit] == [4, 4]


def test_a_receive_that_is_not_full_needs_fewer(stage: Stage) -> None:
    """The queue is nearly drained."""
    stage.crew.limit = 3

    stage.poll(Poll(asked=10, received=9), utilisation=0.1)

    assert stage.crew.limit == 2


@pytest.mark.parametrize("poll", [EMPTY, Poll(asked=10), Poll(asked=10, pause_seconds=1.0)])
def test_an_empty_or_failed_receive_leaves_one(stage: Stage, poll: Poll) -> None:
    """That is the bill of an idle queue; and after a failure one thread tries, not all."""
    stage.crew.limit = 4

    stage.poll(poll)

    assert stage.crew.limit == 1


def test_a_failed_receive_keeps_its_role_while_it_pauses(stage: Stage) -> None:
    """Nobody else hammers a queue that just failed; stopping cuts the pause short."""
    polling: list[int] = []
    stage.polls.append(Poll(asked=10, pause_seconds=8.0))
    stage.clock.call_later(4, lambda: polling.append(stage.crew.polling))
    stage.clock.call_later(5, stage.crew.stopping.set)
    before = stage.clock.monotonic()

    stage.step()

    assert polling == [1]
    assert stage.clock.monotonic() - before == 5
    assert stage.crew.polling == 0


def test_a_receive_that_raises_leaves_its_role(stage: Stage) -> None:
    """The error ends the thread; the count of those who receive stays true."""
    stage.polls.append(OSError())

    with pytest.raises(OSError):  # noqa: PT011 - the very one
        stage.step()

    assert stage.crew.polling == 0
    assert not stage.crew.busy()


def test_work_that_raises_leaves_its_role(stage: Stage) -> None:
    """Likewise; and the rest of the queue is still there for others."""

    def fail() -> None:
        raise OSError

    stage.crew.put([object(), object()])  # type: ignore[list-item]
    stage.during_work = fail

    with pytest.raises(OSError):  # noqa: PT011 - the very one
        stage.step()

    assert stage.crew.working == 0
    assert stage.crew.queued() == 1


def test_quick_handlers_get_no_company_when_cpu_is_short(stage: Stage) -> None:
    """The thread that received handles by itself: no message changes threads."""
    stage.poll(full(), utilisation=0.95)

    assert stage.turn.notified == []


def test_one_thread_is_woken_to_receive_while_this_one_handles(stage: Stage) -> None:
    """The process waits more than it computes."""
    stage.poll(full(), utilisation=0.4)

    assert stage.turn.notified == [1]


def test_slow_handlers_get_company_at_once(stage: Stage, slots: Iterator[list[Slot]]) -> None:
    """As many threads as there are messages, up to the workers."""
    stage.handler_seconds = 0.5

    stage.poll(Poll(slots=next(slots), asked=10, received=10), utilisation=0.95)

    assert stage.turn.notified == [2]


def test_an_empty_receive_wakes_nobody(stage: Stage) -> None:
    """An idle daemon has one thread that waits, and the others sleep."""
    stage.poll(EMPTY, utilisation=0.0)

    assert stage.turn.notified == []


@pytest.mark.parametrize(
    ("queued", "working", "polling", "parked", "room", "woken"),
    [
        (1, 0, 1, 1, True, [1]),  # work that nobody does: a quick handler that suddenly hangs
        (1, 2, 1, 1, True, []),  # every worker is at it
        (0, 0, 0, 1, True, [1]),  # room was regained and nobody receives
        (0, 0, 0, 1, False, []),  # backpressure
        (0, 0, 1, 1, True, []),  # somebody receives
        (1, 0, 0, 0, True, []),  # nobody is parked: they will look by themselves
    ],
)
def test_a_nudge_wakes_one_thread_if_something_is_left_to_do(
    stage: Stage,
    *,
    queued: int,
    working: int,
    polling: int,
    parked: int,
    room: bool,
    woken: list[int],
) -> None:
    """The safety net: nothing lies around while a thread is parked."""
    crew = stage.crew
    crew._queue.extend([object()] * queued)  # type: ignore[list-item]
    crew.working, crew.polling, crew._parked, stage.room = working, polling, parked, room

    crew.nudge()

    assert stage.turn.notified == woken


def test_what_is_put_wakes_as_many_as_it_is(stage: Stage) -> None:
    """Batches that are due, deliveries whose turn it is. Nothing wakes nobody."""
    stage.crew.put([])
    stage.crew.put([object(), object()])  # type: ignore[list-item]

    assert stage.turn.notified == [2]
    assert stage.crew.queued() == 2


def test_only_what_nobody_started_on_is_taken_back(
    stage: Stage, slots: Iterator[list[Slot]]
) -> None:
    """Deliveries that wait for their turn were begun: they stay, and somebody is woken for them."""
    fresh = next(slots)
    begun = Delivery(fresh.pop(), [], [])
    stage.crew._queue.extend([*fresh[:4], begun, *fresh[4:]])

    assert stage.crew.take_back() == fresh
    assert list(stage.crew._queue) == [begun]
    assert stage.turn.notified == [1]
    assert stage.crew.take_back() == []


def test_what_comes_after_the_stop_is_not_started(
    stage: Stage, slots: Iterator[list[Slot]]
) -> None:
    """An open long poll that still brings messages: they are only taken back."""
    late = next(slots)
    stage.polls.append(Poll(slots=late, asked=10, received=len(late)))
    stage.during_poll = stage.crew.stopping.set
    assert stage.step() == "poll"

    assert stage.step() == "parked"
    assert stage.crew.take_back() == late
    assert stage.crew.take_back() == []


def test_what_a_thread_takes_meanwhile_is_not_taken_back(
    stage: Stage, slots: Iterator[list[Slot]]
) -> None:
    """Threads at work take items without the lock: each goes to one side, never to both."""
    taken: list[Slot] = []

    class Contended(deque[Any]):
        """Another thread takes an item whenever this one has looked at the queue."""

        def __iter__(self) -> Iterator[Any]:
            looked = list(super().__iter__())
            if len(self):
                taken.append(deque.popleft(self))
            return iter(looked)

        def popleft(self) -> Any:
            item = super().popleft()
            if len(self):
                taken.append(deque.popleft(self))
            return item

    queue = next(slots)
    stage.crew._queue = Contended(queue)

    back = stage.crew.take_back()

    assert sorted([*back, *taken], key=queue.index) == queue


def test_emptiness_is_a_whole_long_poll_with_nothing_in_hand(stage: Stage) -> None:
    """What is in flight when the poll begins may be put off and come again later."""
    stage.poll(Poll(asked=10))  # a short one proves nothing
    assert stage.crew.empty_polls == 0
    stage.idle = False
    stage.poll(EMPTY)
    assert stage.crew.empty_polls == 0
    stage.idle = True
    stage.during_poll = lambda: setattr(stage, "idle", False)
    stage.poll(EMPTY)
    assert stage.crew.empty_polls == 1

    stage.poll(Poll(asked=10, received=1))

    assert stage.crew.empty_polls == 0


def test_a_crew_is_busy_with_anything_queued_handled_or_open(stage: Stage) -> None:
    """A drain waits for all three."""
    assert not stage.crew.busy()
    for name in ("working", "polling"):
        setattr(stage.crew, name, 1)
        assert stage.crew.busy()
        setattr(stage.crew, name, 0)
    stage.crew.put([object()])  # type: ignore[list-item]
    assert stage.crew.busy()


def test_parked_threads_help_if_there_is_cpu_for_them(stage: Stage) -> None:
    """As many as were asked for and are parked; each helps once."""
    helped: list[int] = []
    stage.crew._parked = 2
    stage.crew._utilisation = 0.3
    stage.room = False

    stage.crew.ask_help(lambda: helped.append(stage.crew.helping), 5)

    assert stage.turn.notified == [2]
    assert [stage.step(), stage.step(), stage.step()] == ["help", "help", "parked"]
    assert helped == [1, 1]
    assert not stage.crew.busy()


def test_nobody_helps_when_cpu_is_short(stage: Stage) -> None:
    """Then another thread only costs; the owner of the task does it."""
    stage.crew._parked = 2
    stage.crew._utilisation = 0.9

    stage.crew.ask_help(lambda: None, 2)

    assert stage.turn.notified == []


def test_a_task_that_raises_is_not_taken_for_done(stage: Stage) -> None:
    """Whatever it raises ends the thread, and so the process, loudly."""

    def fail() -> None:
        raise IndexError

    stage.crew._parked = 1
    stage.crew._utilisation = 0.3
    stage.crew.ask_help(fail, 1)

    with pytest.raises(IndexError):
        stage.step()

    assert stage.crew.helping == 0


def test_there_is_a_thread_for_every_role(stage: Stage) -> None:
    """All workers may be in handlers, and receiving goes on."""
    assert stage.crew.size == 6

"""What is asked before a call, predicates and keys, when what these need is down."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from consumer.errors import Reject, Unavailable
from consumer.handlers.registering.options import Coalesce
from consumer.handlers.registering.registry import Registry
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.messages import Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]

ENGINE = {"breaker_failures": 5, "settle_linger_seconds": 0}
KINDS = ("single", "batch", "coalesced", "key")


class Directory:
    """What a predicate or a key looks up; and the handler that is called afterwards."""

    def __init__(self) -> None:
        self.error: BaseException | None = Unavailable("the directory is down")
        self.handler_error: BaseException | None = None
        self.wants = True
        self.asked = 0
        self.calls: list[int] = []
        self.receives: Counter[str] = Counter()

    def look(self, _event: Event) -> bool:
        """A predicate, or a key."""
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.wants

    def handle(self, _event: Event) -> None:
        """A handler of one event."""
        self.handle_all([_event])

    def handle_all(self, events: Sequence[Event]) -> None:
        """A handler of batches."""
        self.calls.append(len(events))
        if self.handler_error is not None:
            raise self.handler_error

    def register(self, registry: Registry, kind: str) -> None:
        """As a handler that is called in one of the ways."""
        by_name = Coalesce(key=lambda event: event.name, seconds=5)
        by_look = Coalesce(key=self.look, seconds=5)
        options: dict[str, dict[str, Any]] = {
            "single": {"when": self.look},
            "batch": {"when": self.look, "batch": 10},
            "coalesced": {"when": self.look, "coalesce": by_name},
            "key": {"coalesce": by_look},
        }
        function = self.handle_all if kind == "batch" else self.handle
        registry.add(function, "*", name="handler", **options[kind])


def start(make_rig: MakeRig, kind: str, **engine: Any) -> tuple[Rig, Directory]:
    registry, directory = Registry(), Directory()
    directory.register(registry, kind)
    return make_rig(registry, engine={**ENGINE, **engine}), directory


@for_each("kind", KINDS)
def test_what_is_asked_and_finds_it_down_pauses_the_handler(make_rig: MakeRig, kind: str) -> None:
    """At once: its events are kept and cost no delivery, and one asks now and then."""
    rig, directory = start(make_rig, kind)
    sent = rig.send(count=30)

    rig.live(600)

    assert list(rig.status.failing_handlers) == ["handler"]
    assert directory.asked < 60
    assert directory.calls == []
    assert rig.stats["failed"] == 0
    assert {m.received.receive_count for m in rig.parts.in_flight.snapshot()} == {1}

    directory.error = None
    rig.live(120)

    assert sorted(rig.queue.deleted()) == sorted(sent)
    assert list(rig.status.failing_handlers) == []
    assert rig.held() == []


@for_each("kind", ["single", "batch", "coalesced"])
def test_a_predicate_that_works_again_ends_the_pause_whatever_it_says(
    make_rig: MakeRig, kind: str
) -> None:
    """Also if it declines: it has come to a decision, and only it had failed."""
    rig, directory = start(make_rig, kind)
    sent = rig.send(count=300)
    rig.live(60)

    directory.error, directory.wants = None, False
    rig.live(40)

    assert list(rig.status.failing_handlers) == []
    assert sorted(rig.queue.deleted()) == sorted(sent)


@for_each("kind", ["single", "batch", "coalesced", "key"])
@for_each("error", [None, Reject("not for us")])
def test_what_is_asked_says_nothing_about_a_handler_that_is_down(
    make_rig: MakeRig, kind: str, error: BaseException | None
) -> None:
    """Whether it answers or rejects: the handler stays paused until it works itself."""
    rig, directory = start(make_rig, kind)
    directory.error = None
    directory.handler_error = Unavailable("the database is down")
    rig.send()
    rig.live(20)
    assert list(rig.status.failing_handlers) == ["handler"]

    directory.error, directory.wants = error, kind == "key"
    rig.send(count=3)
    calls = len(directory.calls)
    rig.live(100)

    assert list(rig.status.failing_handlers) == ["handler"]
    assert len(directory.calls) - calls < 10


@for_each("kind", KINDS)
def test_failures_in_a_row_of_what_is_asked_pause_the_handler(make_rig: MakeRig, kind: str) -> None:
    """As those of the handler do: an outage must not use up deliveries, however it shows."""
    rig, directory = start(make_rig, kind)
    directory.error = ConnectionError()
    sent = rig.send(count=30)

    rig.live(900)

    assert list(rig.status.failing_handlers) == ["handler"]
    assert max(m.received.receive_count for m in rig.parts.in_flight.snapshot()) <= 2

    directory.error = None
    rig.live(400)
    assert sorted(rig.queue.deleted()) == sorted(sent)


@for_each("kind", KINDS)
def test_both_are_down_and_come_back_in_turn(make_rig: MakeRig, kind: str) -> None:
    """Nothing is lost, deleted too early, or held for ever."""
    rig, directory = start(make_rig, kind)
    directory.handler_error = Unavailable("the database is down")
    sent = rig.send(count=25)
    rig.live(60)
    directory.error = None
    rig.live(60)
    directory.error = Unavailable("the directory is down")
    rig.live(60)
    directory.handler_error = None
    rig.live(60)
    directory.error = None
    rig.live(120)

    assert sorted(rig.queue.deleted()) == sorted(sent)
    assert rig.held() == []


@for_each("kind", KINDS)
def test_a_drain_returns_what_has_not_been_asked(make_rig: MakeRig, kind: str) -> None:
    """What waits for the predicate or the key goes back to the queue."""
    rig, directory = start(make_rig, kind)
    sent = rig.send(count=20)
    rig.live(30)

    rig.drain()

    assert rig.held() == []
    assert rig.queue.deleted() == []
    assert sorted(rig.queue.visible()) == sorted(sent)
    assert directory.calls == []


@for_each("kind", ["batch", "coalesced"])
def test_what_was_kept_is_collected_again(make_rig: MakeRig, kind: str) -> None:
    """After the outage its events are batches, or one call, as if they had just arrived."""
    rig, directory = start(make_rig, kind, max_in_flight_messages=200)
    rig.send(count=40)
    rig.live(60)

    directory.error = None
    rig.live(120)

    assert sum(directory.calls) in {40, len(directory.calls)}
    assert len(directory.calls) <= 10


@for_each("kind", KINDS)
def test_what_is_asked_and_hangs_is_stuck_as_a_handler_is(make_rig: MakeRig, kind: str) -> None:
    """Its message is no longer renewed, and operators see where its thread is."""
    registry, directory = Registry(), Directory()
    seen: list[tuple[int, list[str], int]] = []

    def hang(_event: Event) -> bool:
        rig.clock.advance(11)
        rig.parts.invoker.runs.find_stuck()
        activities = [call.handler.name for call, _ in rig.parts.invoker.runs.running.values()]
        stuck = sum(message.stuck for message in rig.parts.in_flight.snapshot())
        seen.append((rig.parts.invoker.runs.stuck(), activities, stuck))
        return False

    directory.look = hang  # type: ignore[method-assign]
    directory.register(registry, kind)
    rig = make_rig(registry, engine={**ENGINE, "handler_timeout_seconds": 10})
    rig.send()
    rig.receive()
    rig.work()

    assert seen == [(1, ["handler"], 1)]
    assert rig.parts.invoker.runs.stuck() == 0
    assert not rig.parts.invoker.runs.running


@for_each("kind", ["batch", "coalesced", "key"])
def test_what_waits_to_be_asked_holds_up_no_handler_that_works_again(
    make_rig: MakeRig, kind: str
) -> None:
    """Also if the handler failed last: one event that is asked releases all, not each itself."""
    registry, directory = Registry(), Directory()
    directory.error = None

    def fail_last(events: Sequence[Event]) -> None:
        directory.calls.append(len(events))
        if len(directory.calls) == 1:  # meanwhile other threads ask for what comes
            directory.error = directory.handler_error = Unavailable("the database is down")
            rig.send(count=300)
            while rig.may_receive() and rig.receive().messages:
                rig.work()
        if directory.handler_error is not None:
            raise directory.handler_error

    directory.handle_all = fail_last  # type: ignore[method-assign]
    directory.register(registry, kind)
    rig = make_rig(registry, engine={**ENGINE, "max_in_flight_messages": 1000})
    rig.send()
    rig.receive()
    rig.work()
    rig.beat(10)
    rig.work()
    assert len(directory.calls) == 1

    directory.error = directory.handler_error = None
    rig.live(40)

    assert list(rig.status.failing_handlers) == []
    assert len(rig.queue.deleted()) == 301


@for_each("error", [Unavailable("the directory is down"), ConnectionError()])
def test_calls_that_were_asked_before_end_no_outage_of_what_is_asked(
    make_rig: MakeRig, error: BaseException
) -> None:
    """Else each that becomes due would let a few fail, until these have no delivery left."""
    registry, directory = Registry(), Directory()
    directory.error = None

    def key(event: Event) -> str:
        directory.look(event)
        return event.message_id

    registry.add(directory.handle, "*", name="handler", coalesce=Coalesce(key=key, seconds=60))
    rig = make_rig(registry, engine={**ENGINE, "max_in_flight_messages": 1000})
    for _ in range(60):
        rig.send()
        rig.live(1)

    directory.error = error
    rig.send(count=40)
    rig.live(300)

    assert len(rig.queue.deleted()) == 60
    assert rig.stats["failed"] < ENGINE["breaker_failures"]
    assert list(rig.status.failing_handlers) == ["handler"]
    directory.error = None
    rig.live(200)
    assert len(rig.queue.deleted()) == 100

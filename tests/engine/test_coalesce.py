"""One call for many events: the newest of those with the same key stands for all."""

from __future__ import annotations

import sys
from copy import copy
from typing import TYPE_CHECKING, Any

import pytest

from consumer.engine.call import text_of_key
from consumer.errors import ConfigurationError, Unavailable
from consumer.handlers.registering.options import Coalesce
from consumer.handlers.registering.registry import Registry
from consumer.subject import CanvasId
from consumer.testing import canvas_body
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.messages import Context, Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]

BY_COURSE = Coalesce(key=lambda event: event.body.get("course"), seconds=30)


class Sync:
    """A handler that is called once for a course."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, Any, bool]] = []
        self.message_ids: list[tuple[str, ...]] = []
        self.error: Exception | None = None

    def sync(self, event: Event, context: Context) -> None:
        """It gets the newest event."""
        self.calls.append((event.body.get("course"), event.body["number"], context.is_stale))
        self.message_ids.append(context.message_ids)
        if self.error:
            raise self.error


@pytest.fixture(name="sync")
def _sync() -> Sync:
    return Sync()


@pytest.fixture(name="rig")
def _rig(make_rig: MakeRig, registry: Registry, sync: Sync) -> Rig:
    registry.add(sync.sync, "*", name="sync", coalesce=BY_COURSE)
    return make_rig(registry, engine={"breaker_failures": 5})


def send(rig: Rig, number: int, course: object = 1, *, second: int | None = None) -> str:
    """An event of a course, at a second of a minute."""
    time = f"2024-03-01T12:00:{number if second is None else second:02d}.000Z"
    return rig.queue.send(canvas_body(event_time=time, body={"course": course, "number": number}))


def receive_all(rig: Rig) -> None:
    """Everything that is visible is received and collected."""
    while rig.may_receive() and rig.receive().messages:
        rig.work()


def test_a_course_copy_of_5000_events_calls_once(rig: Rig, sync: Sync) -> None:
    """And all of its messages are deleted after that call succeeded, none before."""
    sent = [send(rig, number, second=number % 60) for number in range(5000)]
    receive_all(rig)

    rig.beat(29)
    rig.work()
    assert sync.calls == []
    assert rig.queue.deleted() == []
    rig.beat(2)
    rig.work()
    rig.settle()

    assert len(sync.calls) == 1
    assert sorted(rig.queue.deleted()) == sorted(sent)
    assert set(sync.message_ids[0]) == set(sent)


def test_the_newest_stands_for_all(rig: Rig, sync: Sync) -> None:
    """By its time, in whatever order they came; the context names its message first."""
    ids = {number: send(rig, number) for number in (3, 9, 5)}
    send(rig, 0, course=2)
    receive_all(rig)

    rig.beat(31)
    rig.work()

    assert sorted(sync.calls) == [(1, 9, False), (2, 0, False)]
    of_course_1 = next(found for found in sync.message_ids if len(found) == 3)
    assert of_course_1[0] == ids[9]


def test_of_equal_times_the_last_one_stands_for_all(rig: Rig, sync: Sync) -> None:
    """Canvas's times are often those of a whole job."""
    for number in range(5):
        send(rig, number, second=7)
    receive_all(rig)

    rig.beat(31)
    rig.work()

    assert sync.calls == [(1, 4, False)]


def test_an_event_without_a_key_is_handled_at_once(rig: Rig, sync: Sync) -> None:
    """There is nothing that it could wait for."""
    send(rig, 1, course=None)
    send(rig, 2, course=None)

    rig.cycle()

    assert sorted(sync.calls) == [(None, 1, False), (None, 2, False)]
    assert len(rig.queue.deleted()) == 2


def test_an_older_event_is_stale(rig: Rig, sync: Sync) -> None:
    """Only if a newer one of its key was handled: one that failed does not count."""
    for number, error in ((9, ValueError()), (5, None), (3, None), (7, None)):
        sync.error = error
        send(rig, number)
        receive_all(rig)
        rig.clock.advance(31)
        rig.worker.threads.tick()
        rig.work()

    assert sync.calls == [(1, 9, False), (1, 5, False), (1, 3, True), (1, 7, False)]


def test_a_wrong_time_does_not_make_later_events_stale(rig: Rig, sync: Sync) -> None:
    """Nothing can happen after its message was sent; then the time of the message counts."""
    for number, time in enumerate(
        ("2099-01-01T00:00:00.000Z", "yesterday", "2024-01-01T00:00:00Z")
    ):
        body = {"course": 1, "number": number}
        rig.queue.send(canvas_body(event_time=time, body=body))
        receive_all(rig)
        rig.beat(31)
        rig.work()

    assert sync.calls == [(1, 0, False), (1, 1, False), (1, 2, True)]


def test_if_the_call_fails_all_are_delivered_again(rig: Rig, sync: Sync) -> None:
    """None is deleted, and none is lost."""
    sync.error = ValueError()
    sent = [send(rig, number) for number in range(20)]
    receive_all(rig)
    rig.beat(31)
    rig.work()
    rig.settle()

    assert rig.queue.deleted() == []
    assert rig.held() == []
    sync.error = None
    rig.beat(20)
    receive_all(rig)
    rig.beat(31)
    rig.work()
    rig.settle()
    assert sorted(rig.queue.deleted()) == sorted(sent)


def test_while_its_destination_is_down_the_call_is_held_as_a_whole(rig: Rig, sync: Sync) -> None:
    """Probes do not take it apart: it is one call again when the destination is back."""
    sync.error = Unavailable("down")
    sent = [send(rig, number) for number in range(20)]
    receive_all(rig)
    rig.beat(120)
    rig.work()
    assert rig.queue.deleted() == []
    assert len(rig.held()) == 20

    sync.error = None
    for _ in range(60):
        rig.beat(1)
        rig.work()
    rig.settle()

    assert sorted(rig.queue.deleted()) == sorted(sent)
    assert {len(ids) for ids in sync.message_ids} == {20}


def test_without_room_nothing_waits(make_rig: MakeRig, registry: Registry, sync: Sync) -> None:
    """What can't grow is called at once, or the rest of the copy could not be received."""
    registry.add(sync.sync, "*", name="sync", coalesce=BY_COURSE)
    rig = make_rig(registry, engine={"max_in_flight_messages": 10})
    for number in range(25):
        send(rig, number)

    for _ in range(3):
        rig.receive()
        rig.run_threads()
        rig.settle()

    assert len(sync.calls) >= 2
    assert len(rig.queue.deleted()) >= 20


def test_a_drain_calls_what_was_collected(rig: Rig, sync: Sync) -> None:
    """It does not wait for the rest of the 30 seconds."""
    sent = [send(rig, number) for number in range(5)]
    receive_all(rig)

    rig.drain()

    assert sync.calls == [(1, 4, False)]
    assert sorted(rig.queue.deleted()) == sorted(sent)


def test_a_predicate_is_asked_before_an_event_is_collected(
    make_rig: MakeRig, registry: Registry, sync: Sync
) -> None:
    """Once: the call is made for those that it wants."""
    asked: list[int] = []

    def even(event: Event) -> bool:
        asked.append(event.body["number"])
        return bool(event.body["number"] % 2 == 0)

    registry.add(sync.sync, "*", name="sync", coalesce=BY_COURSE, when=even)
    rig = make_rig(registry)
    for number in range(5):
        send(rig, number)
    receive_all(rig)
    rig.beat(31)
    rig.work()
    rig.settle()

    assert sync.calls == [(1, 4, False)]
    assert sorted(asked) == [0, 1, 2, 3, 4]
    assert len(rig.queue.deleted()) == 5


class Hostile(str):
    """A text, but for who compares it."""

    __slots__ = ()

    def __eq__(self, _other: object) -> bool:
        raise ValueError

    def __hash__(self) -> int:
        raise ValueError


@for_each(
    "key",
    [
        "course", "", 7, True, 1.5, float("nan"), b"course", (1, ("a", None)), CanvasId(7, 1),
        "x" * 1_000_000, Hostile("course"),
    ],
)  # fmt: skip
def test_a_key_is_made_of_texts_and_numbers(make_rig: MakeRig, key: Any) -> None:
    """Equal ones are one call; what is remembered of them is short."""
    sync, registry = Sync(), Registry()
    registry.add(sync.sync, "*", name="sync", coalesce=Coalesce(lambda _event: copy(key), 30))
    rig = make_rig(registry)
    for number in range(3):
        send(rig, number)
    receive_all(rig)
    rig.beat(31)
    rig.work()

    assert sync.calls == [(1, 2, False)]
    assert len(text_of_key(key)) <= 200


def test_other_keys_are_other_texts() -> None:
    """Else an event would stand for one that it has nothing to do with."""
    keys = ["1", 1, 1.5, b"1", ("1",), ("1", ""), ("1, ''",), (1,), ((1,),), CanvasId(1, 1)]
    keys += [CanvasId(1, None), str(CanvasId(1, 1)), "a" * 300, "a" * 301, ("a" * 300,), "None"]

    assert len({text_of_key(key) for key in keys}) == len(keys)


def _raise(error: BaseException) -> Any:
    raise error


@for_each(
    "key",
    [
        lambda _event: _raise(KeyError()),
        lambda _event: sys.exit(3),
        lambda _event: [],
        lambda event: event.subject,
        lambda _event: 10**10_000,
    ],
)
def test_a_key_that_fails_is_a_failure_of_its_event(make_rig: MakeRig, key: Any) -> None:
    """Whatever the function raises or returns; other events go on."""
    sync, registry = Sync(), Registry()
    registry.add(
        sync.sync, "*", name="sync",
        coalesce=Coalesce(lambda event: event.body["course"] == "good" or key(event), 30),
    )  # fmt: skip
    rig = make_rig(registry)
    bad, good = send(rig, 1, course="bad"), send(rig, 1, course="good")
    receive_all(rig)
    rig.beat(31)
    rig.work()
    rig.settle()

    assert sync.calls == [("good", 1, False)]
    assert rig.queue.deleted() == [good]
    assert bad not in rig.held()
    assert rig.stats["failed"] >= 1


@for_each(
    "options, sentence",
    [
        ({"coalesce": 5}, "must be Coalesce"),
        ({"coalesce": Coalesce(key=lambda _event: 1, seconds=0)}, "more than 0"),
        ({"coalesce": Coalesce(key=lambda: 1, seconds=1)}, r"must accept \(event\)"),  # type: ignore[arg-type,misc]
        ({"coalesce": BY_COURSE, "batch": 5}, "takes batches of events"),
        ({"rate_limit_per_second": 0}, "from 0.1 to 10000"),
        ({"rate_limit_per_second": True}, "from 0.1 to 10000"),
        ({"rate_limit_per_second": float("nan")}, "from 0.1 to 10000"),
    ],
)
def test_limits_that_can_not_be_are_refused(
    options: dict[str, Any], sentence: str, registry: Registry
) -> None:
    """When the handler is registered."""
    with pytest.raises(ConfigurationError, match=sentence):
        registry.add(lambda event: None, "*", name="h", **options)


def test_several_events_of_one_message_are_one_call(make_rig: MakeRig, registry: Registry) -> None:
    """The message is deleted once, when that call has succeeded."""
    seen: list[str] = []
    registry.add(
        lambda event: seen.append(event.key),
        "*", name="sync", coalesce=Coalesce(lambda event: event.name, 30),
    )  # fmt: skip
    rig = make_rig(registry)
    message = rig.send_envelope(3)
    receive_all(rig)
    assert rig.queue.deleted() == []

    rig.beat(31)
    rig.work()
    rig.settle()

    assert len(seen) == 1
    assert rig.queue.deleted() == [message]
    assert rig.held() == []

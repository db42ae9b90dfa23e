"""What the tap shows of calls and messages, and that it holds nothing up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.engine import tap as module
from consumer.errors import Reject, Retry
from consumer.testing import canvas_body

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.engine.tap import Sight
    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]


def shown(sights: Sequence[Sight]) -> list[tuple[str, str, str, str]]:
    """Name, handler, outcome and reason of each."""
    return [(s.event.name if s.event else "", s.handler, s.outcome, s.reason) for s in sights]


def test_each_call_is_shown_with_its_outcome(make_rig: MakeRig, registry: Registry) -> None:
    """Handled, failed, rejected; events of a batch one by one; a message that is no event."""

    def one(event: Event) -> None:
        if event.name == "quiz_created":
            raise OSError("a secret")
        if event.name == "quiz_updated":
            raise Retry("later")
        if event.name == "quiz_deleted":
            raise Reject("no such quiz")

    registry.add(one, "*")
    registry.add(lambda events: events, "course_*", batch=2, name="two")
    rig = make_rig(registry)
    viewer = rig.parts.tap.open()
    names = ["grade_change", "quiz_created", "quiz_updated", "quiz_deleted"]
    for name in [*names, "course_created", "course_updated"]:
        rig.send(name)
    rig.queue.send("not an event")
    rig.receive()
    rig.work()

    assert shown(viewer.take(0)) == [
        ("grade_change", "one", "handled", ""),
        ("quiz_created", "one", "failed", "OSError"),
        ("quiz_updated", "one", "failed", "later"),
        ("quiz_deleted", "one", "rejected", "no such quiz"),
        ("course_created", "one", "handled", ""),
        ("course_updated", "one", "handled", ""),
        ("course_created", "two", "handled", ""),
        ("course_updated", "two", "handled", ""),
        ("", "", "rejected", "undecodable: not JSON: Expecting value at line 1, column 1"),
    ]


def test_what_no_handler_gets_is_shown(make_rig: MakeRig, registry: Registry) -> None:
    """An event that nothing asked for, and one that was handled before and comes again."""
    registry.add(lambda _: None, "grade_change", name="one")
    rig = make_rig(registry)
    viewer = rig.parts.tap.open()
    rig.send("quiz_created")
    rig.send("grade_change")
    rig.fail("delete", times=10)
    rig.receive()
    rig.work()
    for _ in range(10):
        rig.beat(10)
    rig.queue.faults = []
    rig.clock.advance(100)
    rig.cycle()

    assert shown(viewer.take(0)) == [
        ("quiz_created", "", "unmatched", "no handler asked for it"),
        ("grade_change", "one", "handled", ""),
        ("quiz_created", "", "unmatched", "no handler asked for it"),
        ("grade_change", "", "skipped", "it was handled before"),
    ]


def test_a_failure_that_a_breaker_holds_is_shown(make_rig: MakeRig, registry: Registry) -> None:
    """It is not settled yet, but the handler did run."""

    def store(_: Event) -> None:
        raise OSError

    registry.add(store, "*")
    rig = make_rig(registry, engine={"breaker_failures": 1})
    viewer = rig.parts.tap.open()
    rig.bring()
    rig.work()

    assert rig.status.in_flight == 1
    assert shown(viewer.take(0)) == [("grade_change", "store", "failed", "OSError")]


def test_the_time_is_that_of_the_call(make_rig: MakeRig, registry: Registry) -> None:
    """In seconds of the engine's clock; a predicate that declines is no call."""
    rig = make_rig(registry)
    registry.add(lambda _: rig.clock.advance(0.25), "*", name="slow")
    registry.add(lambda _: None, "*", name="never", when=lambda _: False)
    viewer = rig.parts.tap.open()
    rig.send()
    rig.cycle()

    (sight,) = viewer.take(0)
    assert (sight.handler, sight.seconds) == ("slow", 0.25)


def test_a_viewer_that_does_not_read_costs_a_bounded_number_of_events(
    make_rig: MakeRig, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In number and in bytes; what is dropped is counted, and others see everything."""
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    registry.add(lambda _: None, "*", name="one")
    rig = make_rig(registry)
    tap = rig.parts.tap
    hung, reading = tap.open(), tap.open()
    rig.bring(5)
    for _ in range(5):
        rig.begin_one()
        assert len(reading.take(0)) == 1
    assert (hung.dropped, reading.dropped) == (2, 0)
    assert len(hung.take(0)) == 3

    monkeypatch.setattr(module, "MOST_WAITING_BYTES", 10)
    rig.send(count=2)
    rig.cycle()
    assert (len(hung.take(0)), hung.dropped) == (1, 3)


def test_only_what_is_wanted_waits(make_rig: MakeRig, registry: Registry) -> None:
    """And nothing after the end; without a viewer nothing is made."""
    registry.add(lambda _: None, "*", name="one")
    rig = make_rig(registry)
    tap = rig.parts.tap
    viewer = tap.open(lambda sight: sight.event is not None and sight.event.name == "quiz_created")
    rig.send("quiz_created")
    rig.send("grade_change")
    rig.cycle()
    assert shown(viewer.take(0)) == [("quiz_created", "one", "handled", "")]

    tap.close(viewer)
    rig.queue.send(canvas_body("quiz_created"))
    rig.cycle()
    assert tap.viewers == ()
    assert viewer.take(0) == []

"""How old messages and events are: exact in quiet times, one of ten under a backlog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.testing import canvas_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.handlers.registering.registry import Registry
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]


def test_only_the_first_receive_of_a_message_counts(make_rig: MakeRig, registry: Registry) -> None:
    """A redelivery is old because it failed, not because the queue was slow."""
    outcomes = [ValueError(), None]

    @registry.on("*", name="one")
    def fails_once(_event: object) -> None:
        if error := outcomes.pop(0):
            raise error

    rig = make_rig(registry)
    rig.send()
    rig.clock.advance(3)
    rig.cycle()
    rig.clock.advance(600)
    rig.cycle()

    lag = rig.stats.lag.spread()
    assert (lag.count, lag.sum) == (1, 3.0)
    assert rig.stats["handled"] == 1


def test_a_full_receive_counts_ten_messages(make_rig: MakeRig, registry: Registry) -> None:
    """The first one stands for all; the counts are exact, the ages nearly."""
    registry.add(lambda _event: None, "*", name="one")
    rig = make_rig(registry)
    rig.send(count=25)
    rig.clock.advance(5)
    for _ in range(3):
        rig.cycle()

    lag = rig.stats.lag.spread()
    assert (lag.count, lag.sum) == (25, 125.0)
    assert rig.stats.lateness.spread().count == 25


def test_an_event_without_a_time_and_one_of_the_future(
    make_rig: MakeRig, registry: Registry
) -> None:
    """The first is not counted; the second is not late: clocks differ a little."""
    registry.add(lambda _event: None, "*", name="one")
    rig = make_rig(registry)
    rig.queue.send(canvas_body("grade_change", metadata={"event_time": "2999-01-01T00:00:00Z"}))
    rig.cycle()

    lateness = rig.stats.lateness.spread()
    assert (lateness.count, lateness.sum) == (1, 0.0)

"""Receives that overlap: what fails together is one failure."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from consumer.engine.poller import Poller

from consumer.engine.inflight import InFlight
from consumer.engine.stats import Stats
from consumer.errors import TransportError
from consumer.testing import InMemoryQueue, ManualClock

if TYPE_CHECKING:
    from consumer.messages import ReceivedMessage


class Together(InMemoryQueue):
    """While a receive waits, seven others begin; then the network goes, for all of them."""

    poller: Poller
    now: ManualClock
    inner = 0
    pauses: list[float]

    def receive(
        self, *, max_messages: int, wait_seconds: int, visibility_timeout_seconds: int | None
    ) -> list[ReceivedMessage]:
        if self.inner < 7:
            self.inner += 1
            self.pauses.append(self.poller.poll_once().pause_seconds)
        self.now.advance(1)
        raise TransportError("gone", code="ConnectionClosedError")


def test_receives_that_fail_together_back_off_once() -> None:
    """Eight open receives broken by one blip wait about a second, not a minute."""
    clock = ManualClock()
    queue = Together(clock)
    queue.pauses = []
    queue.now = clock
    in_flight = InFlight(max_messages=100, max_bytes=2**30)
    queue.poller = Poller(
        queue,
        in_flight,
        Stats(),
        clock=clock,
        rng=Random(1),
        wait_time_seconds=20,
        visibility_timeout_seconds=30,
    )
    clock.advance(5)

    began_last = queue.poller.poll_once().pause_seconds

    assert max(began_last, *queue.pauses) <= 1
    assert 1 < queue.poller.poll_once().pause_seconds <= 2  # the next one is the second failure

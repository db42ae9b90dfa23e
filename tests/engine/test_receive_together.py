"""Receives that overlap: what fails together is one failure."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from consumer.config import Settings
from consumer.engine.inflight import InFlight
from consumer.engine.receive import Receiver
from consumer.engine.receive_failures import ReceiveFailures
from consumer.engine.run_options import RunOptions
from consumer.engine.stats import Stats
from consumer.errors import AccessDeniedError, TransportError
from consumer.testing import InMemoryQueue, ManualClock

if TYPE_CHECKING:
    from consumer.messages import ReceivedMessage


class Together(InMemoryQueue):
    """While a receive waits, seven others begin; then the network fails, for all of them."""

    receiver: Receiver
    now: ManualClock
    inner = 0
    pauses: list[float]

    def receive(
        self, *, max_messages: int, wait_seconds: int, visibility_timeout_seconds: int | None
    ) -> list[ReceivedMessage]:
        """Fail, after the others have failed."""
        if self.inner < 7:
            self.inner += 1
            self.pauses.append(self.receiver.receive().pause_seconds)
        self.now.advance(1)
        raise TransportError("gone", code="ConnectionClosedError")


def test_receives_that_fail_together_back_off_once() -> None:
    """Eight open receives broken by one blip wait about a second, not a minute."""
    clock = ManualClock()
    queue = Together(clock)
    queue.pauses = []
    queue.now = clock
    queue.receiver = Receiver(
        queue,
        InFlight(max_messages=100, max_bytes=2**30),
        Stats(),
        Settings(),
        RunOptions(30),
        clock=clock,
        rng=Random(1),
    )
    clock.advance(5)

    began_first = queue.receiver.receive().pause_seconds

    assert max(began_first, *queue.pauses) <= 1
    assert 1 < queue.receiver.receive().pause_seconds <= 2  # the next one is the second failure


def test_one_that_fails_after_the_network_is_back_is_forgotten_with_the_next_success() -> None:
    """It began before the blip and ends after it: else it would be an outage without end."""
    clock = ManualClock()
    failures = ReceiveFailures(clock=clock, rng=Random(1), grace_seconds=60)
    refused = AccessDeniedError("not yet", code="AccessDenied")
    first = second = clock.monotonic()
    clock.advance(1)
    failures.note(refused, first, worked=True)
    failures.end()
    clock.advance(1)
    failures.note(refused, second, worked=True)

    failures.end()

    assert (failures.since, failures.last_code) == (None, "")
    clock.advance(3600)
    failures.note(refused, clock.monotonic(), worked=True)  # has its own grace: it is not raised

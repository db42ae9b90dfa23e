"""What lands through the whole engine: outages that cost nothing, and stops in the middle."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import Unavailable
from consumer.handlers.records import payload_of
from tests.engine.conftest import Rig
from tests.handlers.landing.events import event_of, text_of

if TYPE_CHECKING:
    from tests.handlers.landing.destination import Destination

#: The breaker as it is by default; settled at once, to see what is deleted.
ENGINE = {"breaker_failures": 5, "settle_linger_seconds": 0}


class Site:
    """An engine with the destination's handler, stepped by hand; a restart keeps the queue."""

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self.rig = Rig(destination.registry(), engine=ENGINE)
        self.sent = 0

    def send(self, count: int) -> None:
        """Put so many more events into the queue."""
        for number in range(self.sent, self.sent + count):
            self.rig.queue.send(text_of(number))
        self.sent += count

    def live(self, seconds: int) -> None:
        """Run the engine for a while; no time passes outside."""
        for _ in range(seconds):
            while self.rig.may_receive() and self.rig.receive().messages:
                self.rig.work()
            self.rig.beat(1)
            self.rig.work()
            self.rig.settle()

    def restart(self) -> None:
        """Drain and close, as a stop does, and start again over the same queue."""
        self.rig.drain()
        self.destination.close()
        self.check()
        self.rig = Rig(
            self.destination.registry(),
            queue=self.rig.queue,
            clock=self.rig.clock,
            engine=ENGINE,
        )

    def failing(self) -> list[str]:
        """Handlers whose breaker is open."""
        return self.rig.parts.admission.failing()

    def deliveries(self) -> int:
        """How often the message that was delivered most often was."""
        return max(map(self.rig.queue.receive_count, self.rig.queue.bodies()), default=0)

    def check(self) -> None:
        """Everything that was deleted has landed; what has not landed is still in the queue."""
        keys = self.destination.keys()
        left = Counter(event_of(body).key for body in self.rig.queue.bodies().values())
        sent = {event_of(text_of(number)).key for number in range(self.sent)}
        assert sent <= keys.keys() | left.keys()

    def check_all_landed(self) -> None:
        """And nothing is left in the queue; nothing has landed twice."""
        sent = Counter(event_of(text_of(number)).key for number in range(self.sent))
        assert sent == self.destination.keys()
        assert {} == self.rig.queue.bodies()


def of(logs: list[Any], event: str) -> list[Any]:
    """The lines of one log event."""
    return [line for line in logs if line["event"] == event]


def test_down_from_the_start(destination: Destination, logs: list[Any]) -> None:
    """The first failure opens the breaker: no message needs a second delivery."""
    destination.go_down()
    site = Site(destination)
    site.send(30)
    site.live(20)
    assert ["landing"] == site.failing()
    assert 30 == len(site.rig.queue.bodies())
    assert 1 == site.deliveries()
    (opened,) = of(logs, "breaker_opened")
    assert 1 == opened["failures"]
    assert len(opened["reason"]) > 20
    destination.come_back()
    site.live(60)
    assert [] == site.failing()
    site.check_all_landed()


def test_down_in_the_middle_and_back(destination: Destination, logs: list[Any]) -> None:
    """Also over connections that were open; again and again; no delivery is used up by it."""
    site = Site(destination)
    for _ in range(2):
        site.send(20)
        site.live(5)
        site.check_all_landed()
        destination.go_down()
        site.send(20)
        site.live(20)
        assert ["landing"] == site.failing()
        assert 20 == len(site.rig.queue.bodies())
        assert 1 == site.deliveries()
        destination.come_back()
        site.live(60)
        site.check_all_landed()
    assert 2 == len(of(logs, "breaker_opened")) == len(of(logs, "breaker_closed"))
    bodies = [
        json.dumps(payload_of(event_of(text_of(number)), scrub_secrets=True)) for number in (0, 39)
    ]
    assert [] == [body for body in bodies if body in repr(logs)]


def test_each_call_lands_only_some(destination: Destination) -> None:
    """Those that have not landed come again, and no others."""
    if not destination.take_some():
        pytest.skip("a call lands all of its events, or none")
    site = Site(destination)
    site.send(40)
    site.live(3)
    assert 0 < destination.keys().total() < 40
    site.check()
    site.live(200)
    site.check_all_landed()


def test_stopped_in_the_middle(destination: Destination) -> None:
    """With events collected for a batch, and others received: deleted is only what has landed."""
    site = Site(destination)
    site.send(50)
    for _ in range(3):
        site.rig.receive()
        site.rig.begin_one()
    site.restart()
    site.live(60)
    site.check_all_landed()


def test_stopped_while_it_is_down(destination: Destination) -> None:
    """Everything is back in the queue, and lands after the next start."""
    site = Site(destination)
    site.send(10)
    site.live(5)
    destination.go_down()
    site.send(20)
    site.live(5)
    site.rig.drain()
    destination.close()
    assert 20 == len(site.rig.queue.visible())
    destination.come_back()
    site.restart()
    site.live(60)
    site.check_all_landed()


def test_it_can_be_asked_whether_events_could_land(destination: Destination) -> None:
    """`consume check` asks: a sentence if it is up, and what the handler raises if it is down."""
    (handler,) = destination.registry().handlers
    assert handler.check_destination is not None
    before = destination.keys()
    assert len(handler.check_destination()) > 10
    assert before == destination.keys()
    destination.close()
    (handler,) = destination.registry().handlers
    assert handler.check_destination is not None
    destination.go_down()
    with pytest.raises(Unavailable) as caught:
        handler.check_destination()
    assert len(caught.value.reason) > 20
    assert [] == [secret for secret in destination.secrets if secret in caught.value.reason]

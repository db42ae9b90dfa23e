"""What is known of a running daemon: its state, its rates, and the series of the last hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from consumer.handlers.registering.registry import Registry
from consumer.messages import Event
from consumer.queues.requests import RequestCounts
from consumer.service.monitoring.monitor import SILENT_SECONDS, Monitor
from consumer.service.monitoring.snapshot import snapshot_of
from consumer.testing import Fault
from tests.engine.conftest import Rig
from tests.service.monitored import monitor_of


class Watched:
    """An engine stepped by hand, and its monitor."""

    def __init__(self, registry: Registry, **engine: int) -> None:
        self.rig = Rig(registry, engine=engine)
        self.monitor: Monitor = monitor_of(self.rig.worker, self.rig.clock)

    def look(self) -> None:
        """What the main thread does."""
        self.monitor.look(self.rig.status)

    def state(self) -> str:
        """After a look."""
        self.look()
        return self.monitor.facts().state

    def minutes_of(self, messages: int, minutes: int) -> None:
        """So many messages a minute, with a look each second."""
        for second in range(60 * minutes):
            if second % 60 == 0:
                self.rig.send(count=messages)
                self.rig.cycle()
            self.rig.clock.advance(1)
            self.rig.tick()
            self.look()


@pytest.fixture(name="registry")
def _registry() -> Registry:
    registry = Registry()
    registry.add(lambda _event: None, "*", name="all")
    return registry


def test_the_state_is_what_an_operator_calls_it(registry: Registry) -> None:
    """Starting until the first receive succeeded, then receiving, paused, draining."""
    watched = Watched(registry)
    assert watched.monitor.facts().state == watched.state() == "starting"
    assert not watched.monitor.facts().ready

    watched.rig.cycle()
    assert watched.state() == "receiving"
    assert watched.monitor.facts().ready

    watched.rig.worker.pause(paused=True)
    assert watched.state() == "paused"
    assert not watched.monitor.facts().ready

    watched.rig.worker.pause(paused=False)
    assert watched.state() == "receiving"
    watched.rig.worker.stop()
    assert watched.state() == "draining"
    assert not watched.monitor.facts().ready


def test_it_waits_while_every_handler_fails() -> None:
    """Then it is neither unhealthy nor unready: a restart would not help."""
    registry, archive = Registry(), Registry()

    @registry.on("grade_*", name="broken")
    def broken(_event: Event) -> None:
        raise ConnectionError

    # That of unmatched events does not take over.
    archive.add(lambda _event: None, "*", name="archive")
    registry.adopt([replace(handler, unmatched=True) for handler in archive.handlers])
    watched = Watched(registry, breaker_failures=1)
    watched.rig.send()
    watched.rig.cycle()

    assert watched.state() == "waiting"
    facts = watched.monitor.facts()
    assert (facts.ready, facts.problems) == (True, ())
    assert facts.figures.handlers[0].breaker == "open"


def test_an_outage_is_unhealthy(registry: Registry) -> None:
    """Receives that have failed for two minutes: with the code of the last one."""
    watched = Watched(registry)
    watched.rig.cycle()
    watched.rig.fail("receive", times=20)
    for _ in range(14):
        watched.rig.cycle()
        watched.rig.beat(10)
    assert isinstance(watched.rig.queue.faults, list)
    assert all(isinstance(fault, Fault) for fault in watched.rig.queue.faults)

    assert watched.state() == "unhealthy"
    facts = watched.monitor.facts()
    assert facts.problems == ("every receive has failed for 120 s",)
    assert facts.receive_error_code == "ServiceUnavailable"


def test_a_main_thread_that_hangs_is_a_problem(registry: Registry) -> None:
    """It looks around each second; what it knew last is no sign of health."""
    watched = Watched(registry)
    watched.rig.cycle()
    assert watched.state() == "receiving"

    watched.rig.clock.advance(SILENT_SECONDS)
    assert watched.monitor.facts().problems == ()
    watched.rig.clock.advance(1)
    assert watched.monitor.facts().problems == ("main thread without progress",)


def test_a_clock_that_is_set_does_not_change_how_long_it_runs(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without a battery for its clock starts in 1970."""
    watched = Watched(registry)
    clock, now = watched.rig.clock, watched.rig.clock.now
    clock.advance(90)

    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=20_000))

    assert 90 == snapshot_of(watched.monitor.facts())["uptime_seconds"]


def test_rates_are_those_of_the_last_minute(registry: Registry) -> None:
    """Messages for each second; what was before that minute does not count."""
    watched = Watched(registry)
    watched.minutes_of(6, minutes=3)
    assert watched.monitor.facts().rates == {
        "received": pytest.approx(0.1),
        "handled": pytest.approx(0.1),
        "failed": 0.0,
    }

    watched.minutes_of(0, minutes=2)
    assert watched.monitor.facts().rates["received"] == 0.0


def test_the_series_has_the_last_hour(registry: Registry) -> None:
    """A sample for each minute; the oldest are dropped."""
    watched = Watched(registry)
    watched.minutes_of(3, minutes=1)
    watched.minutes_of(0, minutes=61)

    minutes = watched.monitor.facts().minutes
    assert len(minutes) == 60
    assert sum(minute.received for minute in minutes) == 0
    watched.minutes_of(4, minutes=1)
    newest = watched.monitor.facts().minutes[-1]
    assert (newest.received, newest.handled, newest.failed) == (4, 4, 0)
    assert newest.at == watched.rig.clock.now()


def test_what_others_count_is_in_the_facts(registry: Registry) -> None:
    """Requests to AWS, and when the credentials expire."""
    rig, requests = Rig(registry), RequestCounts()
    expiry = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(hours=1)
    monitor = monitor_of(
        rig.worker, rig.clock, requests=requests, credentials_expire_at=lambda: expiry
    )
    requests.add("ReceiveMessage", "ok")

    facts = monitor.facts()
    assert facts.requests == {("ReceiveMessage", "ok"): 1}
    assert facts.credentials_expire_at == expiry

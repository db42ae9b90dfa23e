"""The status snapshot: its shape, and what is not in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_type_hints

from consumer.errors import Retry
from consumer.handlers.registering.registry import Registry
from consumer.queues.requests import RequestCounts
from consumer.service.monitoring.snapshot import snapshot_of
from consumer.service.monitoring.snapshot_types import HandlerJson, Snapshot
from tests.engine.conftest import Rig
from tests.service.monitored import monitor_of

if TYPE_CHECKING:
    from consumer.messages import Event


def run(registry: Registry) -> tuple[Rig, RequestCounts, Any]:
    """An engine stepped by hand, its requests, and its monitor."""
    rig, requests = Rig(registry), RequestCounts()
    return rig, requests, monitor_of(rig.worker, rig.clock, requests=requests)


def test_it_has_the_shape_that_is_documented() -> None:
    """Every key, and no other; and it is JSON."""
    registry = Registry()
    registry.add(lambda _event: None, "*", name="all")
    rig, _, monitor = run(registry)
    rig.send(count=2)
    rig.cycle()
    monitor.look(rig.status)

    snapshot = snapshot_of(monitor.facts())

    assert snapshot == json.loads(json.dumps(snapshot, allow_nan=False))
    assert get_type_hints(Snapshot).keys() == snapshot.keys()
    (handler,) = snapshot["handlers"]
    assert get_type_hints(HandlerJson).keys() == handler.keys()
    assert (handler["name"], handler["calls"], handler["handled"]) == ("all", 2, 2)
    assert snapshot["counts"]["handled"] == 2
    assert snapshot["events"] == {"grade_change": 2}
    assert snapshot["formats"] == {"canvas": 2}
    assert snapshot["state"] == "receiving"


def test_the_last_error_has_type_and_place_but_no_text() -> None:
    """What `Retry` says is not shown either; it has no place, because the handler asked for it."""
    registry = Registry()

    @registry.on("grade_change", name="broken")
    def broken(_event: Event) -> None:
        raise KeyError("secret")

    @registry.on("course_created", name="later")
    def later(_event: Event) -> None:
        raise Retry("secret")

    rig, _, monitor = run(registry)
    rig.send("grade_change")
    rig.send("course_created")
    rig.cycle()

    snapshot = snapshot_of(monitor.facts())
    errors = [handler["last_error"] for handler in snapshot["handlers"]]
    assert errors[0] is not None
    assert errors[1] is not None
    assert (errors[0]["type"], errors[1]["type"]) == ("KeyError", "Retry")
    assert str(errors[0]["place"]).endswith(" in broken")
    assert errors[1]["place"] is None
    assert "secret" not in json.dumps(snapshot)
    assert snapshot["handlers"][0]["failures"] == {"KeyError": 1}


def test_ids_handles_and_bodies_are_not_in_it() -> None:
    """Not even of the messages that are in flight or that failed last."""
    registry = Registry()
    registry.add(lambda _event: None, "*", name="all")
    rig, _, monitor = run(registry)
    ids = rig.bring(3)
    handles = [message.receipt_handle for message in rig.parts.in_flight.snapshot()]

    text = json.dumps(snapshot_of(monitor.facts()))

    assert len(handles) == 3
    for secret in (*ids, *handles, "21070000000000"):
        assert secret not in text


def test_what_threads_do_the_longest_first() -> None:
    """Inside of which handler, with how many events, since when."""
    registry = Registry()
    seen: list[Snapshot] = []

    @registry.on("*", name="slow", batch=2)
    def slow(_events: list[Event]) -> None:
        rig.clock.advance(12)
        seen.append(snapshot_of(monitor.facts()))

    rig, _, monitor = run(registry)
    rig.bring(2)
    rig.run_threads()

    assert seen[0]["workers"] == [{"role": "work", "handler": "slow", "events": 2, "seconds": 12.0}]
    assert seen[0]["handlers"][0]["running"] == 1


def test_requests_are_estimated_for_a_month() -> None:
    """At the rate so far, once that says something; failed ones also by code."""
    rig, requests, monitor = run(Registry())
    for _ in range(9):
        requests.add("ReceiveMessage", "ok")
    requests.add("DeleteMessageBatch", "RequestThrottled")
    assert snapshot_of(monitor.facts())["requests"]["per_month"] is None

    rig.clock.advance(600)

    assert snapshot_of(monitor.facts())["requests"] == {
        "total": 10,
        "per_month": 43_800,  # one a minute
        "by_action": {"ReceiveMessage": 9, "DeleteMessageBatch": 1},
        "errors": {"RequestThrottled": 1},
    }

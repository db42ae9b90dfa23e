"""What the main thread reports to systemd and the log while the engine runs, and when."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.cases import for_each
from tests.service.daemon_stage import Stage, named


def test_a_life_in_order(stage: Stage, logged: list[Any]) -> None:
    """Started, ready with the first receive, drained by a signal, exit code 0."""
    stage.at(3, lambda: stage.worker.become(ready=True))
    stage.stop_at(4)
    stage.worker.drain_counts = {"handled": 5, "deleted": 4, "released": 2, "abandoned": 1}

    code = stage.run()

    assert code == 0
    assert stage.worker.started
    assert ["status", "ready", "stopping"] == stage.heard.words()
    assert ["ready", "draining", "drained", "summary", "stopped"] == [
        line["event"] for line in logged
    ]
    (drained,) = named(logged, "drained")
    assert {
        "event": "drained", "log_level": "info",
        "handled": 5, "deleted": 4, "released": 2, "abandoned": 1,
    } == drained  # fmt: skip
    assert named(logged, "stopped")[0]["reason"] == "signal"


def test_ready_is_reported_once(stage: Stage, logged: list[Any]) -> None:
    """However long it goes on."""
    stage.worker.become(ready=True)
    stage.stop_at(30)

    stage.run()

    assert 1 == stage.heard.words().count("ready") == len(named(logged, "ready"))


def test_ready_is_repeated_until_systemd_has_it(stage: Stage, logged: list[Any]) -> None:
    """Its queue may be full while the machine boots: `systemctl start` must not hang for that."""
    stage.worker.become(ready=True)
    stage.heard.full = True
    stage.at(2, lambda: setattr(stage.heard, "full", False))
    stage.stop_at(6)

    stage.run()

    assert stage.heard.words().count("ready") == 1
    assert len(named(logged, "ready")) == 1


@for_each("idle", [True, False])
def test_a_signal_is_noticed_at_once(idle: bool) -> None:
    """It ends the wait, also the long one while idle."""
    stage = Stage()
    stage.worker.become(ready=idle)
    stage.stop_at(1.1)
    began = stage.clock.monotonic()

    stage.run()

    assert stage.clock.monotonic() - began == pytest.approx(1.1)


@for_each(
    "status, looks",
    [
        ({"ready": True}, 60),
        ({"ready": False}, 300),
        ({"ready": True, "in_flight": 1}, 300),
        ({"ready": True, "open_receives": 0}, 300),
        ({"ready": True, "open_receives": 0, "paused": True}, 60),
    ],
)
def test_an_idle_minute_costs_sixty_looks(status: dict[str, Any], looks: int) -> None:
    """Otherwise the main thread looks five times a second."""
    stage = Stage()
    stage.worker.become(**status)
    seen: list[object] = []
    stage.stop_at(59.99)

    stage.run(on_tick=seen.append)

    # One at the signal, one after the drain.
    assert len(seen) == pytest.approx(looks + 2, abs=1)


def test_the_watchdog_is_fed_twice_as_often_as_asked(stage: Stage) -> None:
    """While there is progress."""
    stage.heard.watchdog_interval_seconds = 10.0
    stage.stop_at(60)

    stage.run()

    gaps = [
        later - earlier
        for earlier, later in zip(stage.heard.fed, stage.heard.fed[1:], strict=False)
    ]
    assert len(gaps) >= 11
    assert max(gaps) <= 5.25


def test_without_a_watchdog_nothing_is_fed(stage: Stage) -> None:
    """The unit may have no WatchdogSec=."""
    stage.stop_at(60)

    stage.run()

    assert stage.heard.fed == []


def test_the_watchdog_is_not_fed_while_there_are_problems(stage: Stage, logged: list[Any]) -> None:
    """Not once: systemd then ends the process. When they pass, it is fed again, at once."""
    stage.heard.watchdog_interval_seconds = 2.0
    began = stage.clock.monotonic()
    stage.at(10, lambda: stage.worker.become(problems=("receive without end",)))
    stage.at(50, lambda: stage.worker.become(problems=()))
    stage.stop_at(60)

    stage.run()

    fed = [moment - began for moment in stage.heard.fed]
    assert not [moment for moment in fed if 10.2 < moment < 50]
    assert [moment for moment in fed if 50 <= moment < 50.5]
    assert [["receive without end"]] == [line["problems"] for line in named(logged, "unhealthy")]
    assert len(named(logged, "healthy")) == 1
    assert any("unhealthy (receive without end)" in str(text) for _, text in stage.heard.said)


def test_an_outage_is_unhealthy_and_fed(stage: Stage, logged: list[Any]) -> None:
    """It is logged and shown; but a new process would do no better, so the watchdog is fed."""
    stage.heard.watchdog_interval_seconds = 2.0
    began = stage.clock.monotonic()
    outage = ("every receive has failed for 120 s",)
    stage.at(10, lambda: stage.worker.become(outages=outage, receive_error_code="504"))
    stage.at(50, lambda: stage.worker.become(outages=(), receive_error_code=""))
    stage.stop_at(60)

    stage.run()

    assert [m for m in stage.heard.fed if 20 < m - began < 40]
    (unhealthy,) = named(logged, "unhealthy")
    assert (list(outage), "504") == (unhealthy["problems"], unhealthy["code"])
    assert len(named(logged, "healthy")) == 1
    shown = f"unhealthy ({outage[0]}), the last with 504"
    assert any(shown in str(text) for _, text in stage.heard.said)


def test_the_status_is_for_people(stage: Stage) -> None:
    """Every five seconds: what it does, how fast, how much is held, how far it lags."""
    stage.worker.become(ready=True)

    def work() -> None:
        stage.worker.count(handled=50, failed=2, rejected=1)
        stage.worker.become(in_flight=2, lag_seconds=7.4)

    stage.at(4, work)
    stage.at(7, lambda: stage.worker.become(receive_error_code="RequestThrottled"))
    stage.at(12, lambda: stage.worker.become(failing_handlers=("grades",)))
    stage.stop_at(16)

    stage.run()

    statuses = [text for what, text in stage.heard.said if what == "status"]
    assert [
        "receiving: 0.0 messages/s, 0 in flight, 0 handled, 0 failed",
        "receiving: 10.0 messages/s, 2 in flight, 50 handled, 3 failed, lag 7 s",
    ] == statuses[:2]
    assert str(statuses[2]).startswith("receiving fails (RequestThrottled), retrying: 0.0 ")
    assert str(statuses[3]).startswith("waiting for grades to work again: 0.0 messages/s")


def test_a_pause_is_in_the_status_and_healthy(stage: Stage, logged: list[Any]) -> None:
    """Also with the error of a receive from before it; the watchdog is fed meanwhile."""
    stage.heard.watchdog_interval_seconds = 60
    stage.worker.become(ready=True, paused=True, receive_error_code="504")
    stage.stop_at(100)

    stage.run()

    statuses = [text for what, text in stage.heard.said if what == "status"]
    assert statuses[-1] == "paused: 0.0 messages/s, 0 in flight, 0 handled, 0 failed"
    assert len(stage.heard.fed) >= 3
    assert named(logged, "unhealthy") == []


def test_the_summary_has_what_is_new(stage: Stage, logged: list[Any]) -> None:
    """Once in its interval, and at the end; the counts of repeated lines are logged with it."""
    stage.at(30, lambda: stage.worker.count(received=10))
    stage.at(70, lambda: stage.worker.count(received=5, undecodable=2))
    stage.stop_at(130)

    stage.run(summary_interval_seconds=60)

    summaries = named(logged, "summary")
    assert [10, 5, 0] == [line["received"] for line in summaries]
    assert [0, 2, 0] == [line.get("undecodable", 0) for line in summaries]
    always = {"received", "handled", "failed", "deleted", "in_flight", "lag_seconds"}
    assert {"event", "log_level", *always} == set(summaries[0])
    assert len(stage.flushed) == 3


def test_unmatched_events_are_counted_by_name(stage: Stage, logged: list[Any]) -> None:
    """In each summary the new ones; in the status line and the final totals all of them."""
    worker = stage.worker

    def count(**names: int) -> None:
        worker.count(unmatched=sum(names.values()))
        both = Counter(worker.current.unmatched_events) + Counter(names)
        worker.become(unmatched_events=dict(both))

    stage.at(30, lambda: count(course_created=2))
    stage.at(70, lambda: count(user_created=5, course_created=1))
    stage.stop_at(130)

    stage.run(summary_interval_seconds=60)

    summaries = named(logged, "summary")
    assert [
        {"course_created": 2},
        {"user_created": 5, "course_created": 1},
        None,
    ] == [line.get("unmatched_events") for line in summaries]
    assert [2, 6, None] == [line.get("unmatched") for line in summaries]
    assert any("0 handled, 8 unmatched, " in str(value) for _, value in stage.heard.said)
    assert 8 == named(logged, "drained")[0]["unmatched"]


def test_the_first_receive_is_waited_for_in_plain_words(stage: Stage) -> None:
    """Until then it neither receives nor fails."""
    stage.stop_at(1)

    stage.run()

    assert stage.heard.said[0] == (
        "status",
        "waiting for the first receive: 0.0 messages/s, 0 in flight, 0 handled, 0 failed",
    )


def test_what_stays_in_the_queue_is_reported_with_its_reasons(
    stage: Stage, logged: list[Any]
) -> None:
    """In a run until the queue is empty: how many, and why."""
    stage.worker.become(finished="queue empty")
    stage.worker.put_back = {"no event": 2, "handler h fails all the time": 1}

    stage.run()

    (drained,) = named(logged, "drained")
    assert drained["put_off"] == 3
    assert drained["reasons"] == {"no event": 2, "handler h fails all the time": 1}

"""How the daemon ends: drained, cut short, or failed; and what systemd hears meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import AccessDeniedError, ConfigurationError, QueueMissingError, TransportError
from tests.service.daemon_stage import named

if TYPE_CHECKING:
    from consumer.engine.status import Status
    from tests.service.daemon_stage import Stage


@pytest.mark.parametrize("reason", ["queue empty", "max_messages reached"])
def test_it_ends_when_the_engine_is_finished(stage: Stage, logged: list[Any], reason: str) -> None:
    """With exit code 0 and the reason."""
    stage.at(2, lambda: stage.worker.become(finished=reason))

    assert stage.run() == 0
    assert reason == named(logged, "draining")[0]["reason"] == named(logged, "stopped")[0]["reason"]


@pytest.mark.parametrize(
    ("failure", "code", "facts"),
    [
        (ConfigurationError("wrong"), 78, {"error": "wrong"}),
        (AccessDeniedError("not allowed"), 77, {"error": "not allowed"}),
        (QueueMissingError("no queue"), 69, {"error": "no queue"}),
        (TransportError("network"), 75, {"error": "network"}),
        (ZeroDivisionError("CANARY"), 70, {"error_type": "ZeroDivisionError", "error_at": ""}),
        (SystemExit(0), 70, {"error_type": "SystemExit", "error_at": ""}),
    ],
)
def test_each_failure_has_its_exit_code(
    stage: Stage, logged: list[Any], failure: BaseException, code: int, facts: dict[str, str]
) -> None:
    """Known errors are logged with their sentence; a bug with type and place, never its text."""
    stage.worker.become(failure=failure, finished="failure")

    assert code == stage.run()
    (stopped,) = named(logged, "stopped")
    assert {
        "event": "stopped", "log_level": "critical",
        "reason": "failure", "exit_code": code, **facts,
    } == stopped  # fmt: skip


def test_a_queue_that_refuses_deletes_while_draining_is_a_failure(
    stage: Stage, logged: list[Any]
) -> None:
    """The stop was a signal, but handled messages could not be deleted: not exit code 0."""
    stage.stop_at(1)
    stage.worker.drain_seconds = 1
    refused = AccessDeniedError("no deletes")
    stage.at(1.5, lambda: stage.worker.become(failure=refused))

    assert stage.run() == 77
    assert named(logged, "stopped")[0]["error"] == "no deletes"


def test_draining_asks_for_time_and_feeds_the_watchdog(stage: Stage) -> None:
    """STOPPING comes first; each second systemd gets the most time that it may still take."""
    stage.heard.watchdog_interval_seconds = 2.0
    stage.worker.drain_seconds = 10
    stage.worker.become(in_flight=1)
    stage.stop_at(1)
    began = stage.clock.monotonic()

    stage.run()

    words = stage.heard.words()
    stopping = words.index("stopping")
    assert "extend" not in words[:stopping]
    asked = [float(str(value)) for what, value in stage.heard.said if what == "extend"]
    assert 9 <= len(asked) <= 11
    assert asked == sorted(asked, reverse=True)
    assert 75 <= asked[0] <= 80
    assert ("status", "draining: 1 in flight, 60 s left") in stage.heard.said
    assert [moment for moment in stage.heard.fed if moment > began + 5]


@pytest.mark.parametrize(
    ("moments", "cut_short"),
    [
        ((1.0,), False),
        ((1.0, 4.0), True),
        ((1.05, 1.15), True),  # both before the main thread looks
    ],
)
def test_a_second_signal_cuts_the_drain_short(
    stage: Stage, moments: tuple[float, ...], cut_short: bool
) -> None:
    """The first does not; two at the same moment count as two."""
    stage.worker.drain_seconds = 20
    for moment in moments:
        stage.stop_at(moment)

    assert stage.run() == 0
    assert cut_short is (stage.worker.cut_short_after is not None)


def test_a_first_signal_while_draining_for_another_reason_goes_on(stage: Stage) -> None:
    """It asks for what is under way already; one more cuts it short."""
    stage.worker.become(finished="queue empty")
    stage.worker.drain_seconds = 20
    stage.stop_at(2)
    stage.stop_at(10)

    stage.run()

    assert stage.worker.cut_short_after == pytest.approx(10, abs=0.6)


def test_the_demo_gets_the_status(stage: Stage) -> None:
    """Regularly, also while draining, and at the end."""
    looks: list[float] = []
    seen: list[int] = []

    def look(status: Status) -> None:
        looks.append(stage.clock.monotonic())
        seen.append(status.counts.get("handled", 0))

    stage.stop_at(2)
    stage.worker.drain_seconds = 3
    stage.at(4.9, lambda: stage.worker.count(handled=7))

    stage.run(on_tick=look)

    assert seen[-1] == 7
    assert len([look for look in looks if look < looks[0] + 2]) >= 10
    assert [look for look in looks if look > looks[0] + 4]


@pytest.mark.parametrize(
    ("open_receives", "hint"),
    [(2, "waiting up to a long poll for open receives"), (0, "a second signal stops at once")],
)
def test_draining_says_what_it_waits_for(
    stage: Stage, logged: list[Any], open_receives: int, hint: str
) -> None:
    """An open long poll may finish; without one the hint does not mention it."""
    stage.worker.become(open_receives=open_receives, in_flight=3)
    stage.stop_at(1)

    stage.run()

    (draining,) = named(logged, "draining")
    assert (draining["open_receives"], draining["in_flight"]) == (open_receives, 3)
    assert draining["hint"].startswith(hint)

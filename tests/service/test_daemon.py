"""The main thread's part, on a manual clock: what is told to systemd and to the log, and when."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from consumer.engine.stats import Stats
from consumer.engine.worker import Account
from consumer.errors import AccessDeniedError, ConfigurationError, QueueMissingError, TransportError
from consumer.service.daemon import Daemon
from consumer.service.signals import StopSignals
from consumer.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class FakeWorker:
    """An engine without threads: the test says what has become of it."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.poller = SimpleNamespace(succeeded=False, last_error_code="")
        self.settler = SimpleNamespace(fatal=None)
        self.crew = SimpleNamespace(stopping=threading.Event(), polling=1)
        self.stats = Stats()
        self.in_flight: list[str] = []
        self.failure: BaseException | None = None
        self.trouble: list[str] = []
        self.reason = ""
        self.started = False
        #: What a drain finds: how long it takes, and the account.
        self.drain_seconds = 0.0
        self.account = Account(0, 0, 0, 0)
        self.cut_short_after: float | None = None

    def start(self) -> None:
        self.started = True

    def finished(self) -> str:
        return self.reason

    def problems(self) -> list[str]:
        return list(self.trouble)

    def drain(self, while_waiting: Callable[[float], bool]) -> Account:
        began = self.clock.monotonic()
        while (passed := self.clock.monotonic() - began) < self.drain_seconds:
            if while_waiting(60.0 - passed):
                self.cut_short_after = passed
                break
            self.clock.advance(0.5)
        return self.account


class Heard:
    """systemd's end of the notifier."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.said: list[tuple[str, object]] = []
        self.fed: list[float] = []
        self.active = True
        self.full = False
        self.watchdog_interval_seconds: float | None = None

    def _say(self, what: str, value: object) -> bool:
        if not self.full:
            self.said.append((what, value))
        return not self.full

    def ready(self, status: str = "") -> bool:
        return self._say("ready", status)

    def status(self, text: str) -> bool:
        return self._say("status", text)

    def stopping(self, status: str = "") -> bool:
        return self._say("stopping", status)

    def extend_timeout(self, seconds: float) -> bool:
        return self._say("extend", seconds)

    def watchdog(self) -> bool:
        self.fed.append(self.clock.monotonic())
        return self._say("watchdog", None)

    def words(self) -> list[str]:
        """What was said, without the values."""
        return [what for what, _ in self.said]


class Stage:
    """A daemon whose surroundings are scripts. Things happen by `at`."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.worker = FakeWorker(self.clock)
        self.heard = Heard(self.clock)
        self.signals = StopSignals()
        self.flushed: list[float] = []

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        """Let something happen so long after now."""
        self.clock.call_later(seconds, action)

    def stop_at(self, seconds: float) -> None:
        """A signal."""
        self.at(seconds, self.signals.note)

    def run(self, **options: Any) -> int:
        """The life of the daemon; returns its exit code."""
        daemon = Daemon(
            self.worker,  # type: ignore[arg-type]
            notifier=self.heard,  # type: ignore[arg-type]
            signals=self.signals,
            clock=self.clock,
            flush_repeats=lambda: self.flushed.append(self.clock.monotonic()),
            **options,
        )
        return daemon.run()


@pytest.fixture(name="stage")
def _stage() -> Stage:
    return Stage()


@pytest.fixture(name="logs")
def _captured() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def named(logs: list[Any], event: str) -> list[Any]:
    """The log lines of one event."""
    return [line for line in logs if line["event"] == event]


def test_a_life_in_order(stage: Stage, logs: list[Any]) -> None:
    """Started, ready with the first receive, drained by a signal, exit code 0."""
    stage.at(3, lambda: setattr(stage.worker.poller, "succeeded", True))
    stage.stop_at(4)
    stage.worker.account = Account(handled=5, deleted=4, released=2, abandoned=1)

    code = stage.run()

    assert code == 0
    assert stage.worker.started
    assert ["status", "ready", "stopping"] == stage.heard.words()
    assert ["ready", "draining", "drained", "summary", "stopped"] == [
        line["event"] for line in logs
    ]
    (drained,) = named(logs, "drained")
    assert {
        "event": "drained", "log_level": "info",
        "handled": 5, "deleted": 4, "released": 2, "abandoned": 1,
    } == drained  # fmt: skip
    assert named(logs, "stopped")[0]["reason"] == "signal"


def test_ready_is_said_once(stage: Stage, logs: list[Any]) -> None:
    """However long it goes on."""
    stage.worker.poller.succeeded = True
    stage.stop_at(30)

    stage.run()

    assert 1 == stage.heard.words().count("ready") == len(named(logs, "ready"))


def test_ready_is_said_again_until_systemd_has_it(stage: Stage, logs: list[Any]) -> None:
    """Its queue may be full while the machine boots: `systemctl start` must not hang for that."""
    stage.worker.poller.succeeded = True
    stage.heard.full = True
    stage.at(2, lambda: setattr(stage.heard, "full", False))
    stage.stop_at(6)

    stage.run()

    assert stage.heard.words().count("ready") == 1
    assert len(named(logs, "ready")) == 1


def test_a_signal_is_seen_soon(stage: Stage) -> None:
    """Within a fifth of a second, though the handler only counts."""
    stage.stop_at(1)
    began = stage.clock.monotonic()

    stage.run()

    assert stage.clock.monotonic() - began == pytest.approx(1, abs=0.21)


def test_the_watchdog_is_fed_twice_as_often_as_asked(stage: Stage) -> None:
    """From progress; without a watchdog nobody is fed."""
    stage.heard.watchdog_interval_seconds = 10.0
    stage.stop_at(60)

    stage.run()

    gaps = [
        later - earlier
        for earlier, later in zip(stage.heard.fed, stage.heard.fed[1:], strict=False)
    ]
    assert len(gaps) >= 11
    assert max(gaps) <= 5.25


def test_without_a_watchdog_nobody_is_fed(stage: Stage) -> None:
    """systemd may not have asked for it."""
    stage.stop_at(60)

    stage.run()

    assert stage.heard.fed == []


def test_the_watchdog_is_not_fed_while_there_are_problems(stage: Stage, logs: list[Any]) -> None:
    """Not once: systemd then ends the process. When they pass, it is fed again, at once."""
    stage.heard.watchdog_interval_seconds = 2.0
    began = stage.clock.monotonic()
    stage.at(10, lambda: stage.worker.trouble.append("receive without end"))
    stage.at(50, stage.worker.trouble.clear)
    stage.stop_at(60)

    stage.run()

    fed = [moment - began for moment in stage.heard.fed]
    assert not [moment for moment in fed if 10.2 < moment < 50]
    assert [moment for moment in fed if 50 <= moment < 50.5]
    assert [["receive without end"]] == [line["problems"] for line in named(logs, "unhealthy")]
    assert len(named(logs, "healthy")) == 1
    assert any("unhealthy (receive without end)" in str(text) for _, text in stage.heard.said)


def test_the_status_is_for_people(stage: Stage) -> None:
    """Every five seconds: what it does, how fast, how much is held, how far it lags."""
    stage.worker.poller.succeeded = True

    def work() -> None:
        for _ in range(50):
            stage.worker.stats.handled(["grade_change"])
        stage.worker.in_flight = ["a", "b"]
        stage.worker.stats.add("failed", 3)
        stage.worker.stats.lag_seconds = 7.4

    stage.at(4, work)
    stage.at(7, lambda: setattr(stage.worker.poller, "last_error_code", "RequestThrottled"))
    stage.stop_at(11)

    stage.run()

    statuses = [text for what, text in stage.heard.said if what == "status"]
    assert [
        "receiving: 0.0 messages/s, 0 in flight, 0 handled, 0 put off",
        "receiving: 10.0 messages/s, 2 in flight, 50 handled, 3 put off, lag 7 s",
        "receiving fails (RequestThrottled), trying on: 0.0 messages/s, 2 in flight, 50 handled, "
        "3 put off, lag 7 s",
    ] == statuses


def test_the_summary_tells_what_is_new(stage: Stage, logs: list[Any]) -> None:
    """Once in its interval, and at the end; the repeats held back are told with it."""
    stats = stage.worker.stats
    stage.at(30, lambda: stats.add("received", 10))
    stage.at(70, lambda: (stats.add("received", 5), stats.add("undecodable", 2)))
    stage.stop_at(130)

    stage.run(summary_interval_seconds=60)

    summaries = named(logs, "summary")
    assert [10, 5, 0] == [line["received"] for line in summaries]
    assert [0, 2, 0] == [line.get("undecodable", 0) for line in summaries]
    always = {"received", "handled", "failed", "deleted", "in_flight", "lag_seconds"}
    assert {"event", "log_level", *always} == set(summaries[0])
    assert len(stage.flushed) == 3


@pytest.mark.parametrize("reason", ["queue empty", "max_messages reached"])
def test_it_ends_when_the_engine_is_finished(stage: Stage, logs: list[Any], reason: str) -> None:
    """With exit code 0 and the reason."""
    stage.at(2, lambda: setattr(stage.worker, "reason", reason))

    assert stage.run() == 0
    assert reason == named(logs, "draining")[0]["reason"] == named(logs, "stopped")[0]["reason"]


@pytest.mark.parametrize(
    ("failure", "code", "told"),
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
    stage: Stage, logs: list[Any], failure: BaseException, code: int, told: dict[str, str]
) -> None:
    """Our own errors with their sentence; of a bug the type and the place, never the text."""
    stage.worker.failure, stage.worker.reason = failure, "failure"

    assert code == stage.run()
    (stopped,) = named(logs, "stopped")
    assert {
        "event": "stopped", "log_level": "critical", "reason": "failure", "exit_code": code, **told,
    } == stopped  # fmt: skip


def test_a_queue_that_refuses_deletes_while_draining_is_no_good_end(
    stage: Stage, logs: list[Any]
) -> None:
    """The stop was asked for, but what was handled could not be deleted: that is not exit code 0."""
    stage.stop_at(1)
    stage.worker.drain_seconds = 1
    stage.at(1.5, lambda: setattr(stage.worker.settler, "fatal", AccessDeniedError("no deletes")))

    assert stage.run() == 77
    assert named(logs, "stopped")[0]["error"] == "no deletes"


def test_draining_asks_for_time_and_feeds_the_watchdog(stage: Stage) -> None:
    """STOPPING comes first; each second systemd hears how long it may take, at most."""
    stage.heard.watchdog_interval_seconds = 2.0
    stage.worker.drain_seconds = 10
    stage.worker.in_flight = ["a"]
    stage.stop_at(1)
    began = stage.clock.monotonic()

    stage.run()

    words = stage.heard.words()
    stopping = words.index("stopping")
    assert "extend" not in words[:stopping]
    asked = [float(str(value)) for what, value in stage.heard.said if what == "extend"]
    assert 9 <= len(asked) <= 11
    assert asked == sorted(asked, reverse=True)
    assert 70 <= asked[0] <= 75
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
    """The first does not, and two that come together are two."""
    stage.worker.drain_seconds = 20
    for moment in moments:
        stage.stop_at(moment)

    assert stage.run() == 0
    assert cut_short is (stage.worker.cut_short_after is not None)


def test_a_first_signal_while_draining_for_another_reason_goes_on(stage: Stage) -> None:
    """It asks for what is done already; one more does not wait."""
    stage.worker.reason, stage.worker.drain_seconds = "queue empty", 20
    stage.stop_at(2)
    stage.stop_at(10)

    stage.run()

    assert stage.worker.cut_short_after == pytest.approx(10, abs=0.6)


def test_the_demo_can_look_on(stage: Stage) -> None:
    """At each look around, also while draining."""
    looks: list[float] = []
    stage.stop_at(2)
    stage.worker.drain_seconds = 3

    stage.run(on_tick=lambda: looks.append(stage.clock.monotonic()))

    assert len([look for look in looks if look < looks[0] + 2]) >= 10
    assert [look for look in looks if look > looks[0] + 4]

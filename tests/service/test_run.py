"""From settings to an exit code: the check of the queue, its attempts, and a stop meanwhile."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
import structlog

from consumer.config import (
    AwsSettings,
    EngineSettings,
    QuarantineSettings,
    QueueSettings,
    Settings,
)
from consumer.errors import AccessDeniedError, ConfigurationError, QueueMissingError, TransportError
from consumer.handlers.registering.registry import Registry
from consumer.queues.requests import RequestCounts
from consumer.queues.sqs.failures import CredentialsMissingError
from consumer.queues.transport import QueueAttributes
from consumer.service import run as module
from consumer.service import start
from consumer.service.run import Run
from consumer.testing import ManualClock
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from consumer.engine.run_options import RunOptions

UNREACHABLE = TransportError("not reached", code="EndpointConnectionError")


class FakeTransport:
    """A queue with attributes only."""

    name = "canvas-live-events-test"
    region = "us-east-1"

    def __init__(self, *answers: QueueAttributes | BaseException | Callable[[], Any]) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.closed = False

    def attributes(self) -> QueueAttributes:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer()
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, QueueAttributes)
        return answer

    def close(self) -> None:
        self.closed = True

    def beside(self, _name: str) -> FakeTransport:
        return self

    def credentials_expire_at(self) -> None: ...


class FakeWorker:
    """Never asked."""

    def figures(self) -> None: ...


class Rig:
    """`Run`, with a queue that answers as the test says and a daemon that only notes its worker."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
        self.state = state
        self.clock = ManualClock()
        self.transport = FakeTransport(QueueAttributes())
        self.workers: list[RunOptions] = []
        self.daemons: list[dict[str, Any]] = []
        self.daemon_code = 0
        self.connected = 0
        monkeypatch.setattr(start, "connect", self._connect)
        monkeypatch.setattr(module, "Parts", self._parts)
        monkeypatch.setattr(module, "Worker", lambda parts: parts)
        monkeypatch.setattr(module, "Daemon", self._daemon)

    def _connect(self, *_: Any, **__: Any) -> FakeTransport:
        self.connected += 1
        return self.transport

    def _parts(
        self,
        transport: object,
        _registry: Registry,
        _settings: Settings,
        options: RunOptions,
        **parts: Any,
    ) -> FakeWorker:
        assert transport is self.transport
        assert parts["ledger"].database is not None
        self.workers.append(options)
        return FakeWorker()

    def _daemon(self, *_: Any, **options: Any) -> Rig:
        self.daemons.append(options)
        return self

    def run(self) -> int:
        """What the daemon would do."""
        return self.daemon_code

    def start(self, settings: Settings | None = None, **options: Any) -> int:
        """Run it all."""
        settings = settings or Settings()
        queue = settings.queue.model_copy(update={"name": "canvas-live-events-test"})
        settings = settings.model_copy(update={"state_directory": self.state, "queue": queue})
        environ: dict[str, str] = {}
        made = Run(settings, clock=self.clock, environ=environ, registry=Registry(), **options)
        return made.run()


@pytest.fixture(name="rig")
def _rig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rig:
    return Rig(monkeypatch, tmp_path)


@pytest.fixture(name="logs", autouse=True)
def _logs() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def test_the_queue_is_logged_before_the_first_receive(rig: Rig, logs: list[Any]) -> None:
    """What it holds, its dead-letter queue, and what is risky about it."""
    rig.transport.answers = [
        QueueAttributes(visibility_timeout_seconds=30, visible_messages=7, in_flight_messages=2)
    ]

    assert rig.start() == 0
    starting, check, warning, ledger = logs
    assert ("starting", "canvas-live-events-test") == (starting["event"], starting["queue"])
    assert ("queue_check", 7, 2) == (check["event"], check["visible"], check["in_flight"])
    assert "no redrive policy" in warning["reason"]
    assert "ledger_opened" == ledger["event"]
    assert rig.transport.closed


@pytest.mark.parametrize(
    ("configured", "attribute", "expected"),
    [(None, 45, 45), (90, 45, 90), (None, None, 30), (None, 0, 30)],
)
def test_the_visibility_timeout_is_never_left_open(
    rig: Rig, configured: int | None, attribute: int | None, expected: int
) -> None:
    """As configured, else as the queue says, else SQS's own default: receive and renewal agree."""
    rig.transport.answers = [QueueAttributes(visibility_timeout_seconds=attribute)]

    rig.start(Settings(queue=QueueSettings(visibility_timeout_seconds=configured)))

    assert expected == rig.workers[0].visibility_timeout_seconds


def test_limits_reach_the_worker_and_the_exit_code_comes_back(rig: Rig) -> None:
    """The daemon's exit code is that of `Run`."""
    rig.daemon_code = 69

    code = rig.start(max_messages=5, drain_when_empty=True)

    assert code == 69
    (worker,) = rig.workers
    assert (5, True) == (worker.max_messages, worker.until_empty)


def test_an_unreachable_queue_is_asked_again_with_growing_pauses(rig: Rig, logs: list[Any]) -> None:
    """A network that is not up yet at boot: each attempt is logged with the next pause."""
    rig.transport.answers = [UNREACHABLE, UNREACHABLE, UNREACHABLE, QueueAttributes()]

    assert rig.start() == 0
    assert rig.transport.asked == 4
    failed = [line for line in logs if line["event"] == "queue_check_failed"]
    assert [1, 2, 3] == [line["attempt"] for line in failed]
    assert [1, 2, 4] == [line["next_attempt_seconds"] for line in failed]
    assert {"EndpointConnectionError"} == {line["code"] for line in failed}


@pytest.mark.parametrize(
    ("grace", "waits"), [(0, []), (2, [1]), (60, [1, 2, 4, 8, 15, 15, 15]), (7, [1, 2, 4])]
)
def test_a_lasting_outage_ends_the_start(
    rig: Rig, logs: list[Any], grace: float, waits: list[float]
) -> None:
    """No pause goes beyond `engine.fatal_grace_seconds`; then exit code 75: restart me."""
    rig.transport.answers = [UNREACHABLE]

    began = rig.clock.monotonic()
    with pytest.raises(TransportError) as caught:
        rig.start(Settings(engine=EngineSettings(fatal_grace_seconds=grace)))

    assert 75 == caught.value.exit_code
    failed = [line for line in logs if line["event"] == "queue_check_failed"]
    assert waits == [line["next_attempt_seconds"] for line in failed]
    assert sum(waits) == pytest.approx(rig.clock.monotonic() - began)
    assert rig.transport.closed
    assert rig.workers == []


def test_an_attempt_that_hangs_has_an_end(rig: Rig) -> None:
    """After `engine.fatal_grace_seconds` it ends with "restart me"."""
    ended = threading.Event()

    def hang() -> QueueAttributes:
        rig.clock.advance(61)
        ended.wait(60)
        return QueueAttributes()

    rig.transport.answers = [hang]
    with pytest.raises(TransportError, match="the start hangs") as caught:
        rig.start()
    ended.set()

    assert 75 == caught.value.exit_code


def test_missing_credentials_are_looked_for_again(rig: Rig, logs: list[Any]) -> None:
    """With a new client, as the old one caches that there were none. In the end it is 77."""
    rig.transport.answers = [CredentialsMissingError("none"), QueueAttributes()]
    assert rig.start() == 0
    (line,) = [line for line in logs if line["event"] == "credentials_not_ready"]
    assert (1, "none") == (line["attempt"], line["reason"])
    assert rig.connected == 2

    rig.transport.answers = [CredentialsMissingError("none")]
    with pytest.raises(AccessDeniedError) as caught:
        rig.start()
    assert 77 == caught.value.exit_code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (QueueMissingError("no queue"), 69),
        (AccessDeniedError("no"), 77),
        (ConfigurationError("no"), 78),
    ],
)
def test_what_waiting_does_not_cure_is_not_waited_for(
    rig: Rig, error: TransportError | ConfigurationError, code: int
) -> None:
    """One call, and the exit code of the error."""
    rig.transport.answers = [error]

    with pytest.raises(type(error)) as caught:
        rig.start()

    assert code == caught.value.exit_code
    assert (1, []) == (rig.transport.asked, rig.clock.waits)
    assert rig.transport.closed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_check_ends_it_with_0(
    rig: Rig, logs: list[Any], number: signal.Signals
) -> None:
    """Nothing is in flight, so the call is abandoned. The former signal handlers are restored."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    rig.transport.answers = [lambda: os.kill(os.getpid(), number)]

    assert rig.start() == 0
    assert ("stopped", "signal", 0) == tuple(logs[-1][k] for k in ("event", "reason", "exit_code"))
    assert rig.workers == []
    assert rig.transport.closed
    assert before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))


def test_a_signal_after_the_check_is_left_to_the_daemon(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be something to drain, so it is only counted."""

    def life() -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return int(rig.daemons[0]["signals"].count)

    monkeypatch.setattr(rig, "run", life)

    assert rig.start() == 1


def test_handlers_come_from_the_settings(
    rig: Rig, logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the caller gives a registry; without handlers, the archive."""
    built: list[Any] = []

    def build(handlers: Any, *, state_directory: Any, aws_client: Any, queue: Any) -> Registry:
        built.append((handlers, state_directory, queue))
        registry = Registry()
        registry.add(lambda _event: None, "grade_change", name="mine")
        return registry

    monkeypatch.setattr(module, "build_registry", build)
    queue = QueueSettings(name="canvas-live-events-test")
    settings = Settings(state_directory=rig.state, queue=queue)

    Run(settings, clock=rig.clock, environ={}).run()

    assert [(settings.handlers, settings.state_directory, queue)] == built
    assert {"mine": ["grade_change"]} == logs[0]["handlers"]
    assert "archive" == logs[0]["unmatched"]


@for_each("unmatched, archived", [("archive", 1), ("delete", 0)])
def test_the_start_logs_what_happens_to_unmatched_events(
    rig: Rig, logs: list[Any], unmatched: Literal["archive", "delete"], archived: int
) -> None:
    """A separate archive, or none; not if a handler takes every event."""
    logs.clear()
    some, every = Registry(), Registry()
    some.add(lambda _event: None, "grade_change", name="mine")
    every.add(lambda _event: None, "*", name="all")
    queue = QueueSettings(name="canvas-live-events-test")
    settings = Settings(queue=queue, state_directory=rig.state, unmatched=unmatched)

    for registry in (some, every):
        Run(settings, clock=rig.clock, environ={}, registry=registry).run()

    starts = [line for line in logs if line["event"] == "starting"]
    assert [unmatched, None] == [line.get("unmatched") for line in starts]
    assert archived == len(some.unmatched)
    assert () == every.unmatched
    assert [] == [line for line in logs if line["event"] == "config_warning"]


@for_each("way, kind", [("auto", "WireCalls"), ("botocore", "BotocoreCalls")])
def test_the_quarantines_queue_is_called_in_the_same_way(
    way: Literal["auto", "botocore"], kind: str
) -> None:
    """`queue.transport` is for both queues."""
    url = "http://127.0.0.1:1/123456789012/canvas-live-events-{}"
    keys: dict[str, Any] = {"access_key_id": "key", "secret_access_key": "secret"}
    settings = Settings(
        queue=QueueSettings(url=url.format("main"), transport=way),
        quarantine=QuarantineSettings(queue_url=url.format("poison")),
        aws=AwsSettings.model_validate(keys),
    )

    quarantine: Any = start._quarantine(settings, ManualClock(), RequestCounts())
    quarantine.close()

    assert kind == type(quarantine._sender._calls).__name__


def test_a_state_directory_that_cannot_be_written_ends_the_start(rig: Rig) -> None:
    """With exit code 78, before any call to the queue."""
    settings = Settings(state_directory=Path("/proc/x"), unmatched="delete")
    registry = Registry()
    registry.add(lambda _event: None, "*", name="all")

    with pytest.raises(ConfigurationError, match="the state directory can't be written: /proc/x"):
        Run(settings, clock=rig.clock, environ={}, registry=registry).run()

    assert 0 == rig.transport.asked

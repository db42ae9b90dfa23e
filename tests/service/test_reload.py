"""A reload: what is loaded and built first, what of it counts, and what is said about it."""

from __future__ import annotations

import signal
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from consumer.config import AwsSettings, Loaded, Settings
from consumer.errors import ConfigurationError
from consumer.handlers.registering.registry import Registry
from consumer.service.reload import LIVE, LONGEST_SECONDS, Reloads
from consumer.service.signals import StopSignals
from consumer.testing import ManualClock
from tests.cases import for_each
from tests.processes import eventually
from tests.service.daemon_stage import Heard, Stage, named

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeEngine:
    """An engine that is replaced at once."""

    def __init__(self, settings: Settings) -> None:
        self.worker: Any = SimpleNamespace(parts=SimpleNamespace(settings=settings))
        self.replaced = 0
        self.stays = False

    def replace(self, make: Callable[[], Any], **_: Any) -> bool:
        if not self.stays:
            self.replaced += 1
            self.worker = make()
        return not self.stays


class Rig:
    """Reloads of a configuration that the test sets."""

    def __init__(self, running: Settings | None = None) -> None:
        self.clock = ManualClock()
        self.engine = FakeEngine(running or Settings())
        self.signals = StopSignals(reloads=True)
        self.heard = Heard(self.clock)
        self.found: Callable[[], Settings] = Settings
        self.loads = 0
        self.reloads = Reloads(
            self.engine,  # type: ignore[arg-type]
            load=self._load,
            build=self._build,
            make=lambda _, settings: SimpleNamespace(parts=SimpleNamespace(settings=settings)),  # type: ignore[arg-type,return-value]
            signals=self.signals,
            notifier=self.heard,  # type: ignore[arg-type]
            clock=self.clock,
        )

    def _load(self) -> Loaded:
        self.loads += 1
        return Loaded(self.found(), {}, ("a warning",))

    @staticmethod
    def _build(settings: Settings) -> Registry:
        registry = Registry()
        registry.add(lambda _: None, settings.unmatched, name="one")
        return registry

    def hang_up(self) -> None:
        """The signal."""
        self.signals.note(signal.SIGHUP)

    def look(self) -> bool:
        """What the daemon does at each look."""
        return self.reloads.look(lambda _: False)

    def reload(self) -> None:
        """One reload, from the signal to its end."""
        self.hang_up()
        eventually(self.look, "the reload ends")


def test_only_what_can_change_is_changed(logged: list[Any]) -> None:
    """All else keeps its value, and is named."""
    rig = Rig()
    rig.found = lambda: Settings.model_validate(
        {
            "queue": {"format": "caliper"},
            "aws": {"region": "eu-west-1"},
            "engine": {"workers": 3},
            "logging": {"level": "debug"},
            "state_directory": "/elsewhere",
            "unmatched": "delete",
        }
    )

    rig.reload()

    settings = rig.engine.worker.parts.settings
    assert (3, "delete") == (settings.engine.workers, settings.unmatched)
    assert Settings() == settings.model_copy(update={n: getattr(Settings(), n) for n in LIVE})
    (line,) = named(logged, "reloaded")
    expected = ["queue.format", "aws.region", "logging.level", "state_directory"]
    assert sorted(expected) == sorted(line["unchanged"])
    assert {"one": ["delete"]} == line["handlers"]
    reasons = [found["reason"] for found in named(logged, "config_warning")]
    assert "a warning" in reasons


def test_a_key_that_its_file_changes_needs_no_restart(logged: list[Any]) -> None:
    """A key in the configuration itself does. No key is logged."""
    own = AwsSettings(access_key_id=SecretStr("AKIA1"), secret_access_key=SecretStr("s1"))
    new = own.model_copy(update={"access_key_id": SecretStr("AKIA2")})
    for files, expected in (({}, ["aws.access_key_id"]), ({"access_key_id_file": "/id"}, None)):
        rig = Rig(Settings(aws=own.model_copy(update=files)))
        rig.found = lambda f=files: Settings(aws=new.model_copy(update=f))  # type: ignore[misc]
        rig.reload()
        assert expected == named(logged, "reloaded")[-1].get("unchanged")
    assert "AKIA" not in str(logged)


@for_each(
    "error, errors",
    [
        (ConfigurationError("a:1: one\na:2: two"), ["a:1: one", "a:2: two"]),
        (KeyError("secret"), None),
        (SystemExit(1), None),
    ],
)
def test_what_fails_changes_nothing(error: BaseException, errors: list[str] | None) -> None:
    """Each error has its line; of a bug, type and place, and not its text. The next one works."""
    from structlog.testing import capture_logs

    rig = Rig()

    def fail() -> Settings:
        raise error

    rig.found = fail
    with capture_logs() as logs:
        rig.reload()

    (line,) = named(logs, "reload_failed")
    if errors is None:
        assert type(error).__name__ in line["errors"][0]
        assert "secret" not in str(line)
    else:
        assert errors == line["errors"]
    assert 0 == rig.engine.replaced
    rig.found = Settings
    rig.reload()
    assert 1 == rig.engine.replaced


def test_requests_during_a_reload_are_one_more_reload() -> None:
    """The file may have changed after it was read."""
    rig = Rig()
    goes_on = threading.Event()

    def wait() -> Settings:
        assert goes_on.wait(60)
        return Settings()

    rig.found = wait
    rig.hang_up()
    rig.hang_up()  # before it begins: the same
    assert not rig.look()
    assert rig.reloads.under_way
    for _ in range(5):
        rig.hang_up()
    goes_on.set()

    eventually(rig.look, "the first one ends")
    eventually(rig.look, "the second one ends")

    assert not rig.look()
    assert (2, 2) == (rig.loads, rig.engine.replaced)


def test_handlers_that_are_never_made_are_given_up(logged: list[Any]) -> None:
    """Later reloads work; what the first one brings at last has no effect."""
    rig = Rig()
    goes_on = threading.Event()

    def hang() -> Settings:
        goes_on.wait(60)
        return Settings()

    rig.found = hang
    rig.hang_up()
    assert not rig.look()
    rig.clock.advance(LONGEST_SECONDS + 1)
    assert rig.look()
    assert "hangs" in named(logged, "reload_failed")[0]["errors"][0]

    rig.found = Settings
    rig.reload()
    goes_on.set()
    assert not rig.look()
    assert 1 == rig.engine.replaced


def test_a_daemon_that_stops_is_not_reloaded(logged: list[Any]) -> None:
    """The old engine is drained, and the log says why nothing was reloaded."""
    rig = Rig()
    rig.engine.stays = True

    rig.reload()

    assert "stops" in named(logged, "reload_failed")[0]["errors"][0]
    assert [] == named(logged, "reloaded")


class ScriptedReloads:
    """Ends at the look that the test says."""

    def __init__(self, stage: Stage, at: float) -> None:
        self._stage = stage
        self._at = at
        self.under_way = True
        self.looks = 0

    def look(self, while_waiting: Callable[[float], bool]) -> bool:
        self.looks += 1
        if not self.under_way or self._stage.clock.monotonic() < self._at:
            return False
        self.under_way = False
        assert not while_waiting(10)
        settings = Settings.model_validate({"engine": {"summary_interval_seconds": 5}})
        self._stage.worker.parts = SimpleNamespace(settings=settings)  # type: ignore[attr-defined]
        return True


def test_systemd_hears_of_the_end_until_it_has_it(stage: Stage, logged: list[Any]) -> None:
    """Its queue may be full. The daemon looks often meanwhile, and takes the new interval over."""
    stage.worker.become(ready=True)
    reloads = ScriptedReloads(stage, stage.clock.monotonic() + 3)
    stage.at(2.9, lambda: setattr(stage.heard, "full", True))
    stage.at(8, lambda: setattr(stage.heard, "full", False))
    stage.stop_at(20)

    assert 0 == stage.run(reloads=reloads, summary_interval_seconds=1000)

    assert 2 == stage.heard.words().count("ready")
    assert reloads.looks > 15
    assert 3 <= len(named(logged, "summary")) <= 5
    assert 1 == len(named(logged, "ready"))


def test_a_reload_waits_until_the_daemon_is_ready(stage: Stage) -> None:
    """During the start, systemd takes no reload."""
    reloads = ScriptedReloads(stage, stage.clock.monotonic())
    stage.at(10, lambda: stage.worker.become(ready=True))
    stage.at(9, lambda: stage.heard.said.append(("looks", reloads.looks)))
    stage.stop_at(20)

    stage.run(reloads=reloads)

    assert ("looks", 0) in stage.heard.said
    assert not reloads.under_way


def test_a_request_to_drain_ends_the_wait_as_a_signal_does(stage: Stage) -> None:
    """The old engine is drained instead of replaced."""
    stage.worker.become(ready=True)
    stops: list[bool] = []

    class Waits(ScriptedReloads):
        def look(self, while_waiting: Callable[[float], bool]) -> bool:
            stops.append(while_waiting(10))
            stage.signals.request()
            stops.append(while_waiting(10))
            return True

    reloads = Waits(stage, 0)
    stage.worker.parts = SimpleNamespace(settings=Settings())  # type: ignore[attr-defined]

    assert 0 == stage.run(reloads=reloads)

    assert [False, True] == stops

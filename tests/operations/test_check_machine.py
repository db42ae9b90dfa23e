"""`consume check`: configuration, handlers, directories, the systemd unit."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from consumer.operations.check.machine import seconds_of, unit_of
from tests.cases import for_each
from tests.operations.checked import Checked, Checker

if TYPE_CHECKING:
    from tests.operations.conftest import Queue


class Machine:
    """A configuration file, and a systemd that says what a test wants."""

    def __init__(self, folder: Path, queue: Queue, check: Checker) -> None:
        self.folder = folder
        self.queue = queue
        self.check = check
        self.bin = folder / "bin"
        self.bin.mkdir()

    def run(self, **configuration: object) -> Checked:
        """The check with this configuration."""
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump({"queue": {"url": self.queue.url}, **configuration}))
        check = Checker(self.check.monkeypatch, ("--config", str(path)), self.check.env)
        return check(PATH=f"{self.bin}:{os.environ['PATH']}")

    def has_unit(self, **properties: str) -> None:
        """Systemd knows the unit."""
        found = {
            "LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled",
            "TimeoutStopUSec": "1min 30s",
        }  # fmt: skip
        lines = "\n".join(f"{name}={value}" for name, value in {**found, **properties}.items())
        tool = self.bin / "systemctl"
        tool.write_text(f"#!/bin/sh\ncat <<'EOF'\n{lines}\nEOF\n")
        tool.chmod(0o755)


@pytest.fixture(name="machine")
def _machine(tmp_path: Path, queue: Queue, check: Checker) -> Machine:
    return Machine(tmp_path, queue, check)


@for_each(
    "what, configuration, found",
    [
        ("a key", {"quue": {}}, "quue"),
        ("a value", {"engine": {"workers": 0}}, "engine.workers"),
        ("no queue", {"queue": {}}, "no queue is given"),
        (
            "a FIFO queue",
            {"queue": {"name": "canvas-live-events.fifo"}, "aws": {"region": "us-east-1"}},
            "is a FIFO queue, which Canvas does not deliver to",
        ),
        (
            "another name", {"queue": {"name": "events"}, "aws": {"region": "us-east-1"}},
            "does not begin with 'canvas-live-events'",
        ),
    ],
)  # fmt: skip
def test_a_configuration_that_cant_be_loaded_is_the_only_row(
    machine: Machine, what: str, configuration: dict[str, object], found: str
) -> None:
    """The table is there all the same, with exit code 1; the corrected file is green."""
    done = machine.run(**configuration)

    assert found in done.red("configuration")["finding"], what
    assert len(done.rows) == 1
    assert machine.run().level("configuration") == "green"


def test_a_handler_that_cant_be_loaded_hides_nothing(machine: Machine) -> None:
    """The queue is checked, too."""
    handlers = [{"name": "mine", "python": {"target": "no_such_module:registry"}}]

    done = machine.run(handlers=handlers)

    assert "no_such_module" in done.red("handlers")["finding"]
    assert done.level("queue") == "green"
    (machine.folder / "no_such_module.py").write_text(
        "from consumer import Registry\nregistry = Registry()\n"
        "registry.add(lambda event, context: None, '*', name='all')\n"
    )
    assert machine.run(handlers=handlers).level("handlers") == "green"


def test_a_warning_of_the_configuration_is_yellow(machine: Machine) -> None:
    """Such as credentials that only the running service can read: others are checked then."""
    secret = "/run/credentials/canvas-live-events-consumer.service/key"
    aws = {
        "region": "us-east-1", "access_key_id_file": secret, "secret_access_key_file": secret,
    }  # fmt: skip

    done = machine.run(aws=aws)

    rows = done.named("configuration")
    assert {row["level"] for row in rows} == {"yellow"}
    assert rows[0]["remedy"].startswith("run this as root while the service runs")
    assert done.code == 0


def test_a_directory_that_cant_be_written_is_red(machine: Machine) -> None:
    """The state directory; with another one it is green."""
    (machine.folder / "file").write_text("")

    done = machine.run(state_directory=str(machine.folder / "file" / "state"))

    row = done.red("directories")
    assert row["finding"].endswith(" with mode 0644")
    assert row["remedy"].startswith("set state_directory to a path that ")
    assert machine.run(state_directory=str(machine.folder / "s")).level("directories") == "green"


def test_a_unit_that_kills_a_drain_is_red(machine: Machine) -> None:
    """TimeoutStopSec must be longer than a drain, and the setting the same."""
    machine.has_unit(TimeoutStopUSec="1min")
    done = machine.run()
    assert "TimeoutStopSec=90" in done.red("systemd unit")["remedy"]

    machine.has_unit(TimeoutStopUSec="2min")
    done = machine.run()
    (row,) = done.named("systemd unit")
    assert (row["level"], row["remedy"]) == ("yellow", "set engine.stop_timeout_seconds: 120")

    assert machine.run(engine={"stop_timeout_seconds": 120}).level("systemd unit") == "green"
    machine.has_unit()
    done = machine.run()
    assert done.named("systemd unit")[0]["finding"] == (
        "canvas-live-events-consumer is active, and enabled at boot"
    )


def test_a_unit_that_does_not_run_is_yellow(machine: Machine) -> None:
    """Or that would not run after the next boot; one command starts and enables it."""
    for state in ({"ActiveState": "failed"}, {"UnitFileState": "disabled"}):
        machine.has_unit(**state)
        (row,) = machine.run().named("systemd unit")
        assert (row["level"], row["remedy"]) == (
            "yellow", "sudo systemctl enable --now canvas-live-events-consumer",
        )  # fmt: skip


def test_a_unit_that_may_not_write_the_state_is_red(machine: Machine) -> None:
    """The sandbox of the unit: only its own directory, and what a drop-in adds."""
    state = str(machine.folder / "s")
    strict = {"ProtectSystem": "strict", "StateDirectory": "canvas-live-events-consumer"}
    machine.has_unit(**strict)
    done = machine.run(state_directory=state)
    assert f"ReadWritePaths={state}" in done.red("systemd unit")["remedy"]

    machine.has_unit(**strict, ReadWritePaths=state)
    assert machine.run(state_directory=state).level("systemd unit") == "green"
    machine.has_unit(**strict)
    done = machine.run()
    assert done.level("systemd unit") == "green"
    assert done.named("directories")[0]["finding"] == "the unit makes its own"


def test_a_unit_that_may_not_write_where_a_handler_writes_is_red(machine: Machine) -> None:
    """Whoever runs the check may write there, but not the service."""
    folder = machine.folder
    lake = {"name": "lake", "archive": {"directory": str(folder / "lake")}}
    table = {"name": "table", "sqlite": {"file": str(folder / "t.sqlite3")}}
    strict = {"ProtectSystem": "strict", "StateDirectory": "canvas-live-events-consumer"}
    machine.has_unit(**strict)
    first, second = machine.run(handlers=[lake, table]).named("systemd unit")
    assert (first["level"], second["level"]) == ("red", "red")
    assert f"ReadWritePaths={folder}/lake," in first["remedy"]
    assert f"ReadWritePaths={folder}," in second["remedy"]

    machine.has_unit(**strict, ReadWritePaths=f"-{folder}")
    assert machine.run(handlers=[lake, table]).level("systemd unit") == "green"
    machine.has_unit(**strict)
    assert machine.run(handlers=[{"name": "own", "archive": {}}]).level("systemd unit") == "green"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try as another user")
def test_the_units_user_must_be_able_to_write(machine: Machine) -> None:
    """It is tried as that user; the command that is printed gives the directory to it."""
    state = Path("/tmp") / f"{machine.folder.name}-state"
    state.mkdir(mode=0o700)
    machine.has_unit(User="nobody", DynamicUser="no")
    try:
        remedy = machine.run(state_directory=str(state)).red("systemd unit")["remedy"]
        assert remedy == f"sudo install -d -m 0700 -o nobody {state}"
        subprocess.run(shlex.split(remedy)[1:], check=True)
        assert machine.run(state_directory=str(state)).level("systemd unit") == "green"
    finally:
        state.rmdir()


@for_each(
    "text, seconds",
    [("1min 30s", 90), ("500ms", 0.5), ("1h 2min", 3720), ("infinity", None), ("90s", 90)],
)
def test_times_of_systemd_are_read(text: str, seconds: float | None) -> None:
    """As `systemctl show` prints them."""
    assert seconds_of(text) == seconds


@for_each(
    "file, unit",
    [
        (None, "canvas-live-events-consumer"),
        ("config.yaml", "canvas-live-events-consumer"),
        ("/etc/canvas-live-events-consumer/config.yaml", "canvas-live-events-consumer"),
        ("/etc/canvas-live-events-consumer/beta.yaml", "canvas-live-events-consumer@beta"),
    ],
)
def test_the_file_says_which_unit_it_is(file: str | None, unit: str) -> None:
    """An instance has a file of its own name."""
    assert unit_of(Path(file) if file else None) == unit

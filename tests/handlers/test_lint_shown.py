"""Where the warnings of the lint are seen: when a configuration is checked, and at the start."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from click.testing import CliRunner

from consumer.cli.main import main
from consumer.config import QueueSettings, Settings
from consumer.errors import QueueMissingError
from consumer.handlers.registering.registry import Registry
from consumer.service import run as module
from consumer.service import start
from consumer.testing import ManualClock

if TYPE_CHECKING:
    from pathlib import Path

QUEUE = "queue: {url: 'https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-a'}\n"
WARNING = 'handler "few" asks for "course_deleted", which is not the name of a known event (nearest'


def test_config_check_warns_and_accepts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The warning goes to standard error; the configuration can be used as it is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    config = tmp_path / "config.yaml"
    config.write_text(
        f"{QUEUE}handlers: [{{name: few, events: [course_deleted, 'grade_*'], log: {{}}}}]\n"
    )

    result = CliRunner().invoke(main, ["config", "check", str(config)])

    (line,) = result.stderr.splitlines()
    assert line.startswith(f"consume: warning: {WARNING}")
    assert result.stdout.startswith(f"{config}: ok")
    assert result.exit_code == 0


def test_the_daemon_warns_once_at_its_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One line for each pattern, before the first call to the queue."""

    def missing() -> Any:
        raise QueueMissingError("gone")

    queue = SimpleNamespace(name="q", region="r", attributes=missing, close=lambda: None)
    monkeypatch.setattr(start, "connect", lambda *_, **__: queue)
    settings = Settings(
        queue=QueueSettings(name="canvas-live-events"), state_directory=tmp_path / "state"
    )
    registry = Registry()
    registry.add(lambda event: None, ["course_deleted", "grade_change"], name="few")

    with structlog.testing.capture_logs() as logs, pytest.raises(QueueMissingError):
        module.Run(settings, clock=ManualClock(), environ={}, registry=registry).run()

    (warning,) = [line for line in logs if line["event"] == "config_warning"]
    assert warning["log_level"] == "warning"
    assert warning["reason"].startswith(WARNING)

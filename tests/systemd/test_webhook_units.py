"""The units of the webhook: they agree with systemd, with the daemon's, and with the code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from consumer import errors
from consumer.config import WebhookSettings
from consumer.webhook.server import STOP_SECONDS
from tests.systemd.test_units import (
    FOLDER,
    PROGRAM,
    SINGLE,
    analyze,
    needs_systemd_analyze,
    setting,
    settings,
)

if TYPE_CHECKING:
    from pathlib import Path

NAME = "canvas-live-events-webhook"
SERVICE, SOCKET = FOLDER / f"{NAME}.service", FOLDER / f"{NAME}.socket"
GUIDE = FOLDER / "webhook/README.md"
#: Where the two services differ.
_OWN = {
    "Description", "Requires", "After", "StartLimitIntervalSec", "StartLimitBurst", "ExecStart",
    "ExecReload", "RuntimeDirectory", "RuntimeDirectoryMode", "WorkingDirectory",
    "RestartPreventExitStatus", "TimeoutStopSec", "WatchdogSec",
    "StateDirectory", "LoadCredential", "MemoryHigh", "MemoryMax", "TasksMax", "OOMPolicy", "Also",
}  # fmt: skip


@needs_systemd_analyze
def test_verify_prints_nothing(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing to say about the two units together."""
    for unit in (SERVICE, SOCKET):
        (tmp_path / unit.name).write_text(unit.read_text().replace(PROGRAM, "/bin/true"))

    done = analyze("verify", *(str(tmp_path / unit.name) for unit in (SERVICE, SOCKET)))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd_analyze
def test_exposure_is_at_most_1_5(tmp_path: Path) -> None:
    """As for the daemon."""
    copy = tmp_path / SERVICE.name
    copy.write_text(SERVICE.read_text().replace(PROGRAM, "/bin/true"))

    done = analyze("security", "--offline=true", "--threshold=15", str(copy))

    assert done.returncode == 0, done.stdout + done.stderr
    (exposure,) = re.findall(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert float(exposure) <= 1.5


def test_the_sandbox_is_the_daemons() -> None:
    """All but what is the webhook's own is the same."""
    own = [line for line in settings(SERVICE) if line[0] not in _OWN]
    daemons = [line for line in settings(SINGLE) if line[0] not in _OWN]

    assert own == daemons


def test_the_units_fit_the_code() -> None:
    """Exit codes, times, the address, and the command."""
    from consumer.cli.main import main

    codes = {int(code) for code in setting(SERVICE, "RestartPreventExitStatus").split()}
    assert codes == {
        2, errors.EXIT_QUEUE_MISSING, errors.EXIT_PERMISSION, errors.EXIT_CONFIGURATION,
    }  # fmt: skip
    assert int(setting(SERVICE, "TimeoutStopSec")) > 2 * STOP_SECONDS
    assert setting(SOCKET, "ListenStream") == WebhookSettings().listen
    program, command, *arguments = setting(SERVICE, "ExecStart").split()
    assert (program, command) == (PROGRAM, "webhook")
    parent = click.Context(main, **main.context_settings)
    with main.commands[command].make_context(command, arguments, parent=parent) as context:
        assert str(context.params["config_file"]).endswith("/webhook.yaml")


def test_the_guide_knows_the_units() -> None:
    """It names each file, and each credential that can be put there."""
    text = GUIDE.read_text()
    for path in (SERVICE, SOCKET, FOLDER / "webhook/nginx.conf", FOLDER / "webhook/Caddyfile"):
        assert path.name in text
    for key, value in settings(SERVICE):
        if key == "LoadCredential":
            assert value.partition(":")[2] in text
    assert setting(SERVICE, "ExecStart").split()[-1] in text

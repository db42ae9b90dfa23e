"""The command line of `consume`: what each option sets, and how failures end the process."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

import click
import pytest
import structlog
from click.testing import CliRunner

from consumer.cli.main import main
from consumer.errors import QueueMissingError
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from consumer.config import Settings
    from consumer.service.run import Run

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-prod"


@pytest.fixture(name="started")
def _started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[dict[str, Any]]]:
    """Collects what the daemon is started with. The logging of this process is restored."""
    calls: list[dict[str, Any]] = []

    def run(self: Run) -> int:
        calls.append(vars(self))
        return 0

    monkeypatch.setattr("consumer.service.run.Run.run", run)
    monkeypatch.setattr("consumer.service.logs.setup.install_exception_hooks", lambda: None)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    names = ("", "boto3", "botocore", "s3transfer", "urllib3")
    handlers, levels = list(root.handlers), {name: logging.getLogger(name).level for name in names}
    raises, show = logging.raiseExceptions, warnings.showwarning
    hooks = sys.excepthook, threading.excepthook
    yield calls
    logging.captureWarnings(capture=False)
    warnings.showwarning, logging.raiseExceptions = show, raises
    assert hooks == (sys.excepthook, threading.excepthook)
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()


def invoke(*arguments: str, **environ: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, arguments, env=environ, prog_name="consume")


@for_each(
    "arguments, look, expected",
    [
        (("--queue-url", URL), lambda s: s.queue.url, URL),
        (("--queue-name", "canvas-live-events-x"), lambda s: s.queue.name, "canvas-live-events-x"),
        (("--queue-url", URL, "--region", "us-east-1"), lambda s: s.aws.region, "us-east-1"),
        (
            ("--queue-url", URL, "--endpoint-url", "http://127.0.0.1:1"),
            lambda s: s.aws.endpoint_url,
            "http://127.0.0.1:1",
        ),
        (("--queue-url", URL, "--profile", "school"), lambda s: s.aws.profile, "school"),
        (("--queue-url", URL, "--format", "caliper"), lambda s: s.queue.format, "caliper"),
        (("--queue-url", URL, "--log-format", "json"), lambda s: s.logging.format, "json"),
        (("--queue-url", URL, "--log-level", "error"), lambda s: s.logging.level, "error"),
        (
            ("--queue-url", URL, "--handler", "log", "--handler", "archive:here"),
            lambda s: [(h.name, h.type) for h in s.handlers],
            [("log", "log"), ("archive", "archive")],
        ),
    ],
)
def test_an_option_sets_its_setting(
    started: list[dict[str, Any]],
    arguments: tuple[str, ...],
    look: Callable[[Settings], object],
    expected: object,
) -> None:
    """The daemon gets the setting."""
    result = invoke(*arguments)

    assert result.exit_code == 0, result.output
    call = started.pop()
    assert expected == look(call["settings"])


def test_options_that_are_not_settings_go_to_the_daemon(started: list[dict[str, Any]]) -> None:
    """`--drain` and `--max-messages`; without them it runs until it is stopped."""
    invoke("--queue-url", URL)
    invoke("--queue-url", URL, "--drain", "--max-messages", "7")

    assert [(False, None), (True, 7)] == [
        (call["drain_when_empty"], call["max_messages"]) for call in started
    ]


def test_the_file_is_read_and_the_command_line_wins(
    started: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Defaults, file, environment, command line: the later wins."""
    config = tmp_path / "config.yaml"
    config.write_text("engine: {workers: 3, max_pollers: 2}\nlogging: {level: error}\n")

    invoke(
        "-c", str(config), "--queue-url", URL, "--log-level", "warning",
        CONSUMER_ENGINE__WORKERS="5",
    )  # fmt: skip

    settings = started[0]["settings"]
    assert (5, 2, "warning") == (
        settings.engine.workers, settings.engine.max_pollers, settings.logging.level,
    )  # fmt: skip


def test_handlers_are_imported_from_the_working_directory(
    started: list[dict[str, Any]], tmp_path: Path
) -> None:
    """It comes last in the path, so that it shadows nothing."""
    invoke("--queue-url", URL)

    assert sys.path[-1] == str(tmp_path)
    assert started


def test_a_warning_of_the_configuration_is_logged(
    started: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Such as a secret in a file that others can read. The daemon starts."""
    config = tmp_path / "config.yaml"
    config.write_text("aws: {access_key_id: CANARY, secret_access_key: CANARY}\n")
    config.chmod(0o644)

    result = invoke("-c", str(config), "--queue-url", URL)

    assert "config_warning" in result.stderr
    assert "CANARY" not in result.output
    assert started


@for_each(
    "arguments, said",
    [
        (("--config", "absent.yaml"), "absent.yaml"),
        (("--queue-url", URL, "--queue-name", "canvas-live-events-x"), "keep one of them"),
        (("--queue-url", URL, "--handler", "archiv"), 'did you mean "archive"'),
        (("--queue-url", URL, "--handler", "my_handlers"), "is not a handler"),
        (("--queue-name", "canvas-live-events-x", "--region", "Frankfurt"), "must be a region"),
    ],
)
def test_an_unusable_configuration_is_78(
    started: list[dict[str, Any]], arguments: tuple[str, ...], said: str
) -> None:
    """With a sentence on standard error. Nothing is started."""
    result = invoke(*arguments)

    assert result.exit_code == 78
    assert result.stderr.startswith("consume: error: ")
    assert said in result.stderr
    assert started == []


@for_each(
    "arguments",
    [
        ("--max-messages", "0"),
        ("--max-messages", "ten"),
        ("--format", "xml"),
        ("--log-level", "loud"),
        ("--secret-access-key", "CANARY"),
        ("--access-key-id", "CANARY"),
        ("nonsense",),
    ],
)
def test_wrong_usage_is_78(started: list[dict[str, Any]], arguments: tuple[str, ...]) -> None:
    """Impossible values, and options that do not exist, such as one for a secret.

    With click's exit code 2, systemd would restart the daemon for ever.
    """
    result = invoke(*arguments)

    assert result.exit_code == 78
    assert "Usage: consume" in result.stderr
    assert started == []


def test_without_a_terminal_a_failed_start_is_a_log_line(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs that read the log find the reason there."""

    def run(_self: Run) -> int:
        raise QueueMissingError("the queue is not there")

    monkeypatch.setattr("consumer.service.run.Run.run", run)

    result = invoke("--queue-url", URL)

    assert result.exit_code == 69
    assert '"event": "stopped"' in result.stderr
    assert '"error": "the queue is not there"' in result.stderr
    assert '"exit_code": 69' in result.stderr


def test_the_exit_code_is_that_of_the_daemon(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as 75."""
    monkeypatch.setattr("consumer.service.run.Run.run", lambda _self: 75)

    assert invoke("--queue-url", URL).exit_code == 75


def test_a_bug_is_70_without_its_text(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text of the exception may contain personal data."""

    def run(_self: Run) -> int:
        raise ZeroDivisionError("CANARY")

    monkeypatch.setattr("consumer.service.run.Run.run", run)

    result = invoke("--queue-url", URL)

    assert result.exit_code == 70
    assert "a bug in this program: ZeroDivisionError" in result.stderr
    assert "CANARY" not in result.output


def commands_of(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    """What is typed for this command, and for each of its subcommands."""
    yield path
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands_of(inner, *path, name)


@for_each("path", list(commands_of(main)))
def test_every_command_has_help(path: tuple[str, ...]) -> None:
    """With `-h` and `--help`. No line is too long to read, and no summary is cut."""
    result = invoke(*path, "-h")

    assert result.exit_code == 0
    assert result.stdout.startswith(" ".join(["Usage: consume", *path]))
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert "..." not in result.stdout.partition("Commands:")[2].partition("\n\n")[0]
    assert result.stdout == invoke(*path, "--help").stdout


@for_each("path", [(), ("config", "check"), ("decode",), ("drift",), ("events",), ("sample",)])
def test_help_has_exit_codes_and_examples(path: tuple[str, ...]) -> None:
    """Where there is more than one outcome."""
    text = invoke(*path, "-h").stdout

    assert "Exit codes:" in text
    assert "Example" in text

"""`consume config`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from consumer.cli.config import config_group
from consumer.directories import user_name

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

QUEUE = "queue: {url: 'https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-a'}\n"


@pytest.fixture(name="config")
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file with a queue, in a directory to stand in; imports are undone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "config.yaml"
    path.write_text(QUEUE)
    return path


def _run(*arguments: str | Path, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(config_group, [str(argument) for argument in arguments], env=env)


def test_check_says_what_the_daemon_would_do(config: Path) -> None:
    """Queue, region, credentials, handlers and state, in a few lines, and exit code 0."""
    config.write_text(
        QUEUE + f"state_directory: {config.parent / 'events'}\n"
        "aws: {profile: canvas, role_arn: 'arn:aws:iam::123456789012:role/events'}\n"
        "handlers:\n"
        "  - {name: all, archive: {}}\n"
        "  - {name: few, events: [logged_in, 'grade_*'], format: canvas, log: {}}\n"
    )

    result = _run("check", config)

    assert result.stdout.splitlines() == [
        f"{config}: ok",
        "  queue        canvas-live-events-a, in us-east-1",
        "  credentials  the AWS profile canvas, to assume arn:aws:iam::123456789012:role/events",
        "  handlers     all: *",
        "               few: logged_in, grade_*, canvas format only",
        "  quarantine   none: what can't be handled stays, for the queue's redrive policy",
        f"  state        {config.parent / 'events'}, which {user_name(os.geteuid())} may write",
        "  logging      info, auto",
    ]
    assert result.stderr == ""
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("quarantine", "told"),
    [
        ("{directory: poison}", "{state}/poison"),
        ("{queue_url: 'https://sqs.us-east-1.amazonaws.com/123456789012/bad'}", "the queue bad"),
    ],
)
def test_check_says_where_poison_goes(config: Path, quarantine: str, told: str) -> None:
    """Into a directory beneath the state directory, or to another queue."""
    state = config.parent / "events"
    config.write_text(f"{QUEUE}state_directory: {state}\nquarantine: {quarantine}\n")

    result = _run("check", config)

    assert f"  quarantine   {told.format(state=state)}" in result.stdout.splitlines()
    assert not state.exists()


def test_check_tries_the_directories(config: Path) -> None:
    """As the daemon does at its start, with its sentence; what it made is removed again."""
    config.write_text(f"{QUEUE}state_directory: /proc/x\nquarantine: {{directory: /proc/y}}\n")

    result = _run("check", config)

    assert result.exit_code == 78
    assert (
        "config.yaml:2: state_directory: the state directory can't be written: /proc/x, in /proc"
        in result.stderr
    )
    assert (
        "quarantine.directory: the quarantine can't be written: /proc/y, in /proc" in result.stderr
    )


def test_check_does_not_take_its_own_folder_for_that_of_the_service(config: Path) -> None:
    """Without state_directory a unit sets it; where the check is run says nothing of that."""
    result = _run("check", config)

    (line,) = [line for line in result.stdout.splitlines() if "  state " in line]
    assert "a systemd unit sets another ($STATE_DIRECTORY)" in line


def test_check_without_handlers_says_that_it_archives(config: Path) -> None:
    """The daemon never deletes an event that it did nothing with."""
    result = _run("check", config)

    assert "handlers     archive: *\n               (none is configured, so every" in result.stdout
    assert not (config.parent / "canvas-live-events").exists()


def test_check_says_what_becomes_of_events_that_no_handler_asks_for(config: Path) -> None:
    """Archived unless the file says otherwise; nothing is said where one takes all."""
    handler = "handlers: [{name: few, events: [logged_in], log: {}}]\n"
    archive = config.parent / "canvas-live-events" / "archive"

    def told(more: str) -> list[str]:
        config.write_text(QUEUE + more)
        lines = _run("check", config).stdout.splitlines()
        return [line.partition("  unmatched    ")[2] for line in lines if "unmatched" in line]

    assert [f"events that no handler asks for are archived, in {archive}"] == told(handler)
    assert ["events that no handler asks for are deleted"] == told(handler + "unmatched: delete\n")
    assert [] == told("")
    assert ["config.yaml"] == [path.name for path in config.parent.iterdir()]


def test_check_finds_what_can_not_be_written(config: Path) -> None:
    """The state directory and the archive's, each with its line; each told once."""
    config.write_text(
        f"{QUEUE}state_directory: /proc/x\n"
        "handlers:\n"
        "  - {name: here, events: [logged_in], archive: {directory: /proc/y}}\n"
        "  - {name: later, archive: {directory: /nowhere/mount/archive}}\n"
    )

    result = _run("check", config)

    assert 78 == result.exit_code
    faults = result.stderr.splitlines()
    assert 2 == len(faults)
    assert (
        f"{config}:2: state_directory: the state directory can't be written: /proc/x, in /proc"
        in faults[0]
    )
    assert f"{config}:4: the archive can't be written: /proc/y, in /proc" in faults[1]


def test_check_warns_of_what_handlers_are_made_with(config: Path) -> None:
    """On standard error, as every warning; the results stay clean."""
    config.write_text(
        f"{QUEUE}handlers:\n  - {{name: later, archive: {{directory: /nowhere/mount/archive}}}}\n"
    )

    result = _run("check", config)

    assert 'consume: warning: handler "later": the directory /nowhere/mount' in result.stderr
    assert result.stdout.startswith(f"{config}: ok")


@pytest.mark.parametrize(
    ("aws", "source"),
    [
        ("", "what the AWS SDK finds"),
        ("access_key_id: id, secret_access_key: sesame", "the key in the configuration"),
        ("access_key_id_file: k, secret_access_key_file: k", "the key in k"),
    ],
)
def test_check_names_the_kind_of_credentials(config: Path, aws: str, source: str) -> None:
    """Where credentials come from is told; they themselves are not."""
    config.with_name("k").write_text("sesame\n")
    config.write_text(f"{QUEUE}aws: {{{aws}}}\n")

    result = _run("check", config)

    assert f"  credentials  {source}" in result.stdout
    assert "sesame" not in result.output


def test_check_tells_every_fault(config: Path) -> None:
    """All faults, one per line, on standard error, with exit code 78."""
    config.write_text(QUEUE + "engine: {workers: 0}\nlogging: {level: loud}\n")

    result = _run("check", config)

    assert [line.split(": ")[:4] for line in result.stderr.splitlines()] == [
        ["consume", "error", f"{config}:2", "engine.workers"],
        ["consume", "error", f"{config}:3", "logging.level"],
    ]
    assert result.stdout == ""
    assert result.exit_code == 78


@pytest.mark.parametrize(
    ("queue", "fault"),
    [
        ("name: other", "does not begin with 'canvas-live-events'"),
        ("name: canvas-live-events.fifo", "FIFO"),
        ("url: 'https://sqs.us-east-1.amazonaws.com/123456789012/other'", "does not begin with"),
        ("url: 'https://sqs.us-east-1.amazonaws.com/'", "lacks the account or the queue's name"),
    ],
)
def test_check_knows_the_rules_for_queues(config: Path, queue: str, fault: str) -> None:
    """What Canvas does not deliver to is told before anything runs, with its line."""
    config.write_text(f"# one\nqueue: {{{queue}}}\n")

    result = _run("check", config)

    assert result.stderr.startswith(f"consume: error: {config}:2: queue.")
    assert fault in result.stderr
    assert result.exit_code == 78


def test_check_needs_a_queue(config: Path) -> None:
    """A configuration that can't run is not ok."""
    config.write_text("")

    result = _run("check", config)

    assert "no queue is given" in result.stderr
    assert result.exit_code == 78


def test_check_takes_the_queue_from_the_environment(config: Path) -> None:
    """The environment counts as it does for the daemon."""
    config.write_text("")

    result = _run(
        "check",
        config,
        env={"CONSUMER_QUEUE__NAME": "canvas-live-events-b", "CONSUMER_AWS__REGION": "eu-west-1"},
    )

    assert "queue        canvas-live-events-b, in eu-west-1" in result.stdout


def test_check_finds_handlers_that_cannot_be_made(config: Path) -> None:
    """Bad options and targets of all entries, and a fault of the queue, in one go."""
    config.write_text(
        "queue: {name: other}\n"
        "handlers:\n"
        "  - {name: a, archive: {dir: x}}\n"
        "  - {name: b, python: {target: 'no_such_module_here:on_event'}}\n"
        "  - {name: c, no_such_type: {}}\n"
    )

    lines = _run("check", config).stderr.splitlines()

    assert [line.removeprefix(f"consume: error: {config}:")[:1] for line in lines] == list("1345")
    assert "no_such_module_here" in lines[2]


def test_check_finds_ones_own_handlers(config: Path) -> None:
    """A module in the current directory can be imported, as by the daemon."""
    config.with_name("handlers_for_check.py").write_text("def on_event(event): ...\n")
    config.write_text(
        QUEUE + "handlers: [{name: mine, python: {target: 'handlers_for_check:on_event'}}]\n"
    )

    result = _run("check", config)

    assert "  handlers     mine: *" in result.stdout
    assert result.exit_code == 0


def test_check_tells_warnings(config: Path) -> None:
    """A warning goes to standard error and does not make the file unusable."""
    config.write_text(QUEUE + "aws: {access_key_id: id, secret_access_key: sesame}\n")
    config.chmod(0o644)

    result = _run("check", config)

    assert result.stderr.startswith(f"consume: warning: {config}:2: aws.access_key_id, aws.secret")
    assert "sesame" not in result.output
    assert result.exit_code == 0


def test_check_of_a_missing_file(config: Path) -> None:
    """It is named, with exit code 78."""
    result = _run("check", config.with_name("none.yaml"))

    assert "none.yaml: the configuration can't be read: No such file" in result.stderr
    assert result.exit_code == 78


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], ["check", "-h"], ["show", "--help"]])
def test_help_reads_well(arguments: list[str]) -> None:
    """Each command has help with examples or the order of precedence."""
    result = _run(*arguments)

    assert result.exit_code == 0
    assert "Example" in result.stdout or "A value is looked for in this order" in result.stdout

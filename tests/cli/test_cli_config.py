"""`consume config`."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from consumer.cli.main import main
from consumer.config import Settings, load
from consumer.directories import user_name
from tests.cases import for_each

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

QUEUE = "queue: {url: 'https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-a'}\n"


@pytest.fixture(name="config")
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file with a queue, in the working directory; imports are undone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "config.yaml"
    path.write_text(QUEUE)
    return path


def _run(*arguments: str | Path, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["config", *map(str, arguments)], env=env)


def test_check_shows_what_the_daemon_would_do(config: Path) -> None:
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
        "  quarantine   none: what can't be handled is left to the queue's redrive policy",
        f"  state        {config.parent / 'events'}, which {user_name(os.geteuid())} can write",
        "  logging      info, auto",
    ]
    assert result.stderr == ""
    assert result.exit_code == 0


@for_each(
    "quarantine, said",
    [
        ("{directory: poison}", "{state}/poison"),
        ("{queue_url: 'https://sqs.us-east-1.amazonaws.com/123456789012/bad'}", "the queue bad"),
    ],
)
def test_check_shows_where_poison_messages_go(config: Path, quarantine: str, said: str) -> None:
    """Into a directory in the state directory, or to another queue."""
    state = config.parent / "events"
    config.write_text(f"{QUEUE}state_directory: {state}\nquarantine: {quarantine}\n")

    result = _run("check", config)

    assert f"  quarantine   {said.format(state=state)}" in result.stdout.splitlines()
    assert not state.exists()


def test_check_tries_the_directories(config: Path) -> None:
    """As the daemon does at its start, with the same errors. Nothing is left behind."""
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


def test_check_says_that_a_unit_sets_another_state_directory(config: Path) -> None:
    """Without state_directory, the default depends on where the daemon is started."""
    result = _run("check", config)

    (line,) = [line for line in result.stdout.splitlines() if "  state " in line]
    assert "a systemd unit sets another one ($STATE_DIRECTORY)" in line


def test_check_without_handlers_says_that_it_archives(config: Path) -> None:
    """The daemon never deletes an event that no handler has handled."""
    result = _run("check", config)

    said = "handlers     archive: *\n               (no handler is configured, so every event"
    assert said in result.stdout
    assert not (config.parent / "canvas-live-events").exists()


def test_check_shows_what_happens_to_unmatched_events(config: Path) -> None:
    """They are archived by default. Nothing is shown if a handler takes all events."""
    handler = "handlers: [{name: few, events: [logged_in], log: {}}]\n"
    archive = config.parent / "canvas-live-events" / "archive"

    def said(more: str) -> list[str]:
        config.write_text(QUEUE + more)
        lines = _run("check", config).stdout.splitlines()
        return [line.partition("  unmatched    ")[2] for line in lines if "unmatched" in line]

    assert [f"events that no handler asks for are archived in {archive}"] == said(handler)
    assert ["events that no handler asks for are deleted"] == said(handler + "unmatched: delete\n")
    assert [] == said("")
    assert ["config.yaml"] == [path.name for path in config.parent.iterdir()]


def test_check_finds_what_can_not_be_written(config: Path) -> None:
    """The state directory and that of an archive, each once, with its line."""
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


def test_check_shows_warnings_of_handlers(config: Path) -> None:
    """On standard error, like every warning."""
    config.write_text(
        f"{QUEUE}handlers:\n  - {{name: later, archive: {{directory: /nowhere/mount/archive}}}}\n"
    )

    result = _run("check", config)

    assert 'consume: warning: handler "later": the directory /nowhere/mount' in result.stderr
    assert result.stdout.startswith(f"{config}: ok")


@for_each(
    "aws, source",
    [
        ("", "what the AWS SDK finds"),
        ("access_key_id: id, secret_access_key: sesame", "the key in the configuration"),
        ("access_key_id_file: k, secret_access_key_file: k", "the key in k"),
    ],
)
def test_check_names_the_kind_of_credentials(config: Path, aws: str, source: str) -> None:
    """Where credentials come from is shown, but not the credentials."""
    config.with_name("k").write_text("sesame\n")
    config.write_text(f"{QUEUE}aws: {{{aws}}}\n")

    result = _run("check", config)

    assert f"  credentials  {source}" in result.stdout
    assert "sesame" not in result.output


def test_check_reports_every_error(config: Path) -> None:
    """One per line, on standard error, with exit code 78."""
    config.write_text(QUEUE + "engine: {workers: 0}\nlogging: {level: loud}\n")

    result = _run("check", config)

    assert [line.split(": ")[:4] for line in result.stderr.splitlines()] == [
        ["consume", "error", f"{config}:2", "engine.workers"],
        ["consume", "error", f"{config}:3", "logging.level"],
    ]
    assert result.stdout == ""
    assert result.exit_code == 78


@for_each(
    "queue, fault",
    [
        ("name: other", "does not begin with 'canvas-live-events'"),
        ("name: canvas-live-events.fifo", "FIFO"),
        ("url: 'https://sqs.us-east-1.amazonaws.com/123456789012/other'", "does not begin with"),
        ("url: 'https://sqs.us-east-1.amazonaws.com/'", "lacks the account or the queue's name"),
    ],
)
def test_check_knows_the_rules_for_queues(config: Path, queue: str, fault: str) -> None:
    """A queue that Canvas can't deliver to is an error, with its line."""
    config.write_text(f"# one\nqueue: {{{queue}}}\n")

    result = _run("check", config)

    assert result.stderr.startswith(f"consume: error: {config}:2: queue.")
    assert fault in result.stderr
    assert result.exit_code == 78


def test_check_needs_a_queue(config: Path) -> None:
    """Without a queue the daemon could not run."""
    config.write_text("")

    result = _run("check", config)

    assert "no queue is given" in result.stderr
    assert result.exit_code == 78


def test_check_takes_the_queue_from_the_environment(config: Path) -> None:
    """As for the daemon."""
    config.write_text("")

    result = _run(
        "check",
        config,
        env={"CONSUMER_QUEUE__NAME": "canvas-live-events-b", "CONSUMER_AWS__REGION": "eu-west-1"},
    )

    assert "queue        canvas-live-events-b, in eu-west-1" in result.stdout


def test_check_finds_handlers_that_cannot_be_made(config: Path) -> None:
    """Wrong options and targets of all entries, and the error of the queue, at once."""
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


def test_check_imports_handlers_from_the_working_directory(config: Path) -> None:
    """As the daemon does."""
    config.with_name("handlers_for_check.py").write_text("def on_event(event): ...\n")
    config.write_text(
        QUEUE + "handlers: [{name: mine, python: {target: 'handlers_for_check:on_event'}}]\n"
    )

    result = _run("check", config)

    assert "  handlers     mine: *" in result.stdout
    assert result.exit_code == 0


def test_check_shows_warnings(config: Path) -> None:
    """A warning goes to standard error; the exit code is 0."""
    config.write_text(QUEUE + "aws: {access_key_id: id, secret_access_key: sesame}\n")
    config.chmod(0o644)

    result = _run("check", config)

    assert result.stderr.startswith(f"consume: warning: {config}:2: aws.access_key_id, aws.secret")
    assert "sesame" not in result.output
    assert result.exit_code == 0


def test_check_of_a_missing_file(config: Path) -> None:
    """The error names it. Exit code 78."""
    result = _run("check", config.with_name("none.yaml"))

    assert "none.yaml: the configuration can't be read: No such file" in result.stderr
    assert result.exit_code == 78


def test_show_can_be_loaded_again(config: Path) -> None:
    """The output is YAML with the same meaning, and each value is followed by its origin."""
    config.write_text(
        QUEUE + "handlers: [{name: a, archive: {directory: x}}, {name: b, log: {}}]\n"
    )

    shown = _run("show", "-c", config, env={"CONSUMER_ENGINE__WORKERS": "4"}).stdout

    config.write_text(shown)
    before = load(None, environ={}, overrides={"engine.workers": 4}).settings
    after = load(config, environ={}, overrides={}).settings
    assert after.engine == before.engine
    assert [handler.options for handler in after.handlers] == [{"directory": "x"}, {}]
    assert "  workers: 4  # environment CONSUMER_ENGINE__WORKERS\n" in shown
    assert "  max_pollers: 12  # default\n" in shown
    assert f'      directory: "x"  # {config}:2\n' in shown


def test_show_without_a_file_is_the_defaults(config: Path) -> None:
    """Every section and key is shown."""
    assert config.exists()

    tree = yaml.safe_load(_run("show").stdout)

    assert set(tree) == set(Settings.model_fields)
    assert set(tree["engine"]) == set(type(Settings().engine).model_fields)
    assert tree["handlers"] == []


@for_each("arguments", [["show"], ["show", "--json"]])
def test_show_masks_secrets(config: Path, arguments: list[str]) -> None:
    """A secret that is set is shown as asterisks, in YAML and in JSON."""
    config.write_text(
        QUEUE + "aws: {access_key_id: sesame, secret_access_key: sesame}\n"
        "handlers: [{name: a, kafka: {password: sesame}}]\n"
    )

    result = _run(*arguments, "-c", config)

    assert result.stdout.count("********") == 3
    assert "sesame" not in result.output
    assert result.exit_code == 0


def test_show_as_json(config: Path) -> None:
    """Each value is an object with value and origin."""
    tree = json.loads(_run("show", "--json", "--config", config).stdout)

    assert tree["aws"]["region"] == {"value": "us-east-1", "origin": "queue.url"}
    assert tree["queue"]["name"] == {"value": None, "origin": "default"}
    assert tree["state_directory"] == {"value": "canvas-live-events", "origin": "default"}


def test_show_of_a_faulty_configuration(config: Path) -> None:
    """Its errors are reported. Exit code 78."""
    config.write_text("queue: {wait_time_seconds: 21}")

    result = _run("show", "-c", config)

    assert "21: must be a whole number from 0 to 20" in result.stderr
    assert result.exit_code == 78

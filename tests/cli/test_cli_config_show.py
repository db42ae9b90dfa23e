"""`consume config show`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from consumer.cli.main import main
from consumer.config import Settings, load
from tests.cases import for_each

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

QUEUE = "queue: {url: 'https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-a'}\n"


@pytest.fixture(name="config")
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file with a queue, in a directory to stand in."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config.yaml"
    path.write_text(QUEUE)
    return path


def _run(*arguments: str | Path, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["config", *map(str, arguments)], env=env)


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

"""What comes with the program: the example, the units, the guide; and the schema for editors."""

from __future__ import annotations

import re
import tomllib
from functools import reduce
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from consumer.cli import config
from consumer.cli.config import EXAMPLE, REPOSITORY, SHIPPED, meanings, shipped
from consumer.cli.main import main
from consumer.config.fields import FIELDS
from consumer.config.schema import file_schema
from tests.cases import for_each

TEXT = (REPOSITORY / EXAMPLE).read_text(encoding="utf-8")
SCHEMA = file_schema(meanings(TEXT))
QUEUE = {"queue": {"url": "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-x"}}
PRINTED = (
    (["example"], "config.example.yaml"),
    (["unit"], "systemd/canvas-live-events-consumer.service"),
    (["unit", "--template"], "systemd/canvas-live-events-consumer@.service"),
    (["unit", "--webhook"], "systemd/canvas-live-events-webhook.service"),
    (["unit", "--webhook-socket"], "systemd/canvas-live-events-webhook.socket"),
    (["guide"], "systemd/README.md"),
)


@for_each("arguments, name", PRINTED)
def test_what_is_printed_is_the_file_of_the_repository(arguments: list[str], name: str) -> None:
    """Byte by byte."""
    result = CliRunner().invoke(main, ["config", *arguments])

    assert result.exit_code == 0
    assert result.stdout_bytes == (REPOSITORY / name).read_bytes()


@for_each("arguments, name", PRINTED)
def test_the_wheel_has_each_file_where_it_is_looked_for(arguments: list[str], name: str) -> None:
    """The build puts it there; a copy of the repository has it in its usual place."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    sources = wheel["force-include"]
    folder = SHIPPED.relative_to(REPOSITORY)
    places = {
        str(Path(target) / Path(name).relative_to(source))
        for source, target in sources.items()
        if Path(name).is_relative_to(source)
    }
    sdist = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]

    assert places == {str(folder / name)}, arguments
    assert Path(name).parts[0] in sdist


def test_an_installation_reads_the_files_of_the_wheel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They are next to the program."""
    (tmp_path / EXAMPLE).write_text("queue: {}\n")
    monkeypatch.setattr(config, "SHIPPED", tmp_path)
    monkeypatch.setattr(config, "REPOSITORY", tmp_path / "nowhere")

    assert shipped(EXAMPLE) == "queue: {}\n"

    result = CliRunner().invoke(main, ["config", "guide"])
    assert result.exit_code == 78
    assert "install it again" in result.stderr


def test_every_key_is_explained() -> None:
    """By the comments of the example."""
    said = meanings(TEXT)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

    for key in FIELDS:
        described = reduce(
            lambda section, name: section["properties"][name], key.split("."), SCHEMA
        )
        assert described["description"], key
    assert len(set(FIELDS) & set(said)) > 30
    assert said["queue"] == "The queue, and how it is read."
    assert said["engine.workers"].startswith("How many handlers run at the same time")


def _uncommented() -> str:
    return re.sub(r"^( *)#(?! \S)(.*\S)$", r"\1\2", TEXT, flags=re.MULTILINE)


def misfits(configuration: Any) -> list[str]:
    """What the schema has against it."""
    errors = jsonschema.Draft202012Validator(SCHEMA).iter_errors(configuration)
    return [error.message for error in errors]


def test_the_example_fits_the_schema() -> None:
    """As it is, and with every commented line in use."""
    assert misfits(yaml.safe_load(TEXT)) == []
    assert misfits(yaml.safe_load(_uncommented())) == []


@for_each(
    "more",
    [
        {"queue": {"name": "x", "unwrap": ["sns"]}},
        {"queue": {"name": "x", "unwrap": "sns"}},
        {"queue": None, "aws": None},
        {"handlers": None},
        {"handlers": [{"name": "a", "archive": None, "events": "x"}]},
        {"handlers": [{"name": "a", "python": {"target": "a:b"}, "retry": {"base_seconds": 1}}]},
        {"state_directory": "/x", "unmatched": "delete"},
        {"state_directory": None, "unmatched": None},
    ],
)
def test_a_valid_configuration_fits_the_schema(more: dict[str, Any]) -> None:
    """All that the daemon accepts in a file."""
    assert misfits({**QUEUE, **more}) == []


@for_each(
    "more",
    [
        {"queues": {}},
        {"queue": {"urll": "x"}},
        {"queue": {"wait_time_seconds": 21}},
        {"queue": {"unwrap": ["sqs"]}},
        {"queue": {"format": None}},
        {"engine": {"workers": "many"}},
        {"engine": {"workers": None}},
        {"handlers": {}},
        {"handlers": [{"name": "a"}]},
        {"handlers": [{"archive": {}}]},
        {"handlers": [{"name": "a", "archive": {}, "log": {}}]},
        {"handlers": [{"name": "a", "archive": {"folder": "x"}}]},
        {"handlers": [{"name": "a", "events": [], "log": {}}]},
        {"handlers": [{"name": "a", "python": None}]},
        {"handlers": [{"name": "4", "log": {}}]},
        {"logging": {"level": "loud"}},
    ],
)
def test_an_invalid_configuration_does_not_fit(more: dict[str, Any]) -> None:
    """Unknown keys, ranges, words; an entry without a type, or with two."""
    assert misfits({**QUEUE, **more}) != []

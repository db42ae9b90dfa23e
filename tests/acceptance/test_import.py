"""What a start imports: imports are most of the time of a short command."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Final

import click

from consumer.cli.main import main
from tests.processes import environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bench.rig import StubAddress

#: Modules that take long to load, or open files: none is needed to explain a command.
HEAVY: Final = (
    "asyncio", "boto3", "botocore", "consumer.config", "consumer.engine", "consumer.events.catalog",
    "consumer.handlers", "consumer.ledger", "consumer.queues", "consumer.service", "moto",
    "pydantic", "sqlite3", "structlog", "tenacity", "yaml",
)  # fmt: skip
#: Each model of the catalog derives from this one.
MODELS: Final = "consumer.events.catalog.base"
URL: Final = "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-prod"


def loaded(folder: Path, *arguments: str, **environ: str) -> set[str]:
    """The modules that a Python with these arguments imports; it must end with 0."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=folder,
        env=environment(folder, environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    lines = [line for line in ended.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def among(modules: set[str], *names: str) -> set[str]:
    """The modules with one of these names, and their submodules."""
    return {module for module in modules if f"{module}.".startswith(tuple(f"{n}." for n in names))}


def commands(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    """The words of this command, and of each command below it."""
    yield path
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, *path, name)


def test_help_and_version_load_nothing_heavy(tmp_path: Path) -> None:
    """For the program and for each of its commands."""
    asked = [("--version",), *((*path, "--help") for path in commands(main))]
    assert ("events", "show", "--help") in asked

    found = {
        " ".join(arguments): among(loaded(tmp_path, "-m", "consumer", *arguments), *HEAVY)
        for arguments in asked
    }

    assert {arguments: heavy for arguments, heavy in found.items() if heavy} == {}


def test_completion_in_a_shell_loads_nothing_heavy(tmp_path: Path) -> None:
    """It runs each time a user presses the tab key."""
    asked = {
        "_CONSUME_COMPLETE": "bash_complete",
        "COMP_WORDS": "consume events s",
        "COMP_CWORD": "2",
    }
    code = "from consumer.cli.main import main; main(prog_name='consume')"

    assert among(loaded(tmp_path, "-c", code, **asked), *HEAVY) == set()


def test_importing_the_package_loads_nothing_heavy(tmp_path: Path) -> None:
    """Nor do the names that modules with handlers need."""
    names = "from consumer import Context, Event, Registry, Retry, local_id"
    heavy = {*HEAVY, MODELS} - {"consumer.handlers", "consumer.events.catalog"}

    assert among(loaded(tmp_path, "-c", "import consumer"), *HEAVY) == set()
    assert among(loaded(tmp_path, "-c", names), *heavy) == set()


def test_config_check_loads_no_boto3_and_no_engine(tmp_path: Path) -> None:
    """It calls no AWS service and starts nothing."""
    (tmp_path / "config.yaml").write_text(f"queue: {{url: '{URL}'}}\n")

    modules = loaded(tmp_path, "-m", "consumer", "config", "check", "config.yaml")

    absent = ("boto3", "botocore", "consumer.engine", "consumer.service", "moto", "sqlite3", MODELS)
    assert among(modules, *absent) == set()


def test_events_loads_the_catalog_alone(tmp_path: Path) -> None:
    """And pydantic, for its models."""
    modules = loaded(tmp_path, "-m", "consumer", "events", "list")

    others = set(HEAVY) - {"consumer.events.catalog", "pydantic"}
    assert among(modules, MODELS, "pydantic")
    assert among(modules, *others) == set()


def test_the_daemon_loads_no_model_and_no_emulator(tmp_path: Path, stub: StubAddress) -> None:
    """A model is loaded with the first event whose data is asked for."""
    options = ("--queue-url", stub.queue_url, "--endpoint-url", stub.url, "--region", "us-east-1")

    modules = loaded(tmp_path, "-m", "consumer", *options, "--drain")

    assert among(modules, "boto3", "consumer.engine")
    assert among(modules, MODELS, "consumer.testing", "jsonschema", "moto") == set()

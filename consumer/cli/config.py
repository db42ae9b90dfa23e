"""`consume config`: checks a configuration, and shows what is in force and why."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from consumer.cli.config_files import example, guide, schema, unit
from consumer.cli.errors import FILE, tell, told_plainly
from consumer.cli.output import echo
from consumer.errors import ConfigurationError
from consumer.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.config import HandlerSettings, Loaded
    from consumer.handlers.registering.registry import Handler
    from consumer.queues.rules import QueueAddress

_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

_PRECEDENCE = """\b
A value is looked for in this order; the first that has one wins:
  1. the command line          --queue-url URL
  2. the environment           CONSUMER_QUEUE__URL=URL
  3. the configuration file    queue: {url: URL}
  4. the default
A key's variable is CONSUMER_, the section, two underscores, the key. Handlers have none.
"""


@click.group("config", context_settings=_HELP, epilog=_PRECEDENCE)
def config_group() -> None:
    """Check a configuration, show what is in force, or print the files to start from."""


@config_group.command(
    context_settings=_HELP,
    epilog="""\b
Exit codes:
  0   it can be used
  74  standard output can't be written
  78  it can't; every fault is told, with its line

\b
Example:
  consume config check /etc/canvas-live-events-consumer/config.yaml
""",
)
@click.argument("file", type=FILE)
def check(file: Path) -> None:
    """Check FILE, and say in a few lines what the daemon would do.

    Nothing is asked of AWS. Directories are tried as the user who runs this. The handlers are made
    as the daemon makes them, so a module of yours that can't be imported is found; variables of the
    environment count, too.
    """
    from consumer.cli.plan import plan
    from consumer.config import load

    with told_plainly():
        loaded = load(
            file, environ=os.environ, overrides={}, require_queue=True, outside_service=True
        )
        # As for the daemon: handlers of one's own lie where one stands.
        sys.path.append(str(Path.cwd()))
        faults: list[str] = []
        warnings = list(loaded.warnings)
        with _faults_into(faults, loaded):
            address = queue_address(loaded)
        _check_directories(loaded, faults)
        handlers = _handlers(loaded, faults, warnings)
        if faults:
            raise ConfigurationError("\n".join(faults))
        for warning in (*warnings, *_unmatched(handlers)):
            tell(warning, kind="warning")
        echo(printable(f"{file}: ok"))
        for label, text in plan(loaded, address, handlers):
            echo(printable(f"  {label:<13}{text}"))


def queue_address(loaded: Loaded) -> QueueAddress:
    """Where the queue is, by the rules for its URL, name and region; nothing is asked of AWS.

    Raises: `ConfigurationError`, which also names the line or option that gave it.
    """
    from consumer.queues.rules import address_of, quarantine_address

    settings = loaded.settings
    try:
        if settings.quarantine.queue_url is not None:
            quarantine_address(settings.quarantine.queue_url, settings.aws)
        return address_of(settings.queue, settings.aws)
    except ConfigurationError as error:
        keys = ("quarantine.queue_url", "queue.url", "queue.name", "aws.region")
        named = [key for key in keys if key in str(error)]
        raise _placed(error, loaded, named[0] if named else "") from None


def _handlers(loaded: Loaded, faults: list[str], warnings: list[str]) -> list[Handler]:
    """What each entry makes: one by one, so that the faults of all are told."""
    from consumer.handlers.loading.loader import (
        archive_unmatched,
        build_registry,
    )
    from consumer.handlers.registering.registry import Registry

    settings, all_of_them = loaded.settings, Registry()
    state = settings.state_directory

    def add(*entries: HandlerSettings) -> None:
        made = build_registry(entries, state_directory=state, warn=warnings.append)
        all_of_them.include(made)

    for index, entry in enumerate(settings.handlers):
        with _faults_into(faults, loaded, f"handlers[{index}].name"):
            add(entry)
    with _faults_into(faults, loaded, "state_directory"):
        if not settings.handlers:
            add()
        if settings.unmatched == "archive" and not faults:  # else the same is told twice
            archive_unmatched(all_of_them, state_directory=state)
    return list(all_of_them.handlers)


def _check_directories(loaded: Loaded, faults: list[str]) -> None:
    from consumer.directories import check_directories

    settings = loaded.settings
    given = loaded.origins.get("state_directory", "default") != "default"
    state = settings.state_directory if given else None  # else the unit sets another one
    try:
        check_directories(state, settings.quarantine.directory, make=False)
    except ConfigurationError as error:
        for line in str(error).splitlines():
            fault = _placed(ConfigurationError(line), loaded, line.partition(":")[0])
            faults.append(str(fault))


def _unmatched(handlers: list[Handler]) -> list[str]:
    from consumer.handlers.loading.lint import unmatched_patterns

    return unmatched_patterns([handler for handler in handlers if not handler.unmatched])


@contextmanager
def _faults_into(faults: list[str], loaded: Loaded, key: str = "") -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        faults.append(str(_placed(error, loaded, key)))


def _placed(error: ConfigurationError, loaded: Loaded, key: str = "") -> ConfigurationError:
    """The error with the place that gave the key."""
    origin = loaded.origins.get(key, "default")
    return error if origin == "default" else ConfigurationError(f"{origin}: {error}")


@config_group.command(
    context_settings=_HELP,
    epilog="""\b
Examples:
  consume config show --config config.yaml
  consume config show --config config.yaml --json
  CONSUMER_ENGINE__WORKERS=4 consume config show
""",
)
@click.option(
    "-c", "--config", "config_file", metavar="FILE", type=FILE, help="Configuration file (YAML)."
)
@click.option("--json", is_flag=True, help='JSON: {"value": ..., "origin": ...} each.')
def show(config_file: Path | None, *, json: bool) -> None:
    """Show every setting with its value, and where the value came from.

    Secrets are masked. The YAML can be used as a configuration file, but for them.
    """
    from consumer.cli.config_pages import as_json, as_yaml
    from consumer.config import effective, load

    with told_plainly():
        loaded = load(config_file, environ=os.environ, overrides={}, outside_service=True)
        for warning in loaded.warnings:
            tell(warning, kind="warning")
        tree = effective(loaded)
        echo(as_json(tree) if json else "\n".join(as_yaml(tree)))


for _command in (example, unit, guide, schema):
    config_group.add_command(_command)

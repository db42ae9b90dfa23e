"""`consume config`: checks a configuration, and shows the settings and where they come from."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from consumer.cli.config_files import example, guide, schema, unit
from consumer.cli.options import FILE, json_option
from consumer.cli.output import echo, echo_result, report
from consumer.errors import ConfigurationError
from consumer.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumer.config import HandlerSettings, Loaded
    from consumer.handlers.registering.registry import Handler
    from consumer.queues.rules import QueueAddress

_PRECEDENCE = """\b
The first of these that has a value wins:
  1. the command line          --queue-url URL
  2. the environment           CONSUMER_QUEUE__URL=URL
  3. the configuration file    queue: {url: URL}
  4. the default
The variable of a key is CONSUMER_, the section, two underscores, the key. Handlers have none.
"""


@click.group(
    "config", short_help="Check a configuration, or show all settings.", epilog=_PRECEDENCE
)
def config_group() -> None:
    """Check a configuration, show all settings, or print files to start from."""


@config_group.command(
    epilog="""\b
Exit codes:
  0   the configuration can be used
  74  standard output can't be written
  78  it can't be used; every error is reported with its line

\b
Example:
  consume config check /etc/canvas-live-events-consumer/config.yaml
"""
)
@click.argument("file", type=FILE)
def check(file: Path) -> None:
    """Check FILE, and show what the daemon would do.

    AWS is not called. Handlers are loaded as in the daemon, so a module that can't be imported is
    found. Environment variables count, too. Whether directories can be written is tried as the
    current user.
    """
    from consumer.cli.config_pages import plan
    from consumer.config import load
    from consumer.directories import check_directories
    from consumer.handlers.loading.lint import unmatched_patterns

    loaded = load(file, environ=os.environ, overrides={}, require_queue=True, outside_service=True)
    sys.path.append(str(Path.cwd()))  # as in the daemon
    faults: list[str] = []
    with _collecting(faults, loaded):
        address = queue_address(loaded)
    with _collecting(faults, loaded):
        given = loaded.origins.get("state_directory", "default") != "default"
        state = loaded.settings.state_directory if given else None  # else the unit sets another one
        check_directories(state, loaded.settings.quarantine.directory, make=False)
    warnings = list(loaded.warnings)
    handlers = _handlers(loaded, faults, warnings)
    if faults:
        raise ConfigurationError("\n".join(faults))
    warnings += unmatched_patterns([handler for handler in handlers if not handler.unmatched])
    for warning in warnings:
        report(warning, kind="warning")
    echo(printable(f"{file}: ok"))
    for label, text in plan(loaded, address, handlers):
        echo(printable(f"  {label:<13}{text}"))


def load_with_queue(
    file: Path | None, overrides: Mapping[str, Any], *, outside_service: bool = False
) -> Loaded:
    """The configuration, with a queue that is valid. See `consumer.config.load`.

    Raises: `ConfigurationError`
    """
    from consumer.config import load

    loaded = load(
        file,
        environ=os.environ,
        overrides=overrides,
        require_queue=True,
        outside_service=outside_service,
    )
    queue_address(loaded)
    return loaded


def queue_address(loaded: Loaded) -> QueueAddress:
    """Where the queue is, by the rules for its URL, name and region. AWS is not called.

    Raises: `ConfigurationError`, with the line or option that caused it.
    """
    from consumer.queues.rules import address_of, quarantine_queue

    settings = loaded.settings
    try:
        if settings.quarantine.queue_url is not None:
            quarantine_queue(settings.quarantine.queue_url, settings.aws)
        return address_of(settings.queue, settings.aws)
    except ConfigurationError as error:
        keys = ("quarantine.queue_url", "queue.url", "queue.name", "aws.region")
        key = next((key for key in keys if key in str(error)), "")
        raise ConfigurationError(_located(str(error), loaded, key)) from None


def _handlers(loaded: Loaded, faults: list[str], warnings: list[str]) -> list[Handler]:
    """The handlers of all entries. Made one by one, so that every error is found."""
    from consumer.handlers.loading.loader import archive_unmatched, build_registry
    from consumer.handlers.registering.registry import Registry

    settings, registry = loaded.settings, Registry()
    state = settings.state_directory

    def add(*entries: HandlerSettings) -> None:
        made = build_registry(entries, state_directory=state, warn=warnings.append)
        registry.include(made)

    for index, entry in enumerate(settings.handlers):
        with _collecting(faults, loaded, f"handlers[{index}].name"):
            add(entry)
    with _collecting(faults, loaded, "state_directory"):
        if not settings.handlers:
            add()
        if settings.unmatched == "archive" and not faults:  # else the same error is found twice
            archive_unmatched(registry, state_directory=state)
    return list(registry.handlers)


@contextmanager
def _collecting(faults: list[str], loaded: Loaded, key: str = "") -> Iterator[None]:
    """Collect configuration errors, with the place of the key; by default the key begins a line."""
    try:
        yield
    except ConfigurationError as error:
        lines = str(error).splitlines()
        faults += [_located(line, loaded, key or line.partition(":")[0]) for line in lines]


def _located(fault: str, loaded: Loaded, key: str) -> str:
    """The fault, after the file and line, or the variable or option, that gave the key."""
    origin = loaded.origins.get(key, "default")
    return fault if origin == "default" else f"{origin}: {fault}"


@config_group.command(
    epilog="""\b
Examples:
  consume config show --config config.yaml
  consume config show --config config.yaml --json
  CONSUMER_ENGINE__WORKERS=4 consume config show
"""
)
@click.option(
    "-c", "--config", "config_file", metavar="FILE", type=FILE, help="Configuration file (YAML)."
)
@json_option
def show(config_file: Path | None, *, as_json: bool) -> None:
    """Show the value of every setting, and where it comes from.

    The output is YAML that can be used as a configuration file, except that secrets are masked.
    """
    from consumer.cli.config_pages import as_yaml
    from consumer.config import effective, load

    loaded = load(config_file, environ=os.environ, overrides={}, outside_service=True)
    for warning in loaded.warnings:
        report(warning, kind="warning")
    tree = effective(loaded)
    echo_result(tree, as_yaml(tree), as_json=as_json)


for _command in (example, unit, guide, schema):
    config_group.add_command(_command)

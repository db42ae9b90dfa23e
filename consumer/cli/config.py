"""`consume config`: checks and shows a configuration, and prints the files of the program."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Final

import click

from consumer.cli.config_tests import test
from consumer.cli.options import FILE, config_option, help_end, json_option
from consumer.cli.output import echo, echo_result, report
from consumer.errors import ConfigurationError
from consumer.printable import printable

#: Where the wheel has the files of the program (see pyproject.toml).
SHIPPED: Final = Path(__file__).parent / "shipped"
#: Where a copy of the repository has them.
REPOSITORY: Final = Path(__file__).parents[2]
EXAMPLE: Final = "config.example.yaml"

#: A section or a key in the example file, also one that is commented out.
_KEY: Final = re.compile(r"(?P<indent>(?:  )*)#?(?P<name>[a-z_]+):(?: |$)")
_PRECEDENCE: Final = """\b
The first of these that has a value wins:
  1. the command line          --queue-url URL
  2. the environment           CONSUMER_QUEUE__URL=URL
  3. the configuration file    queue: {url: URL}
  4. the default
The variable of a key is CONSUMER_, the section, two underscores, the key. Handlers have none.
"""
_EDITORS: Final = """

\b
An editor with the YAML language server explains and completes each key if the first line of
config.yaml is:
  # yaml-language-server: $schema=config.schema.json
"""


@click.group(
    "config", short_help="Check a configuration, or show all settings.", epilog=_PRECEDENCE
)
def config_group() -> None:
    """Check a configuration, show all settings, or print files to start from."""


@config_group.command(
    epilog=help_end(
        "consume config check /etc/canvas-live-events-consumer/config.yaml",
        codes={
            0: "the configuration can be used",
            78: "it can't be used; every error is reported with its line",
        },
    )
)
@click.argument("file", type=FILE)
def check(file: Path) -> None:
    """Check FILE, and show what the daemon would do.

    AWS is not called. Handlers are loaded as in the daemon, so a module that can't be imported is
    found. Environment variables count, too. Whether directories can be written is tried as the
    current user.
    """
    from consumer.cli import config_report

    sys.path.append(str(Path.cwd()))  # as in the daemon
    warnings, plan = config_report.check(file)
    report("\n".join(warnings), kind="warning")
    echo(printable(f"{file}: ok"))
    for label, text in plan:
        echo(printable(f"  {label:<13}{text}"))


config_group.add_command(test)


@config_group.command(
    epilog=help_end(
        "consume config show --config config.yaml",
        "consume config show --config config.yaml --json",
        "CONSUMER_ENGINE__WORKERS=4 consume config show",
    )
)
@config_option
@json_option
def show(config_file: Path | None, *, as_json: bool) -> None:
    """Show the value of every setting, and where it comes from.

    The output is YAML that can be used as a configuration file, except that secrets are masked.
    """
    from consumer.cli.config_report import as_yaml
    from consumer.config import effective, load

    loaded = load(config_file, environ=os.environ, overrides={}, outside_service=True)
    report("\n".join(loaded.warnings), kind="warning")
    tree = effective(loaded)
    echo_result(tree, as_yaml(tree), as_json=as_json)


@config_group.command(epilog=help_end("consume config example > config.yaml"))
def example() -> None:
    """Print a complete configuration file with comments."""
    _print(EXAMPLE)


@config_group.command(
    epilog=help_end(
        "consume config unit > canvas-live-events-consumer.service",
        "consume config unit --webhook > canvas-live-events-webhook.service",
        "consume config unit --webhook-socket > canvas-live-events-webhook.socket",
    )
)
@click.option(
    "--template", "name", flag_value="consumer@.service",
    help="For several instances (NAME@.service).",
)  # fmt: skip
@click.option(
    "--webhook", "name", flag_value="webhook.service", help="The unit of consume webhook."
)
@click.option(
    "--webhook-socket",
    "name",
    flag_value="webhook.socket",
    help="The socket unit of consume webhook.",
)
def unit(*, name: str | None) -> None:
    """Print the systemd unit. "consume config guide" explains how to install it."""
    _print(f"systemd/canvas-live-events-{name or 'consumer.service'}")


@config_group.command
def guide() -> None:
    """Print how to run the daemon under systemd (Markdown)."""
    _print("systemd/README.md")


@config_group.command(
    short_help="Print the JSON Schema of the configuration file.",
    epilog=help_end("consume config schema > config.schema.json") + _EDITORS,
)
def schema() -> None:
    """Print the JSON Schema (2020-12) of the configuration file, for editors."""
    from consumer.config.schema import file_schema

    echo(json.dumps(file_schema(meanings(shipped(EXAMPLE))), indent=2))


def shipped(name: str) -> str:
    """The text of a file that comes with the program. `ConfigurationError` if it is missing."""
    for folder in (SHIPPED, REPOSITORY):
        try:
            return (folder / name).read_text(encoding="utf-8")
        except OSError:
            continue
    raise ConfigurationError(f"{name} is missing in this installation; install it again")


def _print(name: str) -> None:
    echo(shipped(name).removesuffix("\n"))


def meanings(text: str) -> dict[str, str]:
    """The comment above each section ("queue") and key ("queue.url") in the example file."""
    found: dict[str, str] = {}
    path, comment = list[str](), list[str]()
    for line in text.splitlines():
        if line.lstrip().startswith("# "):
            comment.append(line.strip(" #"))
            continue
        key = _KEY.match(line)
        if key and (depth := len(key["indent"]) // 2) <= len(path):
            path = [*path[:depth], key["name"]]
            if comment:
                found[".".join(path)] = " ".join(comment)
        comment = []
    return found

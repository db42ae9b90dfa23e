"""The files that come with the program: `consume config example`, `unit`, `guide`, `schema`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import click

from consumer.cli.output import echo
from consumer.errors import ConfigurationError

#: Where the wheel has them (see pyproject.toml).
SHIPPED: Final = Path(__file__).parent / "shipped"
#: Where a copy of the repository has them.
REPOSITORY: Final = Path(__file__).parents[2]

EXAMPLE: Final = "config.example.yaml"
UNIT: Final = "systemd/canvas-live-events-consumer.service"
INSTANCE_UNIT: Final = "systemd/canvas-live-events-consumer@.service"
GUIDE: Final = "systemd/README.md"

#: A section or a key in the example file, also one that is commented out.
_KEY: Final = re.compile(r"(?P<indent>(?:  )?)#?(?P<name>[a-z_]+):(?: |$)")


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
    section, comment = "", []
    for line in text.splitlines():
        key = _KEY.match(line)
        if line.lstrip().startswith("# "):
            comment.append(line.strip(" #"))
            continue
        if key:
            if not key["indent"]:
                section = key["name"]
            if comment:
                name = f"{section}.{key['name']}" if key["indent"] else section
                found[name] = " ".join(comment)
        comment = []
    return found


@click.command(
    epilog="""\b
Example:
  consume config example > config.yaml
"""
)
def example() -> None:
    """Print a complete configuration file with comments."""
    _print(EXAMPLE)


@click.command(
    epilog="""\b
Examples:
  consume config unit > canvas-live-events-consumer.service
  consume config unit --template > canvas-live-events-consumer@.service
"""
)
@click.option("--template", is_flag=True, help="For several instances (NAME@.service).")
def unit(*, template: bool) -> None:
    """Print the systemd unit. "consume config guide" explains how to install it."""
    _print(INSTANCE_UNIT if template else UNIT)


@click.command
def guide() -> None:
    """Print how to run the daemon under systemd (Markdown)."""
    _print(GUIDE)


@click.command(
    short_help="Print the JSON Schema of the configuration file.",
    epilog="""\b
Example:
  consume config schema > config.schema.json

\b
An editor with the YAML language server explains and completes each key if the first line of
config.yaml is:
  # yaml-language-server: $schema=config.schema.json
""",
)
def schema() -> None:
    """Print the JSON Schema (2020-12) of the configuration file, for editors."""
    from consumer.config.schema import file_schema

    echo(json.dumps(file_schema(meanings(shipped(EXAMPLE))), indent=2))

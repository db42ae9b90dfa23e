"""The files that come with the program: `consume config example`, `unit`, `guide`, `schema`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import click

from consumer.cli.errors import told_plainly
from consumer.cli.output import echo
from consumer.errors import ConfigurationError

_HELP: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
#: Where the wheel has them (see pyproject.toml).
SHIPPED: Final = Path(__file__).parent / "shipped"
#: Where a copy of the repository has them.
REPOSITORY: Final = Path(__file__).parents[2]

#: A section, or a key of one, in use or not.
_KEY: Final = re.compile(r"(?P<indent>(?:  )?)#?(?P<name>[a-z_]+):(?: |$)")

EXAMPLE: Final = "config.example.yaml"
UNIT: Final = "systemd/canvas-live-events-consumer.service"
INSTANCE_UNIT: Final = "systemd/canvas-live-events-consumer@.service"
GUIDE: Final = "systemd/README.md"


def shipped(name: str) -> str:
    """The text of a file that comes with the program. `ConfigurationError` if it is not there."""
    for folder in (SHIPPED, REPOSITORY):
        try:
            return (folder / name).read_text(encoding="utf-8")
        except OSError:
            continue
    raise ConfigurationError(f"{name} did not come with this installation; install it again")


def _print(name: str) -> None:
    with told_plainly():
        echo(shipped(name).removesuffix("\n"))


def meanings(text: str) -> dict[str, str]:
    """Section, or section and key -> the comment above it in the example file."""
    found: dict[str, str] = {}
    section, comment = "", []
    for line in text.splitlines():
        key = _KEY.match(line)
        if line.lstrip().startswith("# "):
            comment.append(line.strip(" #"))
            continue
        if key and comment:
            section = section if key["indent"] else key["name"]
            found[f"{section}.{key['name']}" if key["indent"] else section] = " ".join(comment)
        elif key and not key["indent"]:
            section = key["name"]
        comment = []
    return found


@click.command(
    context_settings=_HELP,
    epilog="""\b
Example:
  consume config example > config.yaml
""",
)
def example() -> None:
    """Print the complete, commented configuration file, to start from."""
    _print(EXAMPLE)


@click.command(
    context_settings=_HELP,
    epilog="""\b
Examples:
  consume config unit > canvas-live-events-consumer.service
  consume config unit --template > canvas-live-events-consumer@.service
""",
)
@click.option("--template", is_flag=True, help="The one for several instances (NAME@.service).")
def unit(*, template: bool) -> None:
    """Print the systemd unit. "consume config guide" says how it is installed."""
    _print(INSTANCE_UNIT if template else UNIT)


@click.command(context_settings=_HELP)
def guide() -> None:
    """Print the guide to running it under systemd (Markdown)."""
    _print(GUIDE)


@click.command(
    context_settings=_HELP,
    epilog="""\b
Example:
  consume config schema > config.schema.json

\b
An editor with the YAML language server then explains and completes each key, if the first line of
config.yaml says:
  # yaml-language-server: $schema=config.schema.json
""",
)
def schema() -> None:
    """Print the JSON Schema (2020-12) of the configuration file, for editors."""
    from consumer.config.schema import file_schema

    with told_plainly():
        echo(json.dumps(file_schema(meanings(shipped(EXAMPLE))), indent=2))

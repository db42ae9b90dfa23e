"""README.md is complete: options, commands, keys, defaults and exit codes are those of the code."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

import click
from click.testing import CliRunner

from consumer import errors
from consumer.cli.main import main
from consumer.config.cases import CaseSettings
from consumer.config.entries import CoalesceSettings, HandlerSettings, RedactSettings, RetryKeys
from consumer.config.fields import FIELDS, LISTS
from consumer.config.handler_options import OPTIONS
from consumer.config.models import UNIT_STOP_TIMEOUT_SECONDS
from consumer.config.section import Section
from consumer.events.catalog.index import is_known, names
from tests.cases import for_each
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

README = (ROOT / "README.md").read_text()
PAGES = (
    "README.md", "systemd/README.md", "systemd/webhook/README.md", "systemd/monitoring/README.md",
    "consumer/README.md", "tests/README.md",
)  # fmt: skip
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def table(heading: str, page: str = "README.md") -> list[list[str]]:
    """The rows of the table whose first column is called so, without the heading."""
    text = (ROOT / page).read_text()
    lines = text[text.index(f"| {heading} |") :].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def options_of(command: click.Command) -> set[str]:
    """Every option of a command and of those beneath it."""
    found = {name for p in command.params if isinstance(p, click.Option) for name in p.opts}
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            found |= options_of(inner)
    return found


def commands_of(group: click.Group, prefix: str) -> Iterator[str]:
    """The full names of all commands that do something."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands_of(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


@for_each("option", sorted(options_of(main) - {"--json"}))
def test_every_option_is_told(option: str) -> None:
    """By its name (`--json` of the two commands that show something is in their help)."""
    assert re.search(rf"(?<![\w-]){option}(?![\w-])", README)


@for_each("command", commands_of(main, "consume"))
def test_every_command_is_told(command: str) -> None:
    """By its name."""
    assert f"`{command}`" in README


def keys_in(cell: str) -> list[str]:
    """The keys that a cell names."""
    return re.findall(r"`([a-z_.]+)`", cell)


def test_every_key_of_the_configuration_is_in_the_table() -> None:
    """And none that does not exist."""
    documented = [key for row in table("key") for key in keys_in(row[0])]

    assert sorted([*FIELDS, *LISTS]) == sorted(documented)


def test_every_key_of_a_handler_is_in_its_table() -> None:
    """The common ones, and those of their sections."""
    documented = [key for row in table("key of a handler") for key in keys_in(row[0])]

    sections: dict[str, type[Section]] = {
        "retry": RetryKeys, "redact": RedactSettings, "coalesce": CoalesceSettings,
    }  # fmt: skip
    expected = set(HandlerSettings.model_fields) - {"type", "options", *sections}
    for name, section in sections.items():
        expected |= {f"{name}.{key}" for key in section.model_fields}
    assert sorted(expected | {"python.target"}) == sorted(documented)


def test_every_key_of_a_test_is_in_its_table() -> None:
    """And none that does not exist."""
    documented = [key for row in table("key of a test") for key in keys_in(row[0])]

    assert sorted(CaseSettings.model_fields) == sorted(documented)


@for_each("kind", [kind for kind, options in OPTIONS.items() if options and kind != "python"])
def test_every_option_of_a_built_in_handler_is_in_its_table(kind: str) -> None:
    """And none that does not exist."""
    documented = [key for row in table(f"option of `{kind}`") for key in keys_in(row[0])]

    assert sorted(OPTIONS[kind]) == sorted(documented)


def as_written(default: Any) -> str:
    """A default as the table writes it."""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return ", ".join(default) or "none"
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_the_defaults_are_those_of_the_models() -> None:
    """Every number and word; where there is none, the table does not pretend one."""
    checked = 0
    for keys, default, _ in table("key"):
        names = keys_in(keys)
        if names in (["handlers"], ["tests"], ["state_directory"]):
            continue
        documented = [part.strip() for part in default.split(",")] if default else []
        for position, name in enumerate(names):
            field = FIELDS[name]
            if field.default is None:
                assert not re.fullmatch(r"[\d.]+|true|false", default), name
            else:
                assert as_written(field.default) == documented[position], name
                checked += 1
    assert checked >= 15


def test_the_exit_codes_are_those_of_the_program() -> None:
    """And systemd restarts what the table says it does."""
    codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    unit = (ROOT / "systemd/canvas-live-events-consumer.service").read_text()
    (prevented,) = re.findall(r"^RestartPreventExitStatus=(.*)$", unit, re.MULTILINE)

    rows = table("code")

    assert sorted(codes) == [int(row[0]) for row in rows]
    restarted = {int(code) for code, _, answer in rows if answer.startswith("yes")}
    # 130: Ctrl-C is not systemd's.
    assert codes - {0, 130} - {int(code) for code in prevented.split()} == restarted
    help_text = main.epilog or ""
    for code in codes:
        assert re.search(rf"^ *{code} ", help_text, re.MULTILINE)
    assert f"TimeoutStopSec={UNIT_STOP_TIMEOUT_SECONDS}" in unit


def anchors_of(page: Path) -> set[str]:
    """What a link can name in a page: its headings, as GitHub writes them."""
    lines = [line.lstrip("# ") for line in page.read_text().splitlines() if line.startswith("#")]
    return {re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in lines}


@for_each("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Files of this repository exist; so do headings, also those of other pages."""
    here = ROOT / page
    for target in re.findall(r"\]\((?!https://)([^)]+)\)", here.read_text()):
        name, _, anchor = target.partition("#")
        file = here.parent / name if name else here
        assert file.exists(), target
        assert not anchor or anchor in anchors_of(file), target


def headings() -> list[tuple[int, str]]:
    """The headings of the README, with their levels; not the comments in its code."""
    prose = re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^(##+) (.+)$", prose, re.MULTILINE)
    return [(len(marks), text) for marks, text in found if text != "Contents"]


def test_the_contents_list_every_heading() -> None:
    """In order, each with a link to it; those of the third level beside their section."""
    listed: list[tuple[int, str]] = []
    for section, inside in table("section"):
        listed += [(2, text) for text in re.findall(r"\[(.*?)\]", section)]
        listed += [(3, text) for text in re.findall(r"\[(.*?)\]", inside)]

    assert headings() == listed


CASES = ("acked when", "the same event twice", "destination down", "bad event",
         "wrong table or setting", "see that it works", "permissions")  # fmt: skip


@for_each("kind", [kind for kind in OPTIONS if kind not in {"log", "python"}])
def test_the_sections_of_the_handlers_have_the_same_parts(kind: str) -> None:
    """A first configuration, then what is guaranteed in each case, then the options."""
    section = README.partition(f"\n### {kind}\n")[2].partition("\n### ")[0]
    places = [section.find("```yaml\n"), section.find(f"| case | `{kind}` |"),
              section.find(f"| option of `{kind}` |")]  # fmt: skip

    assert -1 not in places
    assert sorted(places) == places
    assert [row[0] for row in table(f"case | `{kind}`")] == [*CASES]


@for_each("page", ["README.md", "consumer/README.md", "tests/README.md", "CHANGELOG.md"])
def test_prose_is_wrapped_at_100(page: str) -> None:
    """But for tables, code, links and what has no blank to wrap at."""
    text = re.sub(r"^ *```.*?^ *```", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    for line in text.splitlines():
        whole = re.sub(r"`[^`]*`|\[[^\]]*\]\(", lambda found: found[0].replace(" ", "_"), line)
        if len(line) > 100 and not line.startswith(("|", "<!--", "#")):
            assert len(whole.split()) < 3, line


@for_each("page", PAGES)
def test_every_row_of_a_table_is_shown_whole(page: str) -> None:
    """It has as many cells as the heading: GitHub drops the others, and divides code at `|`."""
    for table in re.findall(r"(?:^\|.*\n)+", (ROOT / page).read_text(), re.MULTILINE):
        heading, *rows = table.splitlines()
        for row in rows:
            assert row.count("|") - row.count(r"\|") == heading.count("|"), row


def test_the_python_that_is_asked_for_is_the_one_that_is_needed() -> None:
    """The README, the package's metadata."""
    assert PROJECT["requires-python"] == ">=3.11"
    assert "Python 3.11" in README


def test_the_events_are_those_of_the_catalog() -> None:
    """All names, and a star at those that have a Caliper form: as `consume events` lists them."""
    cells = " ".join(row[1] for row in table("about"))
    documented = dict(re.findall(r"`([\w.-]+)`(\*?)", cells))

    listed = json.loads(CliRunner().invoke(main, ["events", "--json"]).stdout)
    assert {row["name"]: "*" * ("caliper" in row["formats"]) for row in listed} == documented
    assert {name: "*" * is_known(name, "caliper") for name in names()} == documented


def test_what_shows_reliability_exists() -> None:
    """Each fault has a test, and each test that is named is there."""
    files = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    there = {n for text in files for n in re.findall(r"^ *def (test_\w+)", text, re.MULTILINE)}

    rows = table("fault", "consumer/README.md")
    assert len(rows) > 20
    for fault, does, shown in rows:
        named = re.findall(r"`(test_\w+)`", shown)
        assert fault
        assert does
        assert named, fault
        assert set(named) <= there, fault

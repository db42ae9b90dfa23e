"""README.md, conditions and tests of a configuration: what it says is what happens."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from consumer.cli.main import main
from consumer.config import Settings, load
from consumer.handlers.around.conditions import predicate_of
from consumer.handlers.around.paths import COMMON
from consumer.handlers.loading.loader import build_registry
from consumer.testing import make_event, run
from tests.cases import for_each
from tests.processes import ROOT
from tests.test_readme_tables import table

README = (ROOT / "README.md").read_text()
SECTION = README.partition("### Conditions\n")[2].partition("\n### ")[0]


def block(name: str, kind: str) -> str:
    (found,) = re.findall(rf"<!-- test: {name} -->\n```{kind}\n(.*?)```", README, re.DOTALL)
    return str(found)


@for_each("condition, fulfilled, not_fulfilled", [tuple(row) for row in table("condition")])
def test_each_row_of_the_table(condition: str, fulfilled: str, not_fulfilled: str) -> None:
    """The values are JSON; "no field" is an event without it."""
    conditions = yaml.safe_load(condition.strip("`"))
    ((path, _),) = conditions.items()
    holds = predicate_of(conditions, "when")

    for cell, expected in ((fulfilled, True), (not_fulfilled, False)):
        bodies: list[dict[str, Any]] = [
            {path.removeprefix("body."): json.loads(value)} for value in re.findall("`(.*?)`", cell)
        ]
        bodies += [{}] if "no field" in cell else []
        assert bodies
        for body in bodies:
            assert holds(make_event("course_updated", body=body)) is expected, body


def test_the_common_view_is_listed() -> None:
    """All fields that are the same from both formats, and no others."""
    prose = " ".join(SECTION.split())
    listed = prose.partition("which are the same from both formats: ")[2].partition(". ")[0]

    assert sorted(COMMON) == sorted(re.findall("`(.*?)`", listed))


def test_the_example_of_conditions(tmp_path: Path) -> None:
    """It selects what its comments say."""
    settings = Settings.model_validate(_entries(tmp_path, block("conditions", "yaml")))
    registry = build_registry(settings.handlers, state_directory=tmp_path, warn=pytest.fail)
    graded = {"course_id": "21070000000000123", "workflow_state": "graded"}

    def takers(name: str, body: dict[str, Any], **metadata: Any) -> list[str]:
        return [*run(registry, make_event(name, body=body, **metadata)).handlers]

    assert ["grades"] == takers("submission_updated", graded)
    assert [] == takers("submission_updated", graded, job_id="1")
    assert [] == takers("submission_updated", {**graded, "workflow_state": "deleted"})
    assert [] == takers("submission_updated", {**graded, "course_id": "124"})
    assert ["apps"] == takers("course_updated", {}, user_agent="candroid/7.0")
    assert ["apps"] == takers("logged_in", {})
    assert [] == takers("logged_in", {}, hostname="canvas.example.edu")


def _entries(folder: Path, text: str) -> dict[str, Any]:
    (folder / "config.yaml").write_text(text)
    loaded = load(folder / "config.yaml", environ={}, overrides={})
    assert loaded.warnings == ()
    return {"handlers": loaded.settings.model_dump()["handlers"]}


def test_the_example_of_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It prints what the README shows, word for word."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "config.yaml").write_text(block("configuration tests", "yaml"))
    (tmp_path / "pseudonyms.key").write_text("0123456789abcdef" * 4)
    (tmp_path / "pseudonyms.key").chmod(0o600)

    result = CliRunner().invoke(main, ["config", "test", "config.yaml"])

    assert block("configuration tests output", "text") == result.stdout
    assert (0, "") == (result.exit_code, result.stderr)

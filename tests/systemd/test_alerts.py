"""Alert rules and dashboard: they are valid, do what they say, and name metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, ProcessCollector

from consumer.service.monitoring.exposition import NAMESPACE, Family
from consumer.service.monitoring.metrics import FAMILIES
from consumer.webhook.metrics import FAMILIES as WEBHOOKS
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[2] / "systemd"
RULES = yaml.safe_load((FOLDER / "monitoring/alerts.yml").read_text())["groups"][0]["rules"]
TESTS = yaml.safe_load((FOLDER / "monitoring/alerts_test.yml").read_text())["tests"]
DASHBOARD = json.loads((FOLDER / "monitoring/dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [target for panel in PANELS for target in panel["targets"]]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [target["expr"] for target in TARGETS]

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed"
)


def promtool(*arguments: str, cwd: Path = FOLDER / "monitoring") -> str:
    """Run it; returns what it wrote."""
    done = subprocess.run(
        ["promtool", *arguments], cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _metrics() -> Iterator[tuple[str, set[str]]]:
    families: list[Family[Any]] = [*FAMILIES, *WEBHOOKS]
    for family in families:
        labels = set(family.labels)
        yield family.full_name, labels
        if family.kind == "histogram":
            for end in ("_bucket", "_sum", "_count"):
                yield family.full_name + end, labels | {"le"}
    process = CollectorRegistry()
    ProcessCollector(namespace=NAMESPACE, registry=process)
    for metric in process.collect():
        for sample in metric.samples:
            yield sample.name, set()


METRICS = dict(_metrics())


@needs_promtool
def test_the_rules_are_valid() -> None:
    """As Prometheus reads them."""
    assert f"{len(RULES)} rules found" in promtool("check", "rules", "alerts.yml")


@needs_promtool
def test_each_alert_fires_when_it_should_and_not_before() -> None:
    """The tests that come with the rules; each alert has one."""
    shown = {
        re.sub(r'.*"(\w+)".*', r"\1", sample["labels"])
        for test in TESTS
        for expression in test["promql_expr_test"]
        for sample in expression["exp_samples"]
    }
    assert {rule["alert"] for rule in RULES} == shown

    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml")


@needs_promtool
def test_the_queries_of_the_dashboard_are_valid(tmp_path: Path) -> None:
    """Each is one that Prometheus can parse, with its variables filled in."""
    rules = [
        {"record": f"query:{number}", "expr": _filled_in(target["expr"])}
        for number, target in enumerate(TARGETS)
    ]
    text = json.dumps({"groups": [{"name": "dashboard", "rules": rules}]})
    (tmp_path / "queries.yml").write_text(text)

    promtool("check", "rules", "queries.yml", cwd=tmp_path)


def _filled_in(expression: str) -> str:
    return re.sub(r"\$(job|instance)", "x", expression.replace("$__rate_interval", "5m"))


@for_each("expression", EXPRESSIONS)
def test_only_metrics_and_labels_that_exist_are_named(expression: str) -> None:
    """Names, the labels that are compared, and those that are grouped by."""
    named = re.findall(rf"\b({NAMESPACE}_\w+)(?:\{{(.*?)\}})?", expression)
    assert named or "up{job=" in expression
    known = {"job", "instance"}
    for name, selector in named:
        assert name in METRICS
        compared = set(re.findall(r'(\w+)[!=]~?[="]', selector))
        assert compared <= METRICS[name] | known, name
        known |= METRICS[name]
    for labels in re.findall(r"\b(?:by|on) ?\((.*?)\)", expression):
        assert set(labels.replace(",", " ").split()) <= known


def test_each_alert_says_what_to_do() -> None:
    """A summary, a description, an action, and where the table is; it has a row for each alert."""
    guide = (FOLDER / "README.md").read_text()
    for rule in RULES:
        notes = rule["annotations"]
        assert {"summary", "description", "action", "runbook_url"} == set(notes)
        file, anchor = notes["runbook_url"].split("#")
        assert file.endswith("/systemd/README.md")
        assert f"\n## {anchor.replace('-', ' ').capitalize().replace('3 am', '3 a.m.')}\n" in guide
        assert f"`{rule['alert']}`" in guide
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_the_dashboard_can_be_imported() -> None:
    """For Grafana 9 and later: its data source is a variable, and nothing overlaps."""
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert {"datasource", "job", "instance"} == set(variables)
    assert "datasource" == variables["datasource"]["type"]
    assert DASHBOARD["schemaVersion"] >= 36
    panels: list[dict[str, Any]] = DASHBOARD["panels"]
    assert len(panels) == len({panel["id"] for panel in panels})
    rows = [panel["title"] for panel in panels if panel["type"] == "row"]
    assert ["Traffic", "Lag", "Handlers", "Failures", "Queue", "Process"] == rows
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not taken & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    for panel in PANELS:
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])

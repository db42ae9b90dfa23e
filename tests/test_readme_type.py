"""A package with a handler type, as the README shows it: built, installed, and used from YAML."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from consumer.testing import canvas_body
from tests.bench.rig import running_stub
from tests.processes import BOUND, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.processes import Consume

    Start = Callable[..., Consume]

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="there is no pip here"),
]

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-prod"
README = (ROOT / "README.md").read_text()


def block(name: str) -> str:
    """A block of the README."""
    (found,) = re.findall(rf"<!-- test: type {name} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    return str(found)


@pytest.fixture(name="path", scope="module")
def _path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """PYTHONPATH with a folder into which pip has installed the package."""
    folder = tmp_path_factory.mktemp("type")
    package, site = folder / "events-csv", folder / "site"
    package.mkdir()
    for name in ("pyproject.toml", "events_csv.py"):
        (package / name).write_text(block(name))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # This program is installed here already. Without hatchling, pip gets it from the registry.
    isolation = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    done = subprocess.run(
        [*command, "--no-deps", *isolation, "--target", str(site), str(package)],
        capture_output=True, text=True, check=False, timeout=BOUND,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return os.pathsep.join([str(ROOT), str(site)])


def configuration(folder: Path, *, options: str | None = None) -> Path:
    """The README's, with a file in this folder."""
    text = block("configuration")
    if options is not None:
        text = re.sub(r"csv: .*", f"csv: {options}", text)
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_it_gets_the_events_of_a_queue(tmp_path: Path, path: str, consume: Start) -> None:
    """Those that its entry names; then their messages are deleted."""
    configuration(tmp_path)
    names = ["course_created", "course_updated", "logged_in"]
    with running_stub() as stub:
        stub.post("/send-all", {"bodies": [canvas_body(name) for name in names]})
        run = consume(
            "-c", "config.yaml", "--queue-url", stub.queue_url, "--drain", PYTHONPATH=path
        )
        assert run.end() == 0, run.stderr()
        assert stub.get("/stats")["deleted"] == 3

    rows = list(csv.reader((tmp_path / "events.csv").read_text().splitlines()))
    assert sorted(row[1] for row in rows) == names[:2]


def test_it_can_be_tried_without_a_queue(tmp_path: Path, path: str, consume: Start) -> None:
    """With the commands of the README, of which the first one has installed it."""
    configuration(tmp_path)
    install, sample, replay = block("commands").splitlines()
    assert install == ".venv/bin/pip install ./events-csv"
    sample, _, file = sample.partition(" > ")

    for command in (sample, replay):
        run = consume(*command.removeprefix(".venv/bin/consume ").split(), PYTHONPATH=path)
        assert run.end() == 0, run.stderr()
        if command == sample:
            (tmp_path / file).write_text(run.stdout())

    assert len((tmp_path / "events.csv").read_text().splitlines()) == 5


def test_its_options_are_checked_as_those_of_the_built_in_ones(
    tmp_path: Path, path: str, consume: Start
) -> None:
    """With file and line, before the first message."""
    for options, sentence in (
        ("{fil: x}", 'handler "overview" has no option "fil": did you mean "file"?'),
        ("{rows: 0}", 'handler "overview": rows must be a whole number from 1'),
        ("x.csv", "must be a mapping of options, such as csv: {}"),
    ):
        file = configuration(tmp_path, options=options)
        run = consume("config", "check", str(file), PYTHONPATH=path, CONSUMER_QUEUE__URL=URL)
        assert run.end() == 78, run.stderr()
        assert sentence in run.stderr()
        assert f"{file}:2" in run.stderr() or f"{file}:4" in run.stderr()


def test_it_is_known_where_the_built_in_ones_are(tmp_path: Path, path: str, consume: Start) -> None:
    """In the schema, and as the nearest type; without the package the type is unknown."""
    schema = consume("config", "schema", PYTHONPATH=path)
    assert schema.end() == 0
    keys = json.loads(schema.stdout())["properties"]["handlers"]["items"]["properties"]
    assert "csv" in keys

    file = configuration(tmp_path)
    run = consume("config", "check", str(file), CONSUMER_QUEUE__URL=URL)
    assert run.end() == 78
    assert 'handler "overview": there is no type "csv"' in run.stderr()

"""The programs that the README shows for the command handler do what it says."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from consumer.testing import canvas_body
from tests.bench.rig import running_stub
from tests.handlers.commands import Programs, verdicts
from tests.processes import ROOT, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.processes import Consume

    Start = Callable[..., Consume]

README = (ROOT / "README.md").read_text()


@pytest.fixture(name="programs")
def _programs(tmp_path: Path) -> Iterator[Programs]:
    with closing(Programs(tmp_path)) as programs:
        yield programs


def block(name: str) -> str:
    """A block of the README."""
    (found,) = re.findall(rf"<!-- test: command {name} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    return str(found)


def written(folder: Path) -> str:
    """Write the programs into the folder; returns the configuration, with this folder's paths."""
    (folder / "canvas").mkdir()
    for name in ("spool.sh", "grades.py"):
        (folder / name).write_text(block(name))
        (folder / name).chmod(0o755)
    text = block("configuration").replace("python3", sys.executable)
    for there in ("/usr/local/bin/", "/var/spool/", "/srv/canvas/"):
        text = text.replace(there, f"{folder}/")
    return text


@pytest.mark.acceptance
def test_the_examples_handle_a_queue(tmp_path: Path, consume: Start) -> None:
    """Every batch of courses is a file; the latest grade is in the database."""
    (tmp_path / "config.yaml").write_text(written(tmp_path))
    grades = [
        canvas_body(
            "grade_change", body={"submission_id": "7", "grade": grade}, event_time=f"2024-05-{day}"
        )
        for day, grade in (("03", "A"), ("02", "B"))
    ]
    courses = [canvas_body("course_created", body={"course_id": str(n)}) for n in range(5)]
    rejected = canvas_body("grade_change", body={"grade": "A"})
    with running_stub() as stub:
        stub.post("/send-all", {"bodies": [*grades, *courses, rejected]})
        run = consume("-c", "config.yaml", "--queue-url", stub.queue_url, "--drain")
        assert run.end() == 0, run.stderr()
        assert stub.get("/stats")["deleted"] == 7

    files = [*(tmp_path / "canvas").glob("*.jsonl")]
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert sorted(line["payload"]["body"]["course_id"] for line in lines) == [*"01234"]
    assert [("7", "A")] == sqlite3.connect(tmp_path / "grades.sqlite3").execute(
        "select submission, grade from grades"
    ).fetchall()
    (reject,) = run.log("handler_rejected")
    assert reject["reason"] == "it has no submission"


def test_what_they_need_may_be_missing(programs: Programs) -> None:
    """No directory: paused. A locked database: again after 30 s."""
    written(programs.folder)
    (programs.folder / "canvas").rmdir()
    assert ["down"] == verdicts(programs.of(["./spool.sh", "canvas"]), 1)[0]

    programs.mode = "lines"
    grades = programs.of([sys.executable, "grades.py", "grades.sqlite3"])
    assert ["ack"] == verdicts(grades, 1)[0]
    database = sqlite3.connect(programs.folder / "grades.sqlite3", isolation_level=None)
    database.execute("begin exclusive")
    reason = "the database is locked, or its disk is full"
    assert (["retry"], {reason}) == verdicts(grades, 1)
    database.close()


def test_the_variables_in_the_readme_are_those_that_it_gets(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more and no less."""
    (listed,) = re.findall(r"the program gets only (.*?) \|", README)
    names = {name.replace("*", "ALL") for name in re.findall(r"`(\w+\*?)`", listed)}
    for name in {*environment(programs.folder), *names}:
        monkeypatch.setenv(name, os.environ.get(name, "x"))

    verdicts(programs.of(["sh", "-c", "cat > landed; env > variables"]), 1)

    text = (programs.folder / "variables").read_text()
    # Where no locale is set, Python itself sets LC_CTYPE.
    found = {re.sub("^LC_.*", "LC_ALL", line.partition("=")[0]) for line in text.splitlines()}
    assert names == found - {"_", "PWD", "OLDPWD", "SHLVL"}

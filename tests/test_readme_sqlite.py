"""README.md's section about SQLite is true: its commands, its query, its columns."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from consumer.events.decode import decode
from consumer.events.samples import START, sample_message, sample_messages
from consumer.handlers.sql.rows import COLUMNS
from consumer.handlers.sql.views import COMMON, views_of_catalog
from consumer.testing import make_message
from tests.handlers.sqlite_table import Table
from tests.processes import ROOT
from tests.test_readme_setup import blocks, run

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.messages import Format

FORMATS: Final[tuple[Format, ...]] = ("canvas", "caliper")
README = (ROOT / "README.md").read_text()
SECTION = README.split("### sqlite\n")[1].split("\n### ")[0]


@pytest.mark.acceptance
def test_from_nothing_to_a_query(tmp_path: Path) -> None:
    """The commands as they stand: samples, a replay, a query."""
    (script,) = blocks("sqlite")
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nexec python3 "$@"\n')
    python.chmod(0o755)
    said = run(script, tmp_path, CONSUMER_STATE_DIRECTORY="")
    assert re.search(r"^handled +600$", said, re.MULTILINE)
    assert 5 == len(re.findall(r"^\('2026-.*Z', [\d.]+, '.*'\)$", said, re.MULTILINE)), said


def test_submissions_per_course_per_day(tmp_path: Path) -> None:
    """The query counts what the events say, in both formats, each event once."""
    (query,) = re.findall(
        r"<!-- test: submissions per course per day, sqlite -->\n```sql\n(.*?)```",
        README,
        re.DOTALL,
    )
    table, expected = Table(tmp_path), Counter[tuple[int, str]]()
    for seed, later in enumerate((timedelta(), timedelta(hours=13), timedelta(days=3))):
        start = START + later
        for written in FORMATS:
            names = ["submission_created"]
            for sample in sample_messages(names, 60, written, seed=seed, start=start):
                (event,) = decode(make_message(sample.body))
                table.write(event, event)
                assert event.time
                assert event.subject.course_id
                course = event.subject.course_id.global_id
                expected[course or 0, event.time.date().isoformat()] += 1
    try:
        rows = table.ask(query)
    finally:
        table.close()
    assert sorted((*key, count) for key, count in expected.items()) == rows
    assert 3 == len({day for _, day, _ in rows})


def test_old_events_can_be_deleted(tmp_path: Path) -> None:
    """The statement as it stands: those of before a year, with any time of day."""
    (statement,) = re.findall(r"`(DELETE FROM [^`]+)`", SECTION)
    table = Table(tmp_path)
    now = datetime.now(UTC)
    for seed, days in enumerate((1, 364, 367, 1000)):
        sample = sample_message("logged_in", seed=seed, time=now - timedelta(days=days))
        table.write(*decode(make_message(sample.body)))
    table.ask(statement)
    assert [2] == table.ask("SELECT count(*) FROM live_events")
    table.close()


def test_the_columns_are_all_there() -> None:
    """Those of the table, and those of the views that are named."""
    rows = SECTION[SECTION.index("| column of the table |") :].split("\n\n")[0].splitlines()[2:]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert [column.name for column in COLUMNS] == named
    views = {view.name: view for view in views_of_catalog("live_events")}
    for name in re.findall(r"\blive_[a-z_]+[a-z]\b", SECTION):
        assert name in {"live_events", *views}, name
    columns = {column.name for view in views.values() for column in (*COMMON, *view.columns)}
    assert {"body_user_id", "metadata_context_role"} <= columns

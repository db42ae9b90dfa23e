"""The counts of 24 hours survive a restart, and a damaged file does no harm."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from consumer import log_events
from consumer.testing import ManualClock
from consumer.webhook.kept import KeptTally, open_tally
from tests.processes import eventually

if TYPE_CHECKING:
    from pathlib import Path


def test_the_counts_survive_a_restart(tmp_path: Path) -> None:
    """Written once a minute and at the end; what is older than a day is not counted."""
    clock, file = ManualClock(), tmp_path / "state" / "counts.json"
    tally = open_tally(file, clock)
    kept = KeptTally(tally, file, clock=clock)
    tally.add(401, 0.1)
    kept.look()
    assert not file.exists()
    clock.advance(60)
    kept.look()
    eventually(file.exists, "it is written")
    clock.advance(80_000)
    tally.add(204, 16.0)
    kept.close()

    again = open_tally(file, clock)

    assert file.stat().st_mode & 0o777 == 0o600
    assert again.last_day() == {"2xx": 1, "4xx": 1, "5xx": 0, "late": 1}
    assert not again.totals
    clock.advance(7_000)
    assert again.bad_of_day() == {"error": 0, "late": 1}
    assert open_tally(file, clock).bad_of_day() == {"error": 0, "late": 1}


def test_a_damaged_file_is_ignored(tmp_path: Path) -> None:
    """With a line in the log; the next write replaces it."""
    clock, file = ManualClock(), tmp_path / "counts.json"
    now = clock.now().timestamp()
    for content in (
        "", "{", "[]", "[" * 100_000, "{}", '{"steps": 1}', '{"steps": [[1]]}',
        '{"steps": [["x", {}]]}', '{"steps": [[NaN, 7]]}',
        json.dumps({"steps": [[now, {"204": -1}]]}), json.dumps({"steps": [[now, {"204": "1"}]]}),
        json.dumps({"steps": [[now, {"a name": 1}]]}), "\0\xff",
    ):  # fmt: skip
        file.write_text(content)
        with capture_logs() as logs:
            tally = open_tally(file, clock)
        assert tally.bad_of_day() == {"error": 0, "late": 0}, content[:50]
        assert [line["event"] for line in logs] == [log_events.WEBHOOK_COUNTS_FAILED], content[:50]

    KeptTally(tally, file, clock=clock).close()
    assert json.loads(file.read_text()) == {"steps": []}


def test_a_file_that_can_not_be_written_is_reported_once(tmp_path: Path) -> None:
    """Until it can be written again."""
    clock = ManualClock()
    file = tmp_path / "state" / "counts.json"
    file.parent.write_text("not a directory")
    kept = KeptTally(open_tally(file.with_name("none"), clock), file, clock=clock)
    with capture_logs() as logs:
        kept._write()
        kept._write()
    assert len(logs) == 1
    assert logs[0]["reason"].startswith("counts.json can't be written: ")


def test_a_clock_that_is_set_does_no_harm(tmp_path: Path) -> None:
    """Forwards or back: answers go on being counted, and old ones end."""
    clock, past = ManualClock(), ManualClock()
    clock.advance(50_000)
    tally = open_tally(tmp_path / "none", clock)
    tally.add(401, 0.0)
    tally._clock = past
    tally.add(401, 0.0)
    assert tally.bad_of_day()["error"] == 2
    past.advance(600)
    tally.add(401, 0.0)
    assert tally.bad_of_day()["error"] == 3
    past.advance(150_000)
    tally.add(503, 0.0)
    assert tally.bad_of_day()["error"] == 1

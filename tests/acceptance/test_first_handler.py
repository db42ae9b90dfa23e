"""The first handler that a user writes: events that it does not ask for are not lost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.conftest import archived
from tests.moto_queues import numbered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.bench.rig import StubAddress
    from tests.processes import Consume

    Start = Callable[..., Consume]

NAMES = ("grade_change", "course_created", "user_created", "logged_in")
OKH = """
from consumer import Registry

registry = Registry()

@registry.on("grade_change")
def grades(event):
    print("handled", event.name)
"""


@pytest.fixture(name="filled")
def _filled(stub: StubAddress, tmp_path: Path) -> StubAddress:
    (tmp_path / "okh.py").write_text(OKH)
    for number in range(20):
        stub.post("/send", {"body": numbered(number, NAMES[number % 4])})
    return stub


@pytest.mark.parametrize("target", ["okh:registry", "okh:grades"])
def test_events_that_no_handler_asks_for_are_archived(
    filled: StubAddress, consume: Start, target: str, tmp_path: Path
) -> None:
    """Five are handled, fifteen archived and counted as unmatched, all deleted."""
    run = consume("--queue-url", filled.queue_url, "--handler", target, "--drain")

    assert run.end() == 0
    assert 5 == run.stdout().count("handled grade_change")
    lines = archived(tmp_path / "state" / "archive")
    assert dict.fromkeys(NAMES[1:], 5) == Counter(line["event_name"] for line in lines)
    assert 20 == filled.get("/stats")["deleted"]
    assert "archive" == run.log("starting")[0]["unmatched"]
    (drained,) = run.log("drained")
    assert (5, 15, 20) == (drained["handled"], drained["unmatched"], drained["deleted"])
    assert dict.fromkeys(NAMES[1:], 5) == run.log("summary")[-1]["unmatched_events"]


def test_deleting_them_is_a_choice_that_is_logged(
    filled: StubAddress, consume: Start, tmp_path: Path
) -> None:
    """In the start line, and by name in the counts; they are not archived."""
    arguments = ("--queue-url", filled.queue_url, "--handler", "okh:registry", "--drain")
    run = consume(*arguments, CONSUMER_UNMATCHED="delete")

    assert run.end() == 0
    assert "delete" == run.log("starting")[0]["unmatched"]
    assert not (tmp_path / "state" / "archive").exists()
    assert 5 == run.log("drained")[0]["handled"]
    assert dict.fromkeys(NAMES[1:], 5) == run.log("summary")[-1]["unmatched_events"]


def test_an_archive_that_cannot_be_written_ends_the_start(
    filled: StubAddress, consume: Start
) -> None:
    """With exit code 78 and the path, before anything is received."""
    run = consume("--queue-url", filled.queue_url, "--handler", "archive:/proc/x")

    assert run.end() == 78
    (stopped,) = run.log("stopped")
    assert "the archive can't be written: /proc/x, in /proc" in stopped["error"]
    assert 0 == filled.get("/stats")["received"]

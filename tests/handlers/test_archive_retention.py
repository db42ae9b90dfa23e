"""Old files are deleted if the configuration says so: the oldest, and nothing else."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from consumer.handlers.archive import names
from consumer.handlers.archive.upkeep import Upkeep
from consumer.testing import make_event
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.handlers.conftest import Shelf

DAY = 86_400


def look(shelf: Shelf, **options: Any) -> None:
    """What the thread does after a file was begun."""
    files = [file for file in names.files_in(shelf.root) if file.kind == names.LINES]
    Upkeep(shelf.root, clock=shelf.clock, **options).look(files[-1].path, threading.Event())


def fill(shelf: Shelf, days: int) -> None:
    """A file for each day, and one for today."""
    for number in range(days):
        shelf.write_events(make_event(message_id=f"day-{number}", time=shelf.clock.now()))
        shelf.clock.advance(DAY)
    shelf.write_events(make_event(message_id="today", time=shelf.clock.now()))


@pytest.fixture(name="logs")
def _logs() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def test_by_days(shelf: Shelf, logs: list[Any]) -> None:
    """Today's files and those of so many days before are kept; also what was set apart is deleted.

    The directory of a month in which nothing is left is deleted, too.
    """
    fill(shelf, 40)
    shelf.path().with_suffix(".torn").write_bytes(b"torn\n")

    look(shelf, keep_days=2, gzip=True)

    assert shelf.files() == [
        "2026/12/events-2026-12-31.jsonl.gz",
        "2027/01/events-2027-01-01.jsonl.gz",
        "2027/01/events-2027-01-02.jsonl",
    ]
    assert not (shelf.root / "2026" / "11").exists()
    deleted, _ = logs
    assert ("archive_deleted", 39, "2026-11-23", "2026-12-30") == tuple(
        deleted[key] for key in ("event", "files", "first_day", "last_day")
    )
    assert deleted["bytes"] > 38 * 500


def test_a_clock_that_is_far_ahead_deletes_nothing(shelf: Shelf, logs: list[Any]) -> None:
    """It is known by the events: SQS keeps none for so long. Also on the days after."""
    fill(shelf, 40)
    before = shelf.files()
    then = shelf.clock.now()

    shelf.clock.advance(3_650 * DAY)
    for _ in range(5):
        shelf.write_events(make_event(time=then))
        look(shelf, keep_days=30)
        shelf.clock.advance(DAY)

    assert set(before) < set(shelf.files())
    assert 5 == len(logs)
    assert ("archive_upkeep_failed", "warning") == (logs[0]["event"], logs[0]["log_level"])
    assert "the clock is 3650 days ahead of the events; is it right?" == logs[0]["error"]


def test_after_a_long_time_without_events_the_old_files_are_deleted(shelf: Shelf) -> None:
    """The events that arrive say that the clock is right."""
    fill(shelf, 40)
    shelf.clock.advance(3_650 * DAY)
    shelf.write_events(make_event(time=shelf.clock.now()))

    look(shelf, keep_days=30)

    assert 1 == len(shelf.files())


@for_each("line", [b"\xff\n", b"[]\n", b'{"event_time":null}\n', b'{"event_time":"x"}\n'])
def test_without_times_of_events_the_clock_is_right(line: bytes, shelf: Shelf) -> None:
    """Whatever is in the file."""
    fill(shelf, 1)
    shelf.clock.advance(100 * DAY)
    shelf.write("today")
    files = names.files_in(shelf.root)
    files[-1].path.write_bytes(line)

    Upkeep(shelf.root, clock=shelf.clock, keep_days=2).look(files[-1].path, threading.Event())

    assert 1 == len(shelf.files())


def test_by_bytes(shelf: Shelf, logs: list[Any]) -> None:
    """The oldest are deleted until the rest fits; what is compressed first may not have to be."""
    fill(shelf, 5)
    size = shelf.path().stat().st_size

    look(shelf, keep_bytes=3 * size)
    assert [f"2026/11/events-2026-11-{day}.jsonl" for day in (26, 27, 28)] == shelf.files()
    look(shelf, keep_bytes=3 * size)
    assert 1 == len(logs)

    look(shelf, keep_bytes=round(2.9 * size), gzip=True)
    assert 3 == len(shelf.files())


def test_more_days_than_there_ever_were(shelf: Shelf) -> None:
    """Nothing is deleted, and the rest is done."""
    fill(shelf, 1)

    look(shelf, keep_days=10_000_000_000, gzip=True)

    assert ["2026/11/events-2026-11-23.jsonl.gz", "2026/11/events-2026-11-24.jsonl"] == (
        shelf.files()
    )


def test_today_is_never_deleted(shelf: Shelf) -> None:
    """However small the limit is; nor is a later day, after the clock was set back."""
    shelf.max_file_bytes = 1
    shelf.restart()
    fill(shelf, 1)
    shelf.write("more")
    shelf.path("events-2026-11-30.jsonl").write_bytes(b"{}\n")

    look(shelf, keep_bytes=1, keep_days=1)
    look(shelf, keep_bytes=1)

    assert shelf.files() == [
        "2026/11/events-2026-11-24.1.jsonl",
        "2026/11/events-2026-11-24.jsonl",
        "2026/11/events-2026-11-30.jsonl",
    ]


def test_what_a_process_holds_is_not_deleted(shelf: Shelf) -> None:
    """An idle one holds a file of an earlier day, and writes on into it until the next event."""
    other = shelf.another()
    shelf.write("idle", archive=other)
    shelf.clock.advance(10 * DAY)
    fill(shelf, 1)

    look(shelf, keep_days=1, keep_bytes=1)

    assert shelf.files() == [
        "2026/11/events-2026-11-23.jsonl",
        "2026/12/events-2026-12-04.jsonl",
    ]
    other.close()
    look(shelf, keep_days=1)
    assert shelf.files() == ["2026/12/events-2026-12-04.jsonl"]


def test_nothing_else_is_deleted(shelf: Shelf) -> None:
    """Not by another name, in another place, or through a link."""
    fill(shelf, 3)
    month = shelf.path().parent
    others = [
        month / "events-2026-11-01.json", month / "events-2026-11-01.jsonl.bak",
        month / "events-2026-11-01.01.jsonl", month / "events-2025-11-01.jsonl",
        month / "my-events-2026-11-01.jsonl", shelf.root / "events-2026-11-01.jsonl",
    ]  # fmt: skip
    for path in others:
        path.write_bytes(b"{}\n")
    link = month / "events-2026-11-02.jsonl"
    link.symlink_to(others[-1])

    look(shelf, keep_days=1, keep_bytes=1)

    assert [] == [path for path in others if not path.exists()]
    assert link.is_symlink()
    assert 1 == len(names.files_in(shelf.root))


def test_what_cannot_be_deleted_is_logged(
    shelf: Shelf, logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are deleted; it is tried again with the next file."""
    fill(shelf, 3)
    real = type(shelf.root).unlink

    def refuse(path: Any, *arguments: Any, **options: Any) -> None:
        if path.name == "events-2026-11-23.jsonl":
            raise PermissionError(13, "Permission denied", str(path))
        real(path, *arguments, **options)

    monkeypatch.setattr(type(shelf.root), "unlink", refuse)
    look(shelf, keep_days=1)

    assert 3 == len(shelf.files())
    assert [("archive_upkeep_failed", "Permission denied"), ("archive_deleted", None)] == [
        (line["event"], line.get("error")) for line in logs
    ]


def test_what_is_left_of_a_killed_process_is_deleted(shelf: Shelf) -> None:
    """A file that was being compressed, and whose lines were deleted since; no other."""
    fill(shelf, 1)
    month = shelf.path().parent
    stale = month / "events-2026-11-20.jsonl.gz.unfinished"
    others = [month / "events-2026-11-23.jsonl.gz.unfinished", month / "events-x.gz.unfinished"]
    for path in (stale, *others):
        path.write_bytes(b"")

    look(shelf)

    assert [False, True, True] == [path.exists() for path in (stale, *others)]

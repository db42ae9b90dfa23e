"""What is found in an archive that is not as it was written; and nothing in one that is."""

from __future__ import annotations

import gzip
import json
import os
import threading
import tracemalloc
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import ConfigurationError
from consumer.handlers.archive import names
from consumer.handlers.archive.store import Archive
from consumer.handlers.archive.upkeep import Upkeep
from consumer.operations.archive import verify as module
from consumer.operations.archive.verify import Report, Verification
from consumer.testing import ManualClock, make_context, make_event
from tests.cases import for_each
from tests.handlers.landing.events import every_sample, hard_to_store, large, numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from consumer.messages import Event

DAY = 86_400


class Shelf:
    """An archive, and its files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = ManualClock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC))
        self.archive = self.another()

    def another(self, **options: Any) -> Archive:
        """As in another process."""
        return Archive(self.root, clock=self.clock, **{"max_file_bytes": 1 << 20, **options})

    def write(self, events: Sequence[Event]) -> None:
        self.archive.write(events, make_context())

    def compress(self) -> None:
        """All files but the last."""
        begun = max(self.root.rglob("*.jsonl"))
        Upkeep(self.root, clock=self.clock, gzip=True).look(begun, threading.Event())

    def path(self, name: str = "events-2026-11-23.jsonl") -> Path:
        return self.root / "2026" / "11" / name

    def verify(self, **options: Any) -> Report:
        return Verification(self.root, **options).run()

    def faults(self, **options: Any) -> list[tuple[str, int | None, str]]:
        """By the last part of the file's name."""
        found = self.verify(**options).faults
        return [(fault.file.rpartition("/")[2], fault.line, fault.fault) for fault in found]


@pytest.fixture(name="shelf")
def _shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path / "archive")
    yield shelf
    shelf.archive.close()


def test_what_was_archived_is_whole(shelf: Shelf) -> None:
    """Every sample, and everything that is hard to store: no key differs, and no line is faulty."""
    samples, hard = every_sample(), list(hard_to_store().values())
    shelf.write([*samples, *hard, large()])
    shelf.clock.advance(DAY)
    shelf.write(numbered(range(10)))
    shelf.compress()

    report = shelf.verify()

    count = len(samples) + len(hard) + 11
    assert [] == report.faults
    assert report.is_whole
    assert (count, 0, 2, 1) == tuple(
        report.total(what) for what in ("events", "duplicates", "files", "compressed")
    )
    assert count == report.keys.total()
    assert report.keys["unknown"] < 10
    assert ["2026-11"] == list(report.months)
    size = sum(path.stat().st_size for path in shelf.root.rglob("events-*"))
    assert size == report.total("bytes")
    assert {"matches": 0, "differs": 0, "unknown": 0} == shelf.verify(keys=False).as_data()["keys"]


def test_a_payload_without_its_secrets_has_another_key(shelf: Shelf) -> None:
    """That is no fault: the line has the key of the event as it was received."""
    shelf.write([make_event(body={"url": "https://x.example/?access_token=abc"})])

    report = shelf.verify()

    assert report.is_whole
    assert 1 == report.keys["unknown"]


def test_duplicates_are_counted(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are no fault; those that are far apart are not found, so that memory is bounded."""
    shelf.write([*numbered(range(30)), *numbered(range(5))])
    assert (35, 5, True) == (
        shelf.verify().total("events"), shelf.verify().total("duplicates"), shelf.verify().is_whole
    )  # fmt: skip

    monkeypatch.setattr(module, "_REMEMBERED", 10)
    assert 0 == shelf.verify().total("duplicates")
    shelf.write(numbered(range(5)))
    assert 5 == shelf.verify().total("duplicates")


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    """A line of which one value is another."""

    def edit(line: bytes) -> bytes:
        found = json.loads(line)
        change(found)
        return json.dumps(found).encode() + b"\n"

    return edit


@for_each(
    "edit, fault",
    [
        (lambda line: line[:-20] + b"\n", "not valid JSON"),
        (lambda line: line.replace(b"submission", b"sub\xffission"), "not UTF-8 text"),
        (lambda _line: b"\n", "not valid JSON"),
        (lambda _line: b"[1]\n", "not a JSON object"),
        (lambda _line: b"\0" * 500 + b"\n", "not valid JSON"),
        (edited(lambda line: line.pop("event_key")), "without event_key"),
        (edited(lambda line: line.update(message_id=1)), "not what it must be: message_id"),
        (edited(lambda line: line.update(format="xml")), "not what it must be: format"),
        (edited(lambda line: line.update(received_at="today")), "not what it must be: received_at"),
        (edited(lambda line: line.update(event_time=1)), "not what it must be: event_time"),
        (edited(lambda line: line.update(payload=[])), "not what it must be: payload"),
        (lambda line: line.replace(b'"submission_id"', b'"submission_ix"'),
         "the payload is not the one that the key was made of"),
    ],
)  # fmt: skip
def test_a_faulty_line_is_found(
    edit: Callable[[bytes], bytes], fault: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With its file and line; the others are read."""
    shelf = Shelf(tmp_path_factory.mktemp("x") / "archive")
    shelf.write(numbered(range(5)))
    shelf.archive.close()
    lines = shelf.path().read_bytes().splitlines(keepends=True)
    lines[2] = edit(lines[2])
    shelf.path().write_bytes(b"".join(lines))

    assert [("events-2026-11-23.jsonl", 3, fault)] == shelf.faults()


def test_the_end_of_a_file_that_is_written_now_is_no_fault(shelf: Shelf) -> None:
    """A part of a line is there while the daemon writes it; afterwards it would be torn."""
    shelf.write(numbered(range(3)))
    with shelf.path().open("ab") as file:
        file.write(b'{"received_at":"20')

    assert [] == shelf.faults()
    shelf.archive.close()
    assert [("events-2026-11-23.jsonl", 4, "the last line is torn")] == shelf.faults()


def test_a_torn_line_that_was_set_apart_is_no_fault(shelf: Shelf) -> None:
    """The daemon has repaired the file, and the event came again."""
    shelf.write(numbered(range(3)))
    shelf.archive.close()
    with shelf.path().open("ab") as file:
        file.write(b'{"received_at":"20')
    shelf.archive = shelf.another()
    shelf.write(numbered([3]))

    report = shelf.verify()

    assert report.is_whole
    assert 1 == report.set_apart


@for_each("end", [5, 15, 60, -8, -1])
def test_a_damaged_compressed_file_is_found(
    end: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Cut off at any place, or with one bit that is another."""
    shelf = Shelf(tmp_path_factory.mktemp("x") / "archive")
    shelf.write(numbered(range(50)))
    shelf.clock.advance(DAY)
    shelf.write(numbered(range(50, 60)))
    shelf.compress()
    packed = shelf.path("events-2026-11-23.jsonl.gz")
    whole = packed.read_bytes()

    packed.write_bytes(whole[:end])
    (fault, *_) = [fault for fault in shelf.faults() if "compressed" in fault[2]]
    assert packed.name == fault[0]

    flipped = bytearray(whole)
    flipped[end - 1 if end < 0 else max(end, 12)] ^= 4
    packed.write_bytes(flipped)
    assert shelf.faults()


@for_each("content", [b"", gzip.compress(b"")])
def test_a_compressed_file_without_lines_is_found(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Only files with lines are compressed: this one has lost them, such as by a power cut."""
    shelf = Shelf(tmp_path_factory.mktemp("x") / "archive")
    shelf.write(numbered(range(5)))
    shelf.path("events-2026-11-22.jsonl.gz").write_bytes(content)
    shelf.path("events-2026-11-23.1.jsonl").touch()

    fault = "the compressed file has no lines"
    assert [("events-2026-11-22.jsonl.gz", None, fault)] == shelf.faults()


def test_a_file_that_is_missing_is_found(shelf: Shelf) -> None:
    """Between two others of its day; the first ones may have been deleted, as keep_bytes says."""
    shelf.archive = shelf.another(max_file_bytes=1)
    for number in range(5):
        shelf.write(numbered([number]))
    assert [] == shelf.faults()

    shelf.path("events-2026-11-23.2.jsonl").unlink()
    shelf.path().unlink()
    assert [("events-2026-11-23.2.jsonl", None, "it is missing")] == shelf.faults()


def test_a_file_that_is_there_twice_is_found(shelf: Shelf) -> None:
    """As lines and compressed: readers would read its events twice."""
    shelf.write(numbered(range(5)))
    twice = shelf.path("events-2026-11-23.jsonl.gz")
    twice.write_bytes(gzip.compress(shelf.path().read_bytes()))

    fault = "there is a compressed file, too, with the same lines?"
    assert [("events-2026-11-23.jsonl", None, fault)] == shelf.faults()
    assert 5 == shelf.verify().total("duplicates")


def test_what_changes_meanwhile_is_no_fault(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is compressed, another deleted, after the directory was listed."""
    for number in range(3):
        shelf.write(numbered([number]))
        shelf.clock.advance(DAY)
    shelf.write(numbered([3]))
    real = names.files_in

    def then_changed(directory: Path) -> Any:
        found = real(directory)
        shelf.path().unlink()
        shelf.compress()
        return found

    monkeypatch.setattr(module, "files_in", then_changed)
    report = shelf.verify()

    assert report.is_whole
    assert (3, 3, 2) == tuple(report.total(what) for what in ("files", "events", "compressed"))


def test_a_crash_between_content_and_name_is_no_fault(shelf: Shelf) -> None:
    """The compressed content has the name of the lines until the next start."""
    shelf.write(numbered(range(5)))
    shelf.archive.close()
    shelf.path().write_bytes(gzip.compress(shelf.path().read_bytes()))

    assert (5, True) == (shelf.verify().total("events"), shelf.verify().is_whole)


def test_no_archive_is_an_error(tmp_path: Path) -> None:
    """Else a wrong name would be found whole."""
    for place, reason in ((tmp_path, "there is no file"), (tmp_path / "x", "No such file")):
        with pytest.raises(ConfigurationError, match=reason):
            Verification(place).run()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_a_fault(shelf: Shelf) -> None:
    """The others are read."""
    shelf.write(numbered(range(5)))
    shelf.path().chmod(0)

    assert [("events-2026-11-23.jsonl", 1, "can't be read: Permission denied")] == shelf.faults()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_month_that_cannot_be_read_is_an_error(shelf: Shelf) -> None:
    """Its files can't be listed: an archive is not found whole without them."""
    shelf.write(numbered(range(5)))
    for month in ("10", "09"):
        folder = shelf.root / "2026" / month
        folder.mkdir(mode=0)
        with pytest.raises(ConfigurationError, match=f"2026/{month}: can't be read: Permission"):
            shelf.verify()
        folder.rmdir()


def test_memory_is_bounded(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for lines without an end, many faults, and what a compressed file grows to."""
    monkeypatch.setattr(module, "_MOST_FAULTS", 10)
    shelf.write(numbered(range(5)))
    shelf.archive.close()
    with gzip.open(shelf.path("events-2026-11-22.jsonl.gz"), "wb") as file:
        for _ in range(64):
            file.write(b"0" * 1_048_576)
        file.write(b"\n" * 50)
    tracemalloc.start()
    try:
        report = shelf.verify()
        assert tracemalloc.get_traced_memory()[1] < 40 * 1_048_576
    finally:
        tracemalloc.stop()

    assert 10 == len(report.faults)
    assert 50 == report.total("faults")
    assert 5 == report.total("events")

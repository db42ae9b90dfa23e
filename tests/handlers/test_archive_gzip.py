"""Files that are done with are compressed: nothing is lost, nothing is there twice."""

from __future__ import annotations

import errno
import gzip
import os
import stat
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from consumer.handlers.archive import compressing, names, upkeep
from consumer.handlers.archive.compressing import compress
from consumer.handlers.archive.upkeep import Upkeep
from consumer.handlers.records import line_of
from consumer.operations.message_files import files_in, pieces_of
from consumer.operations.payloads import messages_in
from consumer.testing import make_event
from tests.processes import environment, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.handlers.conftest import Shelf

DAY = 86_400


class Storeroom:
    """A shelf whose files are looked after when the test says so."""

    def __init__(self, shelf: Shelf, **options: Any) -> None:
        self.shelf = shelf
        self.upkeep = Upkeep(shelf.root, clock=shelf.clock, **options)

    def look(self) -> None:
        """As its thread does after a file was begun."""
        files = [file for file in names.files_in(self.shelf.root) if file.kind == names.LINES]
        self.upkeep.look(files[-1].path, threading.Event())

    def fill(self, days: int) -> None:
        """A file for each day, and one for today."""
        for number in range(days):
            self.shelf.write(f"day-{number}")
            self.shelf.clock.advance(DAY)
        self.shelf.write("today")


def read(root: Path) -> list[str]:
    """The message ids, in the order in which `consume replay` reads them."""
    faults: list[str] = []
    pieces = [piece for file in files_in(root) for piece in pieces_of(str(file), faults.append)]
    assert [] == faults
    return [message.message_id for piece in pieces for message in messages_in(piece.text)]


@pytest.fixture(name="logs")
def _logs() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


@pytest.fixture(name="room")
def _room(shelf: Shelf) -> Storeroom:
    return Storeroom(shelf, gzip=True)


def test_a_day_that_is_over_is_compressed(room: Storeroom, logs: list[Any]) -> None:
    """Its lines are the same; today's file is written on; readers see the same as before."""
    room.shelf.write(*(f"m-{number}" for number in range(50)))
    room.fill(1)
    expected = read(room.shelf.root)
    before = room.shelf.path().read_bytes()
    modified = room.shelf.path().stat().st_mtime_ns

    room.look()
    room.look()

    assert room.shelf.files() == [
        "2026/11/events-2026-11-23.jsonl.gz",
        "2026/11/events-2026-11-24.jsonl",
    ]
    packed = room.shelf.path("events-2026-11-23.jsonl.gz")
    assert before == gzip.decompress(packed.read_bytes())
    assert 0o600 == stat.S_IMODE(packed.stat().st_mode)
    assert modified == packed.stat().st_mtime_ns
    assert expected == read(room.shelf.root)
    (line,) = logs
    assert {
        "event": "archive_compressed", "log_level": "info", "files": 1,
        "bytes": len(before), "compressed_bytes": packed.stat().st_size,
    } == line  # fmt: skip


def test_full_files_of_today_are_compressed_and_their_numbers_not_used_again(
    room: Storeroom,
) -> None:
    """Also after a restart: else two files would be one, or out of order."""
    room.shelf.max_file_bytes = 2 * len(
        line_of(make_event(message_id="a"), "2026-11-23T10:00:00Z", scrub_secrets=True)
    )
    room.shelf.restart()
    for message_id in "abcde":
        room.shelf.write(message_id)
    room.look()
    room.shelf.restart()
    for message_id in "fgh":
        room.shelf.write(message_id)

    assert room.shelf.files() == [
        "2026/11/events-2026-11-23.1.jsonl.gz",
        "2026/11/events-2026-11-23.2.jsonl",
        "2026/11/events-2026-11-23.3.jsonl",
        "2026/11/events-2026-11-23.jsonl.gz",
    ]
    assert list("abcdefgh") == read(room.shelf.root)


def test_a_number_that_is_compressed_while_its_file_is_opened_is_not_used(
    room: Storeroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process compresses between the look and the open."""
    room.shelf.write("a")
    room.shelf.archive.close()
    real = os.open
    done: list[str] = []

    def open_late(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path).endswith("events-2026-11-23.jsonl") and not done:
            done.append(str(path))
            assert compress(room.shelf.path(), stopping=lambda: False) is not None
        return real(path, *arguments, **options)

    archive = room.shelf.another()
    archive._written = Counter()  # it has looked at the files already
    monkeypatch.setattr(os, "open", open_late)
    room.shelf.write("b", archive=archive)
    monkeypatch.undo()

    assert room.shelf.files() == [
        "2026/11/events-2026-11-23.1.jsonl",
        "2026/11/events-2026-11-23.jsonl.gz",
    ]
    assert ["a", "b"] == read(room.shelf.root)


def test_files_that_another_process_holds_are_left_alone(room: Storeroom) -> None:
    """It may be an idle one, whose file is of yesterday: it writes on after the next event."""
    room.shelf.write("a")
    other = room.shelf.another()
    room.shelf.write("b", archive=other)
    room.shelf.clock.advance(DAY)
    room.shelf.write("c")

    room.look()
    assert ["a", "b", "c"] == read(room.shelf.root)
    assert "2026/11/events-2026-11-23.1.jsonl" in room.shelf.files()

    other.close()
    room.look()
    assert "2026/11/events-2026-11-23.1.jsonl.gz" in room.shelf.files()
    assert ["a", "b", "c"] == read(room.shelf.root)


def test_a_torn_line_is_repaired_before(room: Storeroom) -> None:
    """What is compressed ends with a whole line."""
    room.fill(1)
    with room.shelf.path().open("ab") as file:
        file.write(b'{"received_at": "20')

    room.look()

    assert ["day-0", "today"] == read(room.shelf.root)
    assert (room.shelf.path("events-2026-11-23.torn")).exists()


def test_what_is_no_file_of_the_archive_is_left_alone(room: Storeroom) -> None:
    """By its name or its place; a link is not followed; an empty file stays."""
    room.fill(1)
    month = room.shelf.path().parent
    others = {
        month / "events-2026-11-01.json": b"{}\n",
        month / "events-2026-12-01.jsonl": b"{}\n",
        month / "notes.jsonl": b"{}\n",
        month / "events-2026-11-99.jsonl": b"{}\n",
        room.shelf.root / "events-2026-11-01.jsonl": b"{}\n",
        month / "events-2026-11-02.jsonl": b"",
    }
    for path, content in others.items():
        path.write_bytes(content)
    (month / "events-2026-11-03.jsonl").symlink_to(room.shelf.root / "events-2026-11-01.jsonl")

    room.look()

    assert others == {path: path.read_bytes() for path in others}
    assert (month / "events-2026-11-03.jsonl").is_symlink()
    assert "2026/11/events-2026-11-23.jsonl.gz" in room.shelf.files()


def test_a_compressed_file_is_never_replaced(room: Storeroom, logs: list[Any]) -> None:
    """An operator has compressed it and kept both; that is logged, and the others are done."""
    room.fill(2)
    kept = room.shelf.path("events-2026-11-23.jsonl.gz")
    kept.write_bytes(gzip.compress(b"{}\n"))

    room.look()

    assert b"{}\n" == gzip.decompress(kept.read_bytes())
    assert room.shelf.path().exists()
    assert "2026/11/events-2026-11-24.jsonl.gz" in room.shelf.files()
    failed = [line for line in logs if line["event"] == "archive_upkeep_failed"]
    assert [("events-2026-11-23.jsonl", "File exists")] == [
        (line["file"], line["error"]) for line in failed
    ]


def test_a_failing_disk_leaves_the_file_as_it_was(
    room: Storeroom, logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged, for one file, and done when the disk is well again."""
    room.fill(3)
    expected, files = read(room.shelf.root), room.shelf.files()

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    room.look()
    monkeypatch.undo()

    assert files == room.shelf.files()
    assert expected == read(room.shelf.root)
    assert ["archive_upkeep_failed"] == [line["event"] for line in logs]
    assert "No space left on device" == logs[0]["error"]
    room.look()
    assert 3 == len([file for file in room.shelf.files() if file.endswith(".gz")])


def test_a_file_that_is_changed_meanwhile_is_left(
    room: Storeroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program, which knows no locks, appends to it."""
    room.fill(1)
    real = gzip.GzipFile.close

    def append_first(stream: gzip.GzipFile) -> None:
        with room.shelf.path().open("ab") as file:
            file.write(b"{}\n")
        real(stream)

    monkeypatch.setattr(gzip.GzipFile, "close", append_first)
    room.look()
    monkeypatch.undo()

    assert room.shelf.path().read_bytes().endswith(b"}\n{}\n")
    assert not room.shelf.path("events-2026-11-23.jsonl.gz").exists()


def test_what_was_not_compressed_rightly_does_not_replace_the_lines(
    room: Storeroom, monkeypatch: pytest.MonkeyPatch, logs: list[Any]
) -> None:
    """It is read once before: what the disk has is not always what was written."""
    room.fill(1)
    real = os.utime

    def damage(fd: int, **options: Any) -> None:
        os.pwrite(fd, b"\xff\xff\xff\xff", 12)
        real(fd, **options)

    monkeypatch.setattr(os, "utime", damage)
    room.look()

    assert ["day-0"] == room.shelf.ids()
    assert ["Input/output error"] == [line["error"] for line in logs]
    assert room.shelf.files() == [
        "2026/11/events-2026-11-23.jsonl",
        "2026/11/events-2026-11-24.jsonl",
    ]


def test_a_stop_leaves_the_file_as_it_was(room: Storeroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of it; nothing unfinished stays."""
    room.fill(1)
    calls = iter([False, True])
    files = room.shelf.files()

    def stopping() -> bool:
        return next(calls)

    monkeypatch.setattr(compressing, "_CHUNK_BYTES", 100)
    assert compress(room.shelf.path(), stopping=stopping) is None

    assert files == room.shelf.files()
    assert ["day-0"] == room.shelf.ids()


def test_a_kill_at_any_point_leaves_the_lines_once(shelf: Shelf, tmp_path: Path) -> None:
    """A real process kills itself before each step; the next start completes or repeats the work.

    Steps are all that open, rename or delete a file, and each chunk.
    """
    room = Storeroom(shelf, gzip=True)
    shelf.write(*(f"m-{number}" for number in range(40)))
    room.fill(1)
    shelf.archive.close()
    expected = read(shelf.root)
    subprocess.run(
        [sys.executable, "-m", "tests.handlers.archive_killed", shelf.root, tmp_path / "killed"],
        env=environment(tmp_path), check=True,
    )  # fmt: skip

    copies = sorted((tmp_path / "killed").iterdir())
    assert len(copies) > 12
    states: Counter[str] = Counter()
    for copy in copies:
        assert expected == read(copy), copy.name
        files = [path.name.removeprefix("events-2026-11-") for path in files_in(copy)]
        states["".join(files)] += 1
        after = Upkeep(copy, clock=shelf.clock, gzip=True)
        after.look(copy / "2026/11/events-2026-11-24.jsonl", threading.Event())
        assert expected == read(copy), copy.name
        left = sorted(path.name for path in copy.rglob("*") if path.is_file())
        assert ["events-2026-11-23.jsonl.gz", "events-2026-11-24.jsonl"] == left, copy.name
    # One of them was killed between the new content and its name.
    assert {"23.jsonl24.jsonl", "23.jsonl.gz24.jsonl"} == set(states)


def test_new_content_that_has_no_new_name_yet_is_not_written_to(room: Storeroom) -> None:
    """It gets its name at the next start, also without gzip; new lines go into the next file."""
    room.shelf.write("a")
    room.shelf.archive.close()
    lines = room.shelf.path().read_bytes()
    room.shelf.path().write_bytes(gzip.compress(lines))
    room.shelf.restart()

    room.shelf.write("b")

    assert room.shelf.files() == [
        "2026/11/events-2026-11-23.1.jsonl",
        "2026/11/events-2026-11-23.jsonl.gz",
    ]
    assert ["a", "b"] == read(room.shelf.root)


def test_several_processes_look_after_one_directory(shelf: Shelf, tmp_path: Path) -> None:
    """Real ones, at the same time: each file is compressed by one of them."""
    Storeroom(shelf).fill(12)
    shelf.archive.close()
    expected = read(shelf.root)
    command = [sys.executable, "-m", "tests.handlers.archive_killed", str(shelf.root)]
    running = [subprocess.Popen(command, env=environment(tmp_path)) for _ in range(3)]

    assert [0, 0, 0] == [process.wait(60) for process in running]

    assert expected == read(shelf.root)
    assert 12 == len([file for file in shelf.files() if file.endswith(".gz")])
    assert 13 == len(shelf.files())


def test_a_full_disk(tmp_path: Path, logs: list[Any]) -> None:
    """A real one: nothing is compressed, no line is lost, and writing goes on with some room."""
    mount = tmp_path / "small"
    mount.mkdir()
    options = ("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount))
    if (
        os.geteuid()
        or subprocess.run(["mount", *options], capture_output=True, check=False).returncode
    ):
        pytest.skip("nothing can be mounted here")
    from tests.handlers.conftest import Shelf

    shelf = Shelf(mount / "archive")
    try:
        Storeroom(shelf).fill(2)
        with (mount / "filler").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(os.urandom(4096))
        files, expected = shelf.files(), read(shelf.root)
        Storeroom(shelf, gzip=True).look()
        assert files == shelf.files()
        assert expected == read(shelf.root)
        assert "archive_upkeep_failed" in {line["event"] for line in logs}
        (mount / "filler").unlink()
        Storeroom(shelf, gzip=True).look()
        assert expected == read(shelf.root)
        assert 2 == len([file for file in shelf.files() if file.endswith(".gz")])
    finally:
        shelf.close()
        subprocess.run(["umount", str(mount)], check=True)


class Running:
    """An archive with upkeep in its thread, without the delay."""

    def __init__(self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(upkeep, "_DELAY_SECONDS", 0.0)
        self.shelf = shelf
        self.upkeep = Upkeep(shelf.root, clock=shelf.clock, gzip=True)
        self.archive = shelf.another(upkeep=self.upkeep)

    @property
    def threads(self) -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "archive-upkeep"]

    def write(self, *message_ids: str) -> None:
        self.shelf.write(*message_ids, archive=self.archive)

    def until_compressed(self, count: int) -> None:
        def look() -> bool:
            return len(list(self.shelf.root.rglob("*.gz"))) == count

        eventually(look, f"{count} files are compressed")


@pytest.fixture(name="running")
def _running(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Running:
    return Running(shelf, monkeypatch)


def test_the_thread_runs_only_while_there_is_something_to_do(running: Running) -> None:
    """After each file that was begun; it ends by itself, and with close."""
    for day in range(3):
        running.write(f"day-{day}")
        running.until_compressed(day)
        running.shelf.clock.advance(DAY)
    eventually(lambda: not running.threads, "the thread has ended")
    running.archive.close()
    running.write("late")
    running.until_compressed(3)
    running.archive.close()
    running.archive.close()
    assert [] == running.threads


def test_events_do_not_wait_for_it(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a file is compressed, others are written, and begun; what was begun comes next."""
    goes_on, reached = threading.Event(), threading.Event()

    def slow(path: Path, **options: Any) -> Any:
        reached.set()
        assert goes_on.wait(60)
        return compress(path, **options)

    monkeypatch.setattr(upkeep, "compress", slow)
    running.write("a")
    running.shelf.clock.advance(DAY)
    running.write("b")
    assert reached.wait(60)
    running.write("c")
    running.shelf.clock.advance(DAY)
    running.write("d")
    goes_on.set()
    running.until_compressed(2)
    running.archive.close()
    assert list("abcd") == read(running.shelf.root)


@pytest.mark.parametrize("error", [OSError(errno.EIO, "x"), KeyError("secret")])
def test_what_fails_in_the_thread_is_logged_and_harmless(
    running: Running, monkeypatch: pytest.MonkeyPatch, logs: list[Any], error: Exception
) -> None:
    """Without texts that come from elsewhere; the next file is begun as ever."""

    def fail(*_: Any) -> Mapping[str, Any]:
        raise error

    monkeypatch.setattr(running.upkeep, "look", fail)
    running.write("a")
    eventually(lambda: logs, "it is logged")
    running.shelf.clock.advance(DAY)
    running.write("b")
    running.archive.close()
    assert {"Input/output error", "KeyError"} >= {line["error"] for line in logs}
    assert "secret" not in repr(logs)


def test_a_thread_that_cannot_be_started_is_logged(
    running: Running, monkeypatch: pytest.MonkeyPatch, logs: list[Any]
) -> None:
    """The system has no more: events are archived all the same."""

    def none_left(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    running.write("a")

    assert ["archive_upkeep_failed"] == [line["event"] for line in logs]
    assert ["a"] == running.shelf.ids()
    monkeypatch.undo()

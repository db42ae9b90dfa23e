"""The archive: what it contains, and where."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consumer.errors import BatchFailure
from consumer.handlers.archive import file as archive_file
from consumer.handlers.records import line_of
from consumer.messages import Context
from consumer.testing import make_event

if TYPE_CHECKING:
    from pathlib import Path

    from tests.handlers.conftest import Shelf


CONTEXT = Context(handler="archive", message_ids=("m-1",))
RECEIVED = "2026-11-23T10:00:00Z"


def test_a_file_for_each_day_by_the_time_of_writing(shelf: Shelf) -> None:
    """The day is that of the write, in UTC, not that of the event."""
    shelf.write("a", "b")
    shelf.clock.advance(13 * 3600 + 3599)
    shelf.write("c")
    shelf.clock.advance(1 + 8 * 86400)
    shelf.write("d")

    assert shelf.files() == [
        "2026/11/events-2026-11-23.jsonl",
        "2026/12/events-2026-12-02.jsonl",
    ]
    assert shelf.ids() == ["a", "b", "c"]
    assert shelf.lines()[2]["received_at"] == "2026-11-23T23:59:59Z"
    assert shelf.ids("../12/events-2026-12-02.jsonl") == ["d"]


def test_a_restart_continues_the_file(shelf: Shelf) -> None:
    """One file a day, not one for each start."""
    shelf.write("a")
    shelf.restart()
    shelf.write("b")

    assert shelf.files() == ["2026/11/events-2026-11-23.jsonl"]
    assert shelf.ids() == ["a", "b"]


def test_a_full_file_is_left_for_the_next(shelf: Shelf, tmp_path: Path) -> None:
    """No file grows beyond its size, a batch stays together, and a restart goes on where it was."""
    size = len(line_of(make_event(message_id="a"), RECEIVED, scrub_secrets=True))
    shelf.max_file_bytes = 2 * size
    shelf.restart()

    for message_id in "abcde":
        shelf.write(message_id)
    shelf.restart()
    shelf.write("f")
    shelf.write("g")

    assert shelf.ids() == ["a", "b"]
    assert shelf.ids("events-2026-11-23.1.jsonl") == ["c", "d"]
    assert shelf.ids("events-2026-11-23.2.jsonl") == ["e", "f"]
    assert shelf.ids("events-2026-11-23.3.jsonl") == ["g"]


def test_a_batch_larger_than_a_file_gets_its_own_file(shelf: Shelf) -> None:
    """Even with a size that no event fits into, events are archived."""
    shelf.max_file_bytes = 1
    shelf.restart()

    shelf.write("a", "b")
    shelf.write("c")

    assert shelf.ids() == ["a", "b"]
    assert shelf.ids("events-2026-11-23.1.jsonl") == ["c"]


def test_only_the_owner_can_read_it(shelf: Shelf) -> None:
    """It holds data of students: modes 0600 and 0700, with any umask."""
    before = os.umask(0)
    try:
        shelf.write("a")
    finally:
        os.umask(before)

    modes = {stat.S_IMODE(p.stat().st_mode) for p in shelf.root.rglob("*") if p.is_dir()}
    assert modes | {stat.S_IMODE(shelf.root.stat().st_mode)} == {0o700}
    assert stat.S_IMODE(shelf.path().stat().st_mode) == 0o600


def test_written_and_synced_before_it_returns(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One write and one sync for a batch, in this order; nothing is left for later."""
    calls: list[str] = []
    write, sync = os.write, os.fdatasync

    def noting_write(fd: int, data: bytes) -> int:
        calls.append("write")
        return write(fd, data)

    def noting_sync(fd: int) -> None:
        calls.append("sync")
        sync(fd)

    shelf.write("open")  # so that only the batch is seen
    monkeypatch.setattr(os, "write", noting_write)
    monkeypatch.setattr(archive_file, "_sync", noting_sync)

    shelf.write(*(f"m-{i}" for i in range(100)))

    assert calls == ["write", "sync"]
    assert len(shelf.ids()) == 101


def test_a_new_file_s_name_is_synced_too(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose name is lost in a power cut is lost: its directories are synced, once."""
    synced: list[int] = []
    fsync = os.fsync

    def noting(fd: int) -> None:
        synced.append(os.fstat(fd).st_ino)
        fsync(fd)

    monkeypatch.setattr(os, "fsync", noting)
    shelf.write("a")
    shelf.write("b")

    month = shelf.path().parent
    chain = [shelf.root.parent, shelf.root, month.parent, month]
    assert synced == [directory.stat().st_ino for directory in chain]


def test_one_event_that_cannot_be_a_line_does_not_keep_the_others(shelf: Shelf) -> None:
    """The others are written, and only that one fails."""
    broken = replace(make_event(), message_id=5)  # type: ignore[arg-type]
    broken = replace(broken, format="canvas", raw=None)  # type: ignore[arg-type]

    with pytest.raises(BatchFailure) as caught:
        shelf.write_events(make_event(message_id="a"), broken, make_event(message_id="b"))

    assert list(caught.value.failures) == [broken]
    assert shelf.ids() == ["a", "b"]


def test_several_processes_write_into_files_of_their_own(shelf: Shelf) -> None:
    """Two instances on one directory never write into one file, and leave no gap in numbers."""
    second, third = shelf.another(), shelf.another()

    shelf.write("a")
    shelf.write("b", archive=second)
    shelf.write("c", archive=third)
    shelf.write("d")
    second.close()
    shelf.write("e", archive=shelf.another())

    assert shelf.ids() == ["a", "d"]
    assert shelf.ids("events-2026-11-23.1.jsonl") == ["b", "e"]
    assert shelf.ids("events-2026-11-23.2.jsonl") == ["c"]


def test_any_thread_may_write(shelf: Shelf) -> None:
    """Batches of several threads come one after the other, whole."""
    barrier = threading.Barrier(4, timeout=10)

    def work(name: str) -> None:
        barrier.wait()
        for _ in range(10):
            shelf.write(*[name] * 5)

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    ids = shelf.ids()
    assert len(ids) == 200
    assert all(len(set(ids[i : i + 5])) == 1 for i in range(0, 200, 5))


def test_close_can_be_called_twice_and_used_again(shelf: Shelf) -> None:
    """The engine may close it more than once; a late batch is still written."""
    shelf.archive.close()
    shelf.write("a")
    shelf.archive.close()
    shelf.archive.close()
    shelf.write("b")

    assert shelf.ids() == ["a", "b"]

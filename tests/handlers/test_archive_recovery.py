"""What was written just before a kill comes again, and is not written a second time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from consumer.handlers.archive import store
from consumer.testing import make_event

if TYPE_CHECKING:
    from tests.handlers.conftest import Shelf


def test_what_was_written_before_a_kill_is_not_written_again(shelf: Shelf) -> None:
    """It was killed between the write and the ledger's note: the messages come again."""
    shelf.write("a", "b", "c")
    shelf.restart()

    shelf.write("b", "c", "d")
    shelf.write("a")

    assert shelf.ids() == ["a", "b", "c", "d"]


def test_each_line_stands_for_one_event(shelf: Shelf) -> None:
    """An event that comes more often than it was written is written again."""
    shelf.write("a", "a")
    shelf.restart()

    shelf.write("a")
    shelf.write("a", "a")

    assert shelf.ids() == ["a", "a", "a"]


def test_another_event_of_the_same_message_is_written(shelf: Shelf) -> None:
    """An envelope may be in two batches, and only the first in the file."""
    shelf.write_events(make_event(message_id="a", body={"n": 1}))
    shelf.restart()

    shelf.write_events(make_event(message_id="a", body={"n": 1}))
    shelf.write_events(make_event(message_id="a", body={"n": 2}))

    assert shelf.ids() == ["a", "a"]


def test_while_it_runs_everything_is_written(shelf: Shelf) -> None:
    """The ledger, not the archive, handles what comes again to the same process."""
    shelf.write("a")
    shelf.write("a")

    assert shelf.ids() == ["a", "a"]


def test_a_file_of_a_running_process_is_left_alone(shelf: Shelf) -> None:
    """That process may still cut off what it has written."""
    shelf.write("a")
    other = shelf.another()

    shelf.write("a", archive=other)

    assert sorted(shelf.ids()) == ["a"]
    assert len(shelf.files()) == 2


def test_a_line_that_was_torn_is_written_again(shelf: Shelf) -> None:
    """Only whole lines count."""
    shelf.write("a", "b")
    shelf.archive.close()
    whole = shelf.path().read_bytes()
    shelf.path().write_bytes(whole[:-10])
    shelf.restart()

    shelf.write("a", "b")

    assert shelf.ids() == ["a", "b"]


def test_lines_of_others_are_ignored(shelf: Shelf) -> None:
    """Other programs may have put anything into the file."""
    shelf.write("a")
    shelf.archive.close()
    with shelf.path().open("ab") as file:
        file.write(b'7\nnull\n{}\n{"message_id": 1, "event_key": 2}\n\xff\n[\n')
    shelf.restart()

    shelf.write("a", "b")

    assert [line for line in shelf.path().read_bytes().splitlines() if b'"b"' in line]
    assert shelf.path().read_bytes().count(b'"message_id":"a"') == 1


def test_only_the_end_of_a_large_file_is_read(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written long before the kill was noted, and does not come again."""
    shelf.write(*(f"m{number}" for number in range(50)))
    size = shelf.path().stat().st_size
    monkeypatch.setattr(store, "_TAIL_BYTES", size // 2)
    shelf.restart()

    shelf.write("m0", "m49")

    assert shelf.ids().count("m0") == 2
    assert shelf.ids().count("m49") == 1


def test_the_newest_files_are_read(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of the last write counts, not the name."""
    monkeypatch.setattr(store, "_FILES", 1)
    shelf.write("old")
    shelf.clock.advance(86_400)
    shelf.write("new")
    shelf.archive.close()
    os.utime(shelf.path(), (1_000, 1_000))
    shelf.restart()

    shelf.write("old", "new")

    assert shelf.ids() == ["old"]
    assert shelf.ids("events-2026-11-24.jsonl") == ["new", "old"]


def test_what_is_found_is_on_the_disk_before_its_message_is_acked(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process was killed between write and sync: the lines may be in memory only."""
    shelf.write("a")
    shelf.restart()
    synced: list[str] = []
    real = os.fsync

    def noting(fd: int) -> None:
        synced.append(os.path.realpath(f"/proc/self/fd/{fd}"))
        real(fd)

    monkeypatch.setattr(os, "fsync", noting)
    shelf.write("a")

    assert ["a"] == shelf.ids()
    assert str(shelf.path()) in synced


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_left_out(shelf: Shelf) -> None:
    """Then its events are written once more, which is better than not."""
    shelf.write("a")
    shelf.archive.close()
    shelf.path().chmod(0)
    shelf.clock.advance(86_400)
    shelf.restart()

    shelf.write("a")

    assert len(shelf.files()) == 2

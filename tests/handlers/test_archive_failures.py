"""A disk that fails: the handler fails with it, so the message stays, and the file stays whole."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from consumer.errors import Unavailable
from consumer.handlers.archive import file as archive_file

if TYPE_CHECKING:
    from tests.handlers.conftest import Shelf


def error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


class Disk:
    """Replaces os.write, os.ftruncate and the sync; each call takes the next plan, if any.

    A plan for a write is a number of bytes that are still written, then the error.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes: list[tuple[int, int]] = []
        self.syncs: list[int] = []
        self.truncates: list[int] = []
        self.largest = 1 << 30
        self._real = (os.write, os.fdatasync, os.ftruncate)
        monkeypatch.setattr(os, "write", self._write)
        monkeypatch.setattr(os, "ftruncate", self._truncate)
        monkeypatch.setattr(archive_file, "_sync", self._sync)

    def _write(self, fd: int, data: bytes) -> int:
        if not self.writes:
            return self._real[0](fd, data[: self.largest])
        written, number = self.writes.pop(0)
        if written:
            self._real[0](fd, data[:written])
        raise error(number)

    def _sync(self, fd: int) -> None:
        if self.syncs:
            raise error(self.syncs.pop(0))
        self._real[1](fd)

    def _truncate(self, fd: int, length: int) -> None:
        if self.truncates:
            raise error(self.truncates.pop(0))
        self._real[2](fd, length)


@pytest.fixture(name="disk")
def _disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.mark.parametrize("written", [0, 1, 100, 700])
def test_a_full_disk_leaves_no_part_of_the_batch(shelf: Shelf, disk: Disk, written: int) -> None:
    """What was written of it is cut off, and the next batch is whole."""
    shelf.write("a")
    before = shelf.path().read_bytes()
    disk.writes = [(written, errno.ENOSPC)]

    with pytest.raises(Unavailable) as caught:
        shelf.write("b", "c")

    assert caught.value.reason == (
        "the archive could not be written: No space left on device (ENOSPC)"
    )
    assert shelf.path().read_bytes() == before
    shelf.write("b", "c")
    assert shelf.ids() == ["a", "b", "c"]


def test_short_writes_are_continued(shelf: Shelf, disk: Disk) -> None:
    """A write that takes less than it was given is not an error."""
    disk.largest = 7

    shelf.write("a", "b")

    assert shelf.ids() == ["a", "b"]


def test_a_write_that_takes_nothing_is_an_error(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not be repeated without end."""
    monkeypatch.setattr(os, "write", lambda fd, data: 0)

    with pytest.raises(Unavailable, match="EIO"):
        shelf.write("a")


def test_a_short_write_and_then_a_full_disk(shelf: Shelf, disk: Disk) -> None:
    """As it happens on a disk that fills up: both parts are cut off."""
    shelf.write("a")
    before = shelf.path().read_bytes()
    disk.largest = 200
    real = disk._write
    calls: list[int] = []

    def second_fails(fd: int, data: bytes) -> int:
        calls.append(len(data))
        if len(calls) == 2:
            raise error(errno.ENOSPC)
        return real(fd, data)

    disk_write = pytest.MonkeyPatch()
    disk_write.setattr(os, "write", second_fails)
    with pytest.raises(Unavailable, match="ENOSPC"):
        shelf.write("b")
    disk_write.undo()

    assert shelf.path().read_bytes() == before


def test_a_failed_sync_is_a_failed_write(shelf: Shelf, disk: Disk) -> None:
    """What could not be synced is cut off and written again."""
    shelf.write("a")
    before = shelf.path().read_bytes()
    disk.syncs = [errno.EIO]

    with pytest.raises(Unavailable, match=r"Input/output error \(EIO\)"):
        shelf.write("b")

    assert shelf.path().read_bytes() == before
    shelf.write("b")
    assert shelf.ids() == ["a", "b"]


def test_what_could_not_be_cut_off_is_cut_off_before_the_next_append(
    shelf: Shelf, disk: Disk
) -> None:
    """Half a line is never continued by another one, even if the disk fails in this, too."""
    shelf.write("a")
    disk.writes = [(300, errno.ENOSPC)]
    disk.truncates = [errno.EIO, errno.EIO]

    with pytest.raises(Unavailable, match="ENOSPC"):
        shelf.write("b")
    assert not shelf.path().read_bytes().endswith(b"\n")
    with pytest.raises(Unavailable, match="EIO"):
        shelf.write("c")
    shelf.write("d")

    assert shelf.ids() == ["a", "d"]


def test_a_process_that_ends_before_the_cut_is_repaired_by_the_next(
    shelf: Shelf, disk: Disk
) -> None:
    """The next start finds a torn line and sets it apart."""
    shelf.write("a")
    disk.writes = [(300, errno.ENOSPC)]
    disk.truncates = [errno.EIO]
    with pytest.raises(Unavailable):
        shelf.write("b")

    shelf.restart()
    shelf.write("c")

    assert shelf.ids() == ["a", "c"]
    assert len(shelf.path("events-2026-11-23.torn").read_bytes()) == 301


def test_an_interrupt_in_the_middle_cuts_off_too(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even then the file ends with a whole line."""
    shelf.write("a")
    before = shelf.path().read_bytes()
    real = os.write

    def interrupted(fd: int, data: bytes) -> int:
        real(fd, data[:50])
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        shelf.write("b")

    assert shelf.path().read_bytes() == before

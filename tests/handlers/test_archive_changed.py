"""Other programs cut, edit, move or delete files while the archive writes: lines stay whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from consumer.errors import Unavailable
from consumer.handlers.archive import file as archive_file

if TYPE_CHECKING:
    from tests.handlers.conftest import Shelf


def cut(shelf: Shelf, size: int) -> None:
    os.truncate(shelf.path(), size)


def test_a_file_that_is_cut_while_it_is_open_goes_on_with_a_whole_line(shelf: Shelf) -> None:
    """At any byte: what is torn is set apart, and the next event has a line of its own."""
    shelf.write("a", "b")
    whole = shelf.path().read_bytes()
    first = whole.index(b"\n") + 1
    expected = {0: [], 1: [], first: ["a"], first + 5: ["a"], len(whole) - 1: ["a", "b"]}

    for size, left in expected.items():
        shelf.path().write_bytes(whole)  # in place, as copytruncate and some editors do
        cut(shelf, size)
        with capture_logs() as logs:
            shelf.write("next")
        assert [*left, "next"] == shelf.ids(), size
        assert "archive_changed" in [line["event"] for line in logs], size

    torn = shelf.path("events-2026-11-23.torn").read_bytes()
    assert whole[:1] + b"\n" + whole[first : first + 5] + b"\n" == torn


def test_a_file_that_is_lengthened_by_hand_goes_on_with_a_whole_line(shelf: Shelf) -> None:
    """A note without a newline is set apart; a line that lacks only its newline gets it."""
    shelf.write("a")
    with shelf.path().open("ab") as file:
        file.write(b"a note")
    shelf.write("b")
    with shelf.path().open("ab") as file:
        file.write(b'{"message_id": "by hand"}')
    shelf.write("c")

    assert ["a", "b", "by hand", "c"] == shelf.ids()


def test_a_failed_write_to_a_cut_file_leaves_no_hole(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Truncating to the old size would fill a file that is shorter now with zeros."""
    shelf.write("a", "b")

    def cutting(fd: int) -> None:
        cut(shelf, 0)
        raise OSError(5, "")

    monkeypatch.setattr(archive_file, "_sync", cutting)
    with pytest.raises(Unavailable):
        shelf.write("c")
    monkeypatch.undo()
    shelf.write("d")

    assert ["d"] == shelf.ids()


def test_what_is_deleted_while_it_is_written_is_written_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file was deleted before the lines were on the disk: the messages must stay."""
    shelf.write("a")
    monkeypatch.setattr(archive_file, "_sync", lambda fd: shelf.path().unlink())

    with pytest.raises(Unavailable, match="No such file"):
        shelf.write("b")
    monkeypatch.undo()
    shelf.write("b")

    assert ["b"] == shelf.ids()


def test_a_file_that_is_moved_while_it_is_written_has_no_line_twice(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by logrotate's create: the lines are cut off there, and written into the new file."""
    shelf.write("a")
    moved = shelf.path("moved.jsonl")
    monkeypatch.setattr(archive_file, "_sync", lambda fd: shelf.path().rename(moved))

    with pytest.raises(Unavailable, match="No such file"):
        shelf.write("b")
    monkeypatch.undo()
    shelf.write("b")

    assert ["a"] == shelf.ids("moved.jsonl")
    assert ["b"] == shelf.ids()


def test_a_new_file_in_its_place_is_continued(shelf: Shelf) -> None:
    """As logrotate's create makes it, also with a torn line in it."""
    shelf.write("a")
    shelf.path().rename(shelf.path("moved.jsonl"))
    shelf.path().write_bytes(b'{"torn')

    shelf.write("b")

    assert ["b"] == shelf.ids()


def test_a_month_that_vanished_is_created_again(shelf: Shelf) -> None:
    """Only the archive's directory itself may be a mount."""
    shelf.write("a")
    shelf.path().unlink()
    shelf.path().parent.rmdir()

    shelf.write("b")

    assert ["b"] == shelf.ids()


def test_a_directory_that_vanished_is_named(shelf: Shelf) -> None:
    """The messages stay; the reason in the log says which directory to bring back."""
    shelf.write("a")
    shelf.root.rename(shelf.root.parent / "elsewhere")

    with pytest.raises(Unavailable) as caught:
        shelf.write("b")

    assert caught.value.reason == (
        "the archive could not be written: No such file or directory (ENOENT): " + str(shelf.root)
    )

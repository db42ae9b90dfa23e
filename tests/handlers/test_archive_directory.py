"""A directory that fails or changes: the messages stay, and nothing is written out of sight."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from consumer.directories import sync_directory
from consumer.errors import Unavailable
from consumer.handlers.archive import file as archive_file
from consumer.handlers.archive import store as archive_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.handlers.conftest import Shelf


def error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC, errno.ENOLCK])
@pytest.mark.parametrize("call", ["open", "mkdir", "flock"])
def test_a_directory_that_cannot_be_written_fails_the_handler(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    """No permission, read-only, no locks: the messages stay, and it goes on once that is fixed."""

    def failing(*_arguments: object, **_options: object) -> int:
        raise error(number)

    targets: dict[str, Callable[[], None]] = {
        "open": lambda: monkeypatch.setattr(os, "open", failing),
        "mkdir": lambda: monkeypatch.setattr("pathlib.Path.mkdir", failing),
        "flock": lambda: monkeypatch.setattr("fcntl.flock", failing),
    }
    targets[call]()
    with pytest.raises(Unavailable, match=errno.errorcode[number]):
        shelf.write("a")

    monkeypatch.undo()
    shelf.write("a")
    assert shelf.ids() == ["a"]


def test_a_name_that_could_not_be_synced_is_a_failed_write(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is closed again, so that the next attempt can have it."""
    real = sync_directory

    def failing(path: Path) -> None:
        if path.name == "11":
            raise error(errno.EIO)
        real(path)

    (shelf.root / "2026" / "11").mkdir(parents=True)
    monkeypatch.setattr(archive_file, "sync_directory", failing)
    with pytest.raises(Unavailable, match="EIO"):
        shelf.write("a")
    monkeypatch.undo()
    shelf.write("a")

    assert shelf.files() == ["2026/11/events-2026-11-23.jsonl"]
    assert shelf.ids() == ["a"]


def test_a_file_system_without_directory_sync_will_do(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EINVAL means that it has no such operation; every other error counts."""

    def failing(fd: int) -> None:
        raise error(errno.EINVAL)

    monkeypatch.setattr(os, "fsync", failing)

    shelf.write("a")

    assert shelf.ids() == ["a"]


def test_a_file_that_was_moved_away_is_not_written_any_more(shelf: Shelf) -> None:
    """What is appended to a deleted file is lost with it: a new file is begun."""
    shelf.write("a")
    shelf.path().rename(shelf.path("moved.jsonl"))
    shelf.write("b")
    shelf.path().unlink()
    shelf.write("c")

    assert shelf.ids("moved.jsonl") == ["a"]
    assert shelf.ids() == ["c"]


def test_the_disk_below_a_missing_mount_is_not_written(shelf: Shelf) -> None:
    """A directory that was there and is missing is not created again."""
    shelf.write("a")
    shelf.root.rename(shelf.root.parent / "unmounted")

    with pytest.raises(Unavailable, match="No such file or directory"):
        shelf.write("b")
    assert not shelf.root.exists()
    (shelf.root.parent / "unmounted").rename(shelf.root)
    shelf.write("b")

    assert shelf.ids() == ["a", "b"]


def test_a_file_system_where_nothing_can_be_found_again_is_an_error(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no file can be locked, it fails instead of making empty files without end."""
    monkeypatch.setattr(archive_store, "_MAX_HELD", 5)
    monkeypatch.setattr(archive_file, "_is_at", lambda fd, path: False)

    with pytest.raises(Unavailable, match="EBUSY"):
        shelf.write("a")

    assert len(shelf.files()) == 5


def test_an_error_without_a_number_is_reported(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No text of the exception is used: only the system's words are known to be harmless."""

    def failing(fd: int) -> None:
        raise OSError("a secret")

    monkeypatch.setattr(archive_file, "_sync", failing)

    with pytest.raises(Unavailable) as caught:
        shelf.write("a")

    assert "secret" not in caught.value.reason

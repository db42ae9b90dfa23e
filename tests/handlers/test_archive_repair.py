"""A crash in the middle of a write: nothing before it is lost, and nothing is merged with it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.handlers.conftest import Shelf


def torn_at(shelf: Shelf, end: int, whole: bytes) -> None:
    """Put the file back as a crash left it that wrote `end` bytes."""
    for path in shelf.root.rglob("*.torn"):
        path.unlink()
    shelf.path().write_bytes(whole[:end])


def test_a_crash_at_any_byte_of_the_last_line_is_repaired(shelf: Shelf) -> None:
    """Every earlier line stays, every line parses, and the fragment is kept in another file."""
    shelf.write("a", "b", "torn")
    shelf.archive.close()
    whole = shelf.path().read_bytes()
    start = whole[:-1].rfind(b"\n") + 1

    for end in range(start, len(whole) + 1):
        torn_at(shelf, end, whole)
        shelf.restart()
        shelf.write("next")
        shelf.archive.close()

        complete = end >= len(whole) - 1
        assert shelf.ids() == ["a", "b", *(["torn"] if complete else []), "next"], end
        kept = b"".join(p.read_bytes() for p in shelf.root.rglob("*.torn"))
        expected = b"" if complete or end == start else whole[start:end] + b"\n"
        assert kept == expected, end


def test_a_repair_is_logged_without_the_content(shelf: Shelf) -> None:
    """The file and the number of bytes; not what they say."""
    shelf.write("a", "b")
    shelf.archive.close()
    whole = shelf.path().read_bytes()
    start = whole[:-1].rfind(b"\n") + 1
    logs = []

    for end in (start + 7, len(whole) - 1, len(whole)):
        torn_at(shelf, end, whole)
        shelf.restart()
        with capture_logs() as logged:
            shelf.write("c")
        shelf.archive.close()
        logs.append(logged)

    line = {"event": "archive_repaired", "log_level": "warning", "file": shelf.path().name}
    assert logs == [
        [{**line, "bytes": 7, "set_apart": True}],
        [{**line, "bytes": len(whole) - 1 - start, "set_apart": False}],
        [],
    ]


@pytest.mark.parametrize(
    "rest", [b"\0" * 5000, b"\xff\xfe", b"[1]", b"12", b'"text"', b"null", b"{" * 5000, b"}"]
)
def test_a_fragment_is_set_apart(shelf: Shelf, rest: bytes) -> None:
    """Such as the zeros that a file system leaves after a power cut."""
    shelf.write("a")
    shelf.archive.close()
    with shelf.path().open("ab") as file:
        file.write(rest)

    shelf.restart()
    shelf.write("b")

    assert shelf.ids() == ["a", "b"]
    assert shelf.path("events-2026-11-23.torn").read_bytes() == rest + b"\n"


def test_a_file_that_is_one_torn_line_is_emptied(shelf: Shelf) -> None:
    """Also if the line is longer than what is read at a time."""
    shelf.write("a")
    shelf.archive.close()
    rest = b'{"payload":"' + b"x" * 200_000
    shelf.path().write_bytes(rest)

    shelf.restart()
    shelf.write("b")

    assert shelf.ids() == ["b"]
    assert shelf.path("events-2026-11-23.torn").read_bytes() == rest + b"\n"


def test_fragments_of_one_file_are_collected(shelf: Shelf) -> None:
    """A second crash does not overwrite what the first one left; only the owner can read it."""
    for message_id, rest in (("a", b'{"one'), ("b", b'{"two')):
        shelf.write(message_id)
        shelf.archive.close()
        with shelf.path().open("ab") as file:
            file.write(rest)
        shelf.restart()
    shelf.write("c")

    torn = shelf.path("events-2026-11-23.torn")
    assert torn.read_bytes() == b'{"one\n{"two\n'
    assert torn.stat().st_mode & 0o777 == 0o600
    assert shelf.ids() == ["a", "b", "c"]


def test_files_of_earlier_days_are_repaired_too(shelf: Shelf) -> None:
    """After a crash before midnight, yesterday's file and a rotated one are repaired."""
    size = 1
    shelf.max_file_bytes = size
    shelf.restart()
    shelf.write("a")
    shelf.write("b")
    shelf.archive.close()
    names = ["events-2026-11-23.jsonl", "events-2026-11-23.1.jsonl"]
    for name in names:
        with shelf.path(name).open("ab") as file:
            file.write(b'{"torn')
    shelf.clock.advance(9 * 86400)

    shelf.restart()
    shelf.write("c")

    assert [shelf.ids(name) for name in names] == [["a"], ["b"]]
    assert shelf.ids("../12/events-2026-12-02.jsonl") == ["c"]


def test_a_crash_at_the_turn_of_the_month_is_repaired_after_it(shelf: Shelf) -> None:
    """The torn file is in the month before, also where another process has begun the new one."""
    shelf.write("a")
    with shelf.path().open("ab") as file:
        file.write(b'{"torn')
    other = shelf.another()
    shelf.clock.advance(8 * 86400)
    shelf.write("b", archive=other)

    shelf.restart()
    shelf.write("c")

    assert ["a"] == shelf.ids()
    assert ["c"] == shelf.ids("../12/events-2026-12-01.1.jsonl")


def test_what_was_written_before_the_turn_of_the_month_is_not_written_again(shelf: Shelf) -> None:
    """Killed just before midnight, started just after it, while another process went on."""
    shelf.write("a")
    other = shelf.another()
    shelf.clock.advance(8 * 86400)
    shelf.write("b", archive=other)

    shelf.restart()
    shelf.write("a", "c")

    assert ["c"] == shelf.ids("../12/events-2026-12-01.1.jsonl")


def test_a_file_that_another_process_writes_is_left_alone(shelf: Shelf) -> None:
    """A line that looks torn there is just being written."""
    shelf.write("a")
    with shelf.path().open("ab") as file:
        file.write(b'{"half')

    shelf.write("b", archive=shelf.another())

    assert shelf.path().read_bytes().endswith(b'{"half')
    assert shelf.ids("events-2026-11-23.1.jsonl") == ["b"]


def test_an_old_file_that_cannot_be_repaired_does_not_stop_the_archive(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged and left as it is, and new events are archived."""
    shelf.write("a")
    shelf.archive.close()
    with shelf.path().open("ab") as file:
        file.write(b'{"torn')
    shelf.clock.advance(86400)
    real_open = os.open

    def refusing(path: Path, flags: int, mode: int = 0o777) -> int:
        if str(path).endswith("23.jsonl"):
            raise PermissionError(13, "secret text")
        return real_open(path, flags, mode)

    shelf.restart()
    monkeypatch.setattr(os, "open", refusing)
    with capture_logs() as logs:
        shelf.write("b")

    assert logs == [
        {
            "event": "archive_repair_failed",
            "log_level": "warning",
            "file": "events-2026-11-23.jsonl",
            "error": "Permission denied",
        }
    ]
    assert shelf.ids("events-2026-11-24.jsonl") == ["b"]


def test_other_files_in_the_directory_are_not_touched(shelf: Shelf) -> None:
    """Only files of the archive are repaired."""
    month = shelf.path().parent
    month.mkdir(parents=True)
    names = ("notes.txt", "other.jsonl", "events-mine.jsonl", "events-2026-11-23.copy.jsonl")
    for name in (*names, "events-2026-10-31.jsonl"):
        (month / name).write_bytes(b"no newline")

    shelf.write("a")

    for name in (*names, "events-2026-10-31.jsonl"):
        assert (month / name).read_bytes() == b"no newline", name


def test_a_link_is_not_followed(shelf: Shelf, tmp_path: Path) -> None:
    """A link in place of the file would let events be written anywhere: the archive refuses."""
    victim = tmp_path / "victim"
    victim.write_bytes(json.dumps({"a": 1}).encode())
    month = shelf.path().parent
    month.mkdir(parents=True)
    shelf.path().symlink_to(victim)

    with pytest.raises(Exception, match="ELOOP"):
        shelf.write("a")

    assert victim.read_bytes() == b'{"a": 1}'

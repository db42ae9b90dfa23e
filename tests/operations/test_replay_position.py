"""A replay that ended early is continued: nothing is left out, and little is repeated."""

from __future__ import annotations

import gzip
import json
import threading
from typing import TYPE_CHECKING

import pytest

from consumer import Registry
from consumer.errors import ConfigurationError
from consumer.operations.replay import run, source
from consumer.operations.replay.choice import Choice
from consumer.operations.replay.position import began_at
from tests.cases import for_each
from tests.operations.replays import BEGAN, Replays, archive, archived

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from consumer import Context, Event


def noting(numbers: list[int]) -> Registry:
    registry = Registry()

    def note(event: Event) -> None:
        numbers.append(int(event.body["submission_id"]))

    registry.add(note, "*", name="note")
    return registry


def test_a_second_run_has_nothing_to_do(replay: Replays, tmp_path: Path) -> None:
    """Everything before the position is done; files that were compressed meanwhile, too."""
    file = archive(tmp_path / "a/events.jsonl", range(20))
    numbers: list[int] = []
    position = tmp_path / "position.json"
    replay(noting(numbers), file.parent, position=position)
    packed = file.with_suffix(".jsonl.gz")
    packed.write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()

    again = replay(noting(numbers), file.parent, position=position)

    assert sorted(numbers) == list(range(20))
    assert replay.ticks[-1].bytes_done <= (replay.ticks[-1].bytes_total or 0)
    assert (0, 0) == (again.seen, again.exit_code)


def test_what_was_added_to_a_file_is_replayed(replay: Replays, tmp_path: Path) -> None:
    """Also in a compressed file, and in one that is new in the directory."""
    numbers: list[int] = []
    position = tmp_path / "position.json"
    plain, packed = tmp_path / "a/1.jsonl", tmp_path / "a/2.jsonl.gz"
    archive(plain, range(3))
    packed.write_bytes(gzip.compress("".join(map(archived, range(3, 6))).encode()))
    replay(noting(numbers), plain.parent, position=position)
    plain.write_text("".join(map(archived, [0, 1, 2, 6])))
    packed.write_bytes(gzip.compress("".join(map(archived, [3, 4, 5, 7])).encode()))
    archive(tmp_path / "a/3.jsonl", range(8, 10))
    numbers.clear()

    replay(noting(numbers), plain.parent, position=position)

    assert sorted(numbers) == [6, 7, 8, 9]


def test_a_file_without_a_whole_line_is_read_anew(replay: Replays, tmp_path: Path) -> None:
    """Its first line was not complete when the position was written."""
    file, position = tmp_path / "events.jsonl", tmp_path / "position.json"
    file.write_text(archived(0)[:50])
    numbers: list[int] = []
    replay(noting(numbers), file, position=position)
    file.write_text(archived(0))

    replay(noting(numbers), file, position=position)

    assert numbers == [0]


def _shorter(file: Path) -> None:
    file.write_text(archived(0))


def _other(file: Path) -> None:
    file.write_text("".join(map(archived, range(50, 60))))


@for_each("change, fault", [(_shorter, "of them were done"), (_other, "has another first line")])
def test_another_file_is_refused(
    change: Callable[[Path], None], fault: str, tmp_path: Path, replay: Replays
) -> None:
    """Its events would be taken for those that are done."""
    file = archive(tmp_path / "events.jsonl", range(10))
    position = tmp_path / "position.json"
    position.unlink(missing_ok=True)
    replay(noting([]), file, position=position)
    change(file)

    with pytest.raises(ConfigurationError, match=fault):
        replay(noting([]), file, position=position)


def test_another_replay_is_refused(replay: Replays, tmp_path: Path) -> None:
    """Events that were skipped, or that another handler got, would count as done."""
    file = archive(tmp_path / "events.jsonl", range(10))
    position = tmp_path / "position.json"
    replay(noting([]), file, position=position)

    with pytest.raises(ConfigurationError, match="to a replay with other filters"):
        replay(noting([]), file, position=position, choice=Choice(names=("quiz_*",)))


@for_each("text", ["", "{", "[]", "{}", '{"version": 2, "what": {}, "files": {}}', '"x"'])
def test_a_file_that_is_not_a_position_is_refused(
    text: str, tmp_path: Path, replay: Replays
) -> None:
    """It is not overwritten."""
    file = archive(tmp_path / "events.jsonl", range(2))
    position = tmp_path / "position.json"
    position.write_text(text)

    with pytest.raises(ConfigurationError, match="is not a position file"):
        replay(noting([]), file, position=position)

    assert position.read_text() == text
    assert began_at(position) is None


def test_times_ago_count_from_the_first_run(replay: Replays, tmp_path: Path) -> None:
    """The position has when it began. It has no options of handlers: there may be passwords."""
    position = tmp_path / "position.json"
    replay(noting([]), archive(tmp_path / "events.jsonl", range(2)), position=position)

    assert began_at(position) == BEGAN
    assert began_at(tmp_path / "none") is None
    assert "options" not in json.dumps(json.loads(position.read_text()))


def test_a_position_that_cannot_be_written_any_more_ends_it_well(
    replay: Replays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs finishes; the reason is in the summary, with exit code 74."""
    monkeypatch.setattr(run, "SAVE_SECONDS", 0)
    file = archive(tmp_path / "events.jsonl", range(1_000))
    folder = tmp_path / "positions"
    folder.mkdir()
    registry, begun, ended = Registry(), [], []

    def note(_event: Event, context: Context) -> None:
        begun.append(1)
        if folder.exists() and len(begun) > 5:
            folder.rename(tmp_path / "moved")
        while len(begun) > 5 and not context.should_stop():
            threading.Event().wait(0.01)
        ended.append(1)

    registry.add(note, "*", name="note", concurrency=1)

    summary = replay(registry, file, position=folder / "position.json")

    assert "the position could not be written to" in summary.stopped
    assert (74, len(begun)) == (summary.exit_code, len(ended))
    assert summary.handled == len(ended) < 1_000


def test_a_bug_while_reading_ends_it(
    replay: Replays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a bug: it does not wait for messages that never come."""

    def broken(_text: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(source, "messages_in", broken)

    with pytest.raises(ZeroDivisionError):
        replay(noting([]), archive(tmp_path / "events.jsonl", range(3)))


def test_a_position_that_cannot_be_written_is_reported_before_anything_runs(
    replay: Replays, tmp_path: Path
) -> None:
    """With its path."""
    numbers: list[int] = []
    file = archive(tmp_path / "events.jsonl", range(2))

    with pytest.raises(Exception, match=r"could not be written to .*No such file"):
        replay(noting(numbers), file, position=tmp_path / "none/position.json")

    assert numbers == []

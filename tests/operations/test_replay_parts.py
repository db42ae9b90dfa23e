"""The parts of a replay: which events are chosen, the order of files, the queue of files."""

from __future__ import annotations

import gzip
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest

from consumer.clock import SystemClock
from consumer.errors import ConfigurationError
from consumer.events.decode import decode
from consumer.operations.decoding import Decoding
from consumer.operations.message_files import files_in, first_line_of, pieces_of
from consumer.operations.payloads import messages_in
from consumer.operations.replay.choice import Choice, moment, names_in
from consumer.operations.replay.queue import FileQueue
from consumer.operations.replay.source import Source, inputs_of
from consumer.testing import ManualClock, canvas_body, make_message
from tests.cases import for_each
from tests.operations.replays import BEGAN, archive, archived

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2024, 5, 2, 12, 0, tzinfo=UTC)


@for_each(
    "text, expected",
    [
        ("2024-05-01", datetime(2024, 5, 1, tzinfo=UTC)),
        ("2024-05-01T10:00", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("2024-05-01T10:00:00Z", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        (" 2024-05-01 10:00-06:00", datetime(2024, 5, 1, 16, tzinfo=UTC)),
        ("90s", NOW - timedelta(seconds=90)),
        ("30m", NOW - timedelta(minutes=30)),
        ("2h", NOW - timedelta(hours=2)),
        ("1d", NOW - timedelta(days=1)),
        ("1w", NOW - timedelta(weeks=1)),
        (None, None),
    ],
)
def test_times_are_read(text: str | None, expected: datetime | None) -> None:
    """ISO 8601, in UTC unless it says otherwise; or so long ago."""
    assert expected == moment("--since", text, NOW)


@for_each("text", ["", "yesterday", "2h ago", "-2h", "999999999w", "2024-13-01", "1714557600"])
def test_what_is_not_a_time_is_refused(text: str) -> None:
    """With the option, and with what would be right."""
    with pytest.raises(ConfigurationError, match=r'--until ".*" is not a time: write 2024-05-01'):
        moment("--until", text, NOW)


@for_each(
    "choice, expected",
    [
        (Choice(), True),
        (Choice(names=("grade_*", "submission_*")), True),
        (Choice(names=("grade_*",)), False),
        (Choice(since=BEGAN), True),
        (Choice(since=BEGAN + timedelta(seconds=1)), False),
        (Choice(until=BEGAN), False),
        (Choice(until=BEGAN + timedelta(seconds=1)), True),
        (Choice(keys=frozenset(["key"])), True),
        (Choice(keys=frozenset(["other"])), False),
        (Choice(names=("submission_*",), until=BEGAN), False),
    ],
)
def test_an_event_is_chosen_by_name_time_and_key(choice: Choice, expected: bool) -> None:
    """By all conditions together; from the archive's line as from the event."""
    line = json.loads(archived(0)) | {"event_key": "key"}
    (message,) = messages_in(json.dumps(line, separators=(",", ":")) + "\n")
    (event,) = decode(message)

    assert event.key == "key"
    assert (expected, expected) == (choice.takes_archived(message), choice.takes(event))


def test_an_event_without_a_time_counts_as_of_when_it_was_archived() -> None:
    """The archive has that time."""
    line = json.loads(archived(0)) | {"event_time": None, "received_at": "2024-05-07T00:00:00Z"}
    (message,) = messages_in(json.dumps(line))
    received = datetime(2024, 5, 7, tzinfo=UTC)

    assert Choice(since=received).takes_archived(message)
    assert not Choice(until=received).takes_archived(message)
    assert Choice(since=received).takes_archived(make_message()) is None


def test_patterns_are_separated_by_commas() -> None:
    """And the option can be repeated."""
    assert names_in(["grade_change, quiz_*", "logged_in"]) == (
        "grade_change",
        "quiz_*",
        "logged_in",
    )


def test_files_are_in_the_order_of_time(tmp_path: Path) -> None:
    """Those of a day by their number; other files of the archive are no input."""
    names = [
        "2023/12/events-2023-12-31.jsonl.gz",
        "2024/05/events-2024-05-01.jsonl",
        "2024/05/events-2024-05-01.1.jsonl.gz",
        "2024/05/events-2024-05-01.2.jsonl",
        "2024/05/events-2024-05-01.10.jsonl",
        "2024/05/events-2024-05-02.jsonl",
    ]
    for name in [*reversed(names), "2024/05/events-2024-05-01.torn", "notes.json.txt"]:
        archive(tmp_path / name, range(1))

    assert names == [str(path.relative_to(tmp_path)) for path in files_in(tmp_path)]


def test_an_archive_may_be_a_mount(tmp_path: Path) -> None:
    """What a file system has set apart is no part of it; only root may read that."""
    file = archive(tmp_path / "events.jsonl", range(1))
    archive(tmp_path / "lost+found" / "events.jsonl", range(1))

    assert [file] == files_in(tmp_path)


def test_each_file_is_read_once(tmp_path: Path) -> None:
    """Although it is given twice, by its name and with its directory."""
    file = archive(tmp_path / "events.jsonl", range(1))

    assert [str(file)] == [found.name for found in inputs_of([str(file), str(tmp_path)])]


@for_each(
    "name, fault",
    [("none", "No such file"), ("empty", "no .jsonl or .json file"), ("\0", "not a file name")],
)
def test_what_cannot_be_read_is_refused(name: str, fault: str, tmp_path: Path) -> None:
    """Before anything is handled."""
    (tmp_path / "empty").mkdir(exist_ok=True)

    with pytest.raises(ConfigurationError, match=fault):
        inputs_of([str(tmp_path / name)])


def test_files_of_the_replay_itself_are_not_read(tmp_path: Path) -> None:
    """The position and the failures may be in the directory that is replayed."""
    events = archive(tmp_path / "events.jsonl", range(1))
    own = archive(tmp_path / "done.json", range(1))

    assert [str(events)] == [file.name for file in inputs_of([str(tmp_path)], without=[own, None])]


def test_what_a_relay_wrapped_is_found_by_what_is_inside(tmp_path: Path) -> None:
    """With the same option as the queue's."""
    inside = json.dumps(json.loads(archived(0))["payload"])
    wrapped = json.dumps({"Type": "Notification", "TopicArn": "arn:x", "Message": inside})
    file = tmp_path / "payload.json"
    file.write_text(wrapped)

    for names, expected in (("quiz_*", [1]), ("submission_*", [wrapped])):
        source = _source(file, choice=Choice(names=(names,)), unwrap=("sns",))
        found = [item if isinstance(item, int) else item.message.body for item in source]
        assert found == expected


def _source(
    *files: Path, choice: Choice | None = None, unwrap: tuple[Literal["sns"], ...] = ()
) -> Source:
    def note(*fault: Any) -> None:
        pytest.fail(str(fault))

    return Source(
        inputs_of([str(file) for file in files]), choice or Choice(),
        decoding=Decoding(unwrap=unwrap), begins={}, fault=note, note=note,
    )  # fmt: skip


def test_of_several_events_in_a_message_only_the_chosen_are_found(tmp_path: Path) -> None:
    """Each alone, with its name and key."""
    envelope = json.loads(json.loads(archived(0, format="caliper")) and json.dumps(
        json.loads(archived(0, format="caliper"))["payload"]
    ))  # fmt: skip
    (event,) = envelope["data"]
    created = {**event, "id": "urn:uuid:1", "action": "Created", "eventTime": BEGAN.isoformat()}
    later = {**created, "id": "urn:uuid:2", "eventTime": (BEGAN + timedelta(hours=1)).isoformat()}
    kinds = {"type": "Event", "object": {"id": "urn:x", "type": "Entity"}}
    envelope["data"] = [created | kinds, later | kinds]
    file = tmp_path / "payload.json"
    file.write_text(json.dumps(envelope))

    items = list(_source(file, choice=Choice(since=BEGAN + timedelta(minutes=1))))

    (found,) = [item for item in items if not isinstance(item, int)]
    (only,) = decode(found.message)
    assert (only.key, only.count) == ("urn:uuid:2", 1)


def test_payloads_without_a_message_id_are_named_by_their_place(tmp_path: Path) -> None:
    """So that logs and failures say where they come from."""
    lines = [json.dumps(json.loads(archived(n))["payload"]) for n in range(2)]
    file = tmp_path / "payloads.jsonl"
    file.write_text("\n".join(lines) + f"\n[{lines[0]},{lines[1]}]")

    found = [item.message for item in _source(file) if not isinstance(item, int)]

    assert [message.message_id for message in found] == [
        "payloads.jsonl:1", "payloads.jsonl:2", "payloads.jsonl:2:2", "payloads.jsonl:2:3",
    ]  # fmt: skip


def _queue(*files: Path, clock: ManualClock | None = None) -> FileQueue:
    queue = FileQueue(_source(*files), clock=clock or SystemClock())
    threading.Thread(target=queue.read, daemon=True).start()
    return queue


def _receive(queue: FileQueue, most: int = 10) -> list[Any]:
    return queue.receive(max_messages=most, wait_seconds=20, visibility_timeout_seconds=None)


def test_the_queue_of_files_gives_each_message_until_it_is_deleted(tmp_path: Path) -> None:
    """After its delay, with the next receive count; an old receipt handle is refused."""
    queue = _queue(archive(tmp_path / "events.jsonl", range(2)))
    first, second = [*_receive(queue, 1), *_receive(queue, 1)]
    assert queue.delete([first.receipt_handle]) == [None]
    assert queue.change_visibility([(second.receipt_handle, 0)]) == [None]
    (again,) = _receive(queue)

    assert (second.message_id, 2) == (again.message_id, again.receive_count)
    (refused,) = queue.delete([second.receipt_handle])
    assert refused is not None
    assert refused.gone
    assert not queue.is_done
    assert queue.delete([again.receipt_handle]) == [None]
    assert ([], True) == (_receive(queue), queue.is_done)


def test_done_is_what_has_nothing_open_before_it(tmp_path: Path) -> None:
    """The first message that is not done is where a later run begins."""
    file = archive(tmp_path / "events.jsonl", range(3))
    queue = _queue(file)
    one, two, three = [message for _ in range(3) for message in _receive(queue, 1)]
    lengths = [len(line) + 1 for line in file.read_text().splitlines()]

    queue.delete([three.receipt_handle])
    assert (0, 1) == queue.done()[str(file)]
    queue.delete([one.receipt_handle])
    assert (lengths[0], 2) == queue.done()[str(file)]
    queue.delete([two.receipt_handle])
    assert _receive(queue) == []
    assert (sum(lengths), 4) == queue.done()[str(file)]


def test_a_file_that_was_compressed_since_the_directory_was_listed(tmp_path: Path) -> None:
    """The daemon has done it: its events are read from the compressed file, from where it was."""
    file = tmp_path / "events-2024-05-01.jsonl"
    lines = "".join(f"{canvas_body(number=number)}\n" for number in range(3))
    faults: list[str] = []
    file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(lines.encode()))

    pieces = list(pieces_of(str(file), faults.append, limit=len(lines)))

    assert lines == "".join(piece.text for piece in pieces)
    rest = pieces_of(str(file), faults.append, begin=pieces[0].end)
    assert pieces[1:] == list(rest)
    assert [] == faults
    assert first_line_of(str(file)) == lines.splitlines(keepends=True)[0].encode()

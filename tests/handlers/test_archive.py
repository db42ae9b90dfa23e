"""The archive: what stands in it, and where."""

from __future__ import annotations

import json
import os
import stat
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from consumer.errors import BatchFailure, ConfigurationError, Retry
from consumer.events.decode import decode
from consumer.handlers import archive_file
from consumer.handlers.archive import Archive, factory
from consumer.handlers.archive_lines import line_of
from consumer.handlers.archive_store import ArchiveStore
from consumer.handlers.loader import HandlerEnvironment
from consumer.messages import Context, Event
from consumer.testing import ManualClock, canvas_body, make_event, make_message

if TYPE_CHECKING:
    from conftest import Shelf

CONTEXT = Context(handler="archive", message_ids=("m-1",))
RECEIVED = "2026-11-23T10:00:00Z"


def parsed(event: Event, *, scrub_secrets: bool = True) -> dict[str, Any]:
    line = line_of(event, RECEIVED, scrub_secrets=scrub_secrets)
    assert line.count("\n") == 1
    assert line.endswith("\n")
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_holds_the_event_and_its_payload() -> None:
    """Everything by which it is found again, and the payload as it was received."""
    event = make_event(message_id="m-1")

    line = line_of(event, RECEIVED, scrub_secrets=True)

    assert json.loads(line) == {
        "received_at": RECEIVED,
        "message_id": "m-1",
        "event_key": event.key,
        "event_name": "submission_created",
        "event_time": "2024-03-01T12:00:00Z",
        "format": "canvas",
        "payload": json.loads(event.raw),
    }
    assert f'"payload":{event.raw}}}\n' in line  # to the letter, not written anew


def test_an_event_without_a_time_has_null() -> None:
    """None is null, and not a text."""
    assert parsed(make_event(time=None))["event_time"] is None


@pytest.mark.parametrize("text", ['"', "\\", "a\nb", "\r", "\x00", "\ud800", "\u2028", "ü", "}\n{"])
def test_ids_and_names_can_hold_anything(text: str) -> None:
    """They come from outside; none ends the line or breaks the object."""
    event = replace(make_event(), message_id=text, name=text, _key=text)

    line = parsed(event)

    assert (line["message_id"], line["event_name"], line["event_key"]) == (text, text, text)


@pytest.mark.parametrize("scrub_secrets", [True, False])
@pytest.mark.parametrize(
    ("inside", "value"),
    [
        ('"a\u2028b\u2029c\x85d"', "a\u2028b\u2029c\x85d"),
        ('"a\nb\tc\x00d"', "a\nb\tc\x00d"),
        ('"\ud800"', "\ud800"),
        ('"\\ud800 \\u0000"', "\ud800 \x00"),
        ("\n [1,\r\n 2]\t", [1, 2]),
        ("NaN", "NaN"),
        ('"ü 漢 😀"', "ü 漢 😀"),
        ("12345678901234567890123", 12345678901234567890123),
        ("1.10", 1.1),
    ],
)
def test_whatever_the_decoder_takes_is_one_line_of_json(
    inside: str, value: object, scrub_secrets: bool, shelf: Shelf
) -> None:
    """Line breaks, half characters and what is not strictly JSON do not break the file."""
    body = '{"metadata":{"event_name":"a","event_time":"2026-11-23T10:00:00Z"},"body":{"x":%s}}'
    (event,) = decode(make_message(body % inside))

    shelf.another(scrub_secrets=scrub_secrets).write([event, make_event()], CONTEXT)

    first, second = shelf.lines()
    assert first["payload"]["body"]["x"] == value
    assert second["event_name"] == "submission_created"


@pytest.mark.parametrize("digits", [5_000])
def test_a_number_that_python_cannot_write_is_kept(digits: int) -> None:
    """A payload that can be read but not written anew is embedded as its text."""
    body = '{"metadata":{"event_name":"a"},"body":{"x":"\n","n":%s}}' % ("9" * digits)
    (event,) = decode(make_message(body))

    for scrub_secrets in (True, False):
        line = line_of(event, RECEIVED, scrub_secrets=scrub_secrets)
        assert line.count("\n") == 1
        assert "9" * digits in line
        json.loads(line)


def _url_event() -> Event:
    return make_event(url="https://canvas.example.edu/courses/1?access_token=2107~secret&page=2")


def test_secrets_are_scrubbed() -> None:
    """A token in a URL is not written; the rest of the URL is."""
    line = line_of(_url_event(), RECEIVED, scrub_secrets=True)

    assert "2107~secret" not in line
    assert "access_token=[scrubbed]&page=2" in line


def test_scrubbing_can_be_left_out() -> None:
    """With scrub_secrets off the payload is exactly what was received."""
    event = _url_event()

    assert parsed(event, scrub_secrets=False)["payload"] == json.loads(event.raw)


def _envelope() -> str:
    event = {"type": "Event", "action": "Created", "object": {"id": "urn:x:1", "type": "Entity"}}
    data = [
        {**event, "id": f"urn:uuid:0000-{i}", "eventTime": "2026-11-23T10:00:00.000Z"}
        for i in range(2)
    ]
    return json.dumps({
        "sensor": "http://canvas.example.edu/", "sendTime": "2026-11-23T10:00:01.000Z",
        "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1", "data": data,
    })  # fmt: skip


def test_each_event_of_an_envelope_has_a_line_with_itself_alone(shelf: Shelf) -> None:
    """No event stands in the archive twice because it shared an envelope."""
    body = _envelope()
    events = decode(make_message(body))
    whole = json.loads(body)

    shelf.write_events(*events)

    assert [line["payload"] for line in shelf.lines()] == [
        {**whole, "data": [whole["data"][0]]},
        {**whole, "data": [whole["data"][1]]},
    ]
    assert [line["event_key"] for line in shelf.lines()] == ["urn:uuid:0000-0", "urn:uuid:0000-1"]


def test_an_envelope_that_cannot_be_written_anew_is_kept_whole() -> None:
    """Better all of it in each line than a part lost."""
    first, _ = decode(make_message(_envelope().replace('"urn:x:1"', "1e999")))

    line = line_of(first, RECEIVED, scrub_secrets=False)

    assert line.count("1e999") == 2


def test_a_file_for_each_day_by_the_time_of_writing(shelf: Shelf) -> None:
    """The day is UTC, and that of the write, whenever the event happened."""
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
    assert [json.loads(line)["message_id"] for line in
            (shelf.root / "2026/12/events-2026-12-02.jsonl").read_text().splitlines()] == ["d"]  # fmt: skip


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


def test_a_batch_larger_than_a_file_has_one_of_its_own(shelf: Shelf) -> None:
    """A size that nothing fits into must not keep events out."""
    shelf.max_file_bytes = 1
    shelf.restart()

    shelf.write("a", "b")
    shelf.write("c")

    assert shelf.ids() == ["a", "b"]
    assert shelf.ids("events-2026-11-23.1.jsonl") == ["c"]


def test_nobody_else_can_read_it(shelf: Shelf) -> None:
    """It holds data of students: 0600 and 0700, whatever the umask would allow."""
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
    shelf.write("open")  # so that only the batch is seen
    monkeypatch.setattr(os, "write", lambda fd, data: calls.append("write") or write(fd, data))
    monkeypatch.setattr(archive_file, "_sync", lambda fd: calls.append("sync") or sync(fd))

    shelf.write(*(f"m-{i}" for i in range(100)))

    assert calls == ["write", "sync"]
    assert len(shelf.ids()) == 101


def test_a_new_file_s_name_is_synced_too(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut a file without a name is a lost file: its directories are synced, once."""
    synced: list[str] = []
    fsync = os.fsync

    def noting(fd: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{fd}"))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", noting)
    shelf.write("a")
    shelf.write("b")

    root = str(shelf.root)
    assert synced == [str(shelf.root.parent), root, f"{root}/2026", f"{root}/2026/11"]


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


def environment(directory: Path) -> HandlerEnvironment:
    return HandlerEnvironment(directory, ManualClock(datetime(2026, 11, 23, tzinfo=UTC)))


def test_by_default_it_is_in_the_state_directory(tmp_path: Path) -> None:
    """Made with the first event and not before; the state directory, too."""
    state = tmp_path / "state"
    (handler,) = factory("archive", {}, environment(state)).handlers
    assert not state.exists()

    assert handler.call_batch is not None
    handler.call_batch([make_event()], CONTEXT)
    assert handler.close is not None
    handler.close()

    assert (state / "archive/2026/11/events-2026-11-23.jsonl").exists()
    assert (handler.name, handler.patterns, handler.batch) == ("archive", ("*",), 100)


def test_options_are_used(tmp_path: Path) -> None:
    """Directory, size and scrubbing."""
    options = {"directory": str(tmp_path / "a"), "max_file_bytes": 1, "scrub_secrets": False}
    (handler,) = factory("archive", options, environment(tmp_path)).handlers

    assert handler.call_batch is not None
    for _ in range(2):
        handler.call_batch([_url_event()], CONTEXT)

    first, second = sorted((tmp_path / "a").rglob("*.jsonl"))
    assert "2107~secret" in first.read_text()
    assert "2107~secret" in second.read_text()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"directory": 5}, "directory must be a text"),
        ({"directory": " "}, "directory must be a text"),
        ({"max_file_bytes": 0}, "max_file_bytes must be a whole number from 1"),
        ({"max_file_bytes": True}, "max_file_bytes"),
        ({"scrub_secrets": "yes"}, "scrub_secrets must be true or false"),
        ({"directry": "x"}, 'has no option "directry": did you mean "directory"'),
        ({"zzz": 1}, "it has directory, max_file_bytes, scrub_secrets"),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    """With the handler's name, the key and what would be right."""
    with pytest.raises(ConfigurationError, match=f'handler "a".*{sentence}'):
        factory("a", options, environment(tmp_path))


def test_a_missing_parent_is_told_at_start_and_never_made(tmp_path: Path) -> None:
    """It may be a mount that is not there: writing beside it would fill the wrong disk."""
    directory = tmp_path / "mount" / "archive"

    with capture_logs() as logs:
        (handler,) = factory("a", {"directory": str(directory)}, environment(tmp_path)).handlers
    assert handler.call_batch is not None
    with pytest.raises(Retry, match="No such file or directory"):
        handler.call_batch([make_event()], CONTEXT)

    assert [(line["event"], line["log_level"]) for line in logs] == [("config_warning", "warning")]
    assert not directory.parent.exists()
    directory.parent.mkdir()
    handler.call_batch([make_event()], CONTEXT)
    assert len(list(directory.rglob("*.jsonl"))) == 1


def test_what_is_received_is_what_is_archived(tmp_path: Path) -> None:
    """From the body of a message to the line, with nothing lost on the way."""
    body = canvas_body("grade_change", body={"grade": "A", "unknown": {"deep": [None, 1.5]}})
    clock = ManualClock(datetime(2026, 11, 23, tzinfo=UTC))
    archive = Archive(ArchiveStore(tmp_path / "a", max_file_bytes=1000), clock=clock)

    archive.write(decode(make_message(body)), CONTEXT)
    archive.close()

    (path,) = (tmp_path / "a").rglob("*.jsonl")
    assert json.loads(path.read_text())["payload"] == json.loads(body)

"""The archive as it is configured."""

from __future__ import annotations

import json
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from consumer.errors import ConfigurationError, Unavailable
from consumer.events.decode import decode
from consumer.handlers.archive import factory, upkeep
from consumer.handlers.archive.store import Archive
from consumer.handlers.loading.factories import HandlerEnvironment
from consumer.messages import Context
from consumer.testing import ManualClock, canvas_body, make_event, make_message
from tests.processes import eventually

CONTEXT = Context(handler="archive", message_ids=("m-1",))
RECEIVED = "2026-11-23T10:00:00Z"


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

    event = make_event(url="https://canvas.example.edu/courses/1?access_token=2107~secret&page=2")

    assert handler.call_batch is not None
    for _ in range(2):
        handler.call_batch([event], CONTEXT)

    first, second = sorted((tmp_path / "a").rglob("*.jsonl"))
    assert "2107~secret" in first.read_text()
    assert "2107~secret" in second.read_text()


def test_files_are_compressed_and_deleted_as_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a thread that ends with the handler; by default there is none, and no file is touched."""
    monkeypatch.setattr(upkeep, "_DELAY_SECONDS", 0.0)
    old = tmp_path / "archive/2026/10/events-2026-10-01.jsonl"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"{}\n")

    def write(**options: Any) -> list[str]:
        one_file_each = {"max_file_bytes": 1, **options}
        (handler,) = factory("archive", one_file_each, environment(tmp_path)).handlers
        assert handler.call_batch is not None
        assert handler.close is not None
        for number in range(2):
            handler.call_batch([make_event(number=number, **options)], CONTEXT)
        eventually(lambda: not _threads(), "what is to be done is done")
        handler.close()
        return sorted(path.name for path in old.parent.parent.rglob("*.jsonl*"))

    assert [
        "events-2026-10-01.jsonl", "events-2026-11-23.1.jsonl", "events-2026-11-23.jsonl",
    ] == write(keep_days=None)  # fmt: skip
    assert [
        "events-2026-11-23.1.jsonl.gz", "events-2026-11-23.2.jsonl.gz",
        "events-2026-11-23.3.jsonl", "events-2026-11-23.jsonl.gz",
    ] == write(gzip=True, keep_days=52, keep_bytes=1)  # fmt: skip


def _threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "archive-upkeep"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"directory": 5}, "directory must be a text"),
        ({"directory": " "}, "directory must be a text"),
        ({"max_file_bytes": 0}, "max_file_bytes must be a whole number from 1"),
        ({"max_file_bytes": True}, "max_file_bytes"),
        ({"scrub_secrets": "yes"}, "scrub_secrets must be true or false"),
        ({"gzip": 6}, "gzip must be true or false"),
        ({"keep_days": 0}, "keep_days must be a whole number from 1"),
        ({"keep_bytes": "1 GB"}, "keep_bytes must be a whole number from 1"),
        ({"directry": "x"}, 'has no option "directry": did you mean "directory"'),
        ({"zzz": 1}, "it has directory, gzip, keep_bytes, keep_days, max_file_bytes"),
    ],
)
def test_wrong_options_are_reported(options: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    """With the handler's name, the key and what is allowed."""
    with pytest.raises(ConfigurationError, match=f'handler "a".*{sentence}'):
        factory("a", options, environment(tmp_path))


def test_a_missing_parent_is_reported_at_start_and_never_created(tmp_path: Path) -> None:
    """It may be a missing mount: writing below it would fill the wrong disk."""
    directory = tmp_path / "mount" / "archive"

    with capture_logs() as logs:
        (handler,) = factory("a", {"directory": str(directory)}, environment(tmp_path)).handlers
    assert handler.call_batch is not None
    with pytest.raises(Unavailable, match="No such file or directory"):
        handler.call_batch([make_event()], CONTEXT)

    assert [(line["event"], line["log_level"]) for line in logs] == [("config_warning", "warning")]
    assert not directory.parent.exists()
    directory.parent.mkdir()
    handler.call_batch([make_event()], CONTEXT)
    assert len(list(directory.rglob("*.jsonl"))) == 1


def test_a_directory_that_cannot_be_written_is_reported_at_start(tmp_path: Path) -> None:
    """The configured one and the state directory; not with the first event."""
    with pytest.raises(
        ConfigurationError, match=r"/proc/a, in /proc: .* set archive\.directory to"
    ):
        factory("a", {"directory": "/proc/a"}, environment(tmp_path))
    with pytest.raises(ConfigurationError, match=r"/proc/x/archive.* set state_directory to"):
        factory("a", {}, environment(Path("/proc/x")))


def test_parts_that_belong_to_another_user_are_reported_at_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run as root is enough: the month, or the file of the day, is root's."""
    month = tmp_path / "archive" / "2026" / "11"
    month.mkdir(parents=True)
    (month / "events-2026-11-22.jsonl").touch()
    today = month / "events-2026-11-23.1.jsonl"
    today.touch()
    monkeypatch.setattr("os.access", lambda path, mode: path != today)

    with pytest.raises(ConfigurationError, match=f"{today}: Permission denied"):
        factory("a", {}, environment(tmp_path))
    real = tempfile.mkdtemp

    def mkdtemp(suffix: None, prefix: str, directory: Path) -> str:
        if directory == month:
            raise PermissionError(13, "")
        return real(suffix, prefix, directory)

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)
    with pytest.raises(ConfigurationError, match=f"{month}: Permission denied"):
        factory("a", {}, environment(tmp_path))


def test_what_is_received_is_what_is_archived(tmp_path: Path) -> None:
    """From the body of a message to the line, with nothing lost on the way."""
    body = canvas_body("grade_change", body={"grade": "A", "unknown": {"deep": [None, 1.5]}})
    clock = ManualClock(datetime(2026, 11, 23, tzinfo=UTC))
    archive = Archive(tmp_path / "a", clock=clock, max_file_bytes=1000)

    archive.write(decode(make_message(body)), CONTEXT)
    archive.close()

    (path,) = (tmp_path / "a").rglob("*.jsonl")
    assert json.loads(path.read_text())["payload"] == json.loads(body)

"""Poison messages: set apart durably first, deleted afterwards, and never lost in between."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import Reject
from consumer.events.decode import decode
from consumer.operations.payloads import messages_in
from consumer.queues.quarantine import DirectoryQuarantine, file_name
from consumer.testing import ManualClock, canvas_body, make_message
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]


@pytest.fixture(name="quarantine")
def _quarantine(tmp_path: Path, clock: ManualClock) -> DirectoryQuarantine:
    return DirectoryQuarantine(tmp_path / "quarantine", clock=clock)


def files(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "quarantine").rglob("*") if path.is_file()]


def test_what_is_no_event_is_set_apart_and_deleted(
    make_rig: MakeRig, registry: Registry, quarantine: DirectoryQuarantine, tmp_path: Path
) -> None:
    """Body, attributes and the reason are in the file before the queue forgets the message."""
    rig = make_rig(registry, quarantine=quarantine)
    message_id = rig.queue.send('{"broken": ')

    rig.receive()
    rig.work()
    assert rig.queue.deleted() == []
    (path,) = files(tmp_path)
    rig.settle()

    kept = json.loads(path.read_text())
    assert (message_id, '{"broken": ') == (kept["MessageId"], kept["Body"])
    assert "JSON" in kept["Quarantine"]["Reason"]
    assert [message_id] == rig.queue.deleted()
    assert (1, 0) == (rig.stats["quarantined"], rig.stats["rejected"])
    assert len(rig.parts.in_flight) == 0


def test_what_a_handler_rejects_is_set_apart(
    make_rig: MakeRig,
    registry: Registry,
    quarantine: DirectoryQuarantine,
    tmp_path: Path,
    logs: list[Any],
) -> None:
    """With its reason, also in the log; a message that fails for another cause is not poison."""

    def judge(event: Event) -> None:
        if event.name == "grade_change":
            raise Reject("no such course")
        raise ConnectionError

    registry.add(judge, "*")
    rig = make_rig(registry, quarantine=quarantine)
    (poison,) = rig.send("grade_change")
    rig.send("logged_in")

    rig.cycle()

    (path,) = files(tmp_path)
    assert "no such course" in json.loads(path.read_text())["Quarantine"]["Reason"]
    assert [poison] == rig.queue.deleted()
    (logged,) = [line for line in logs if line["event"] == "quarantined"]
    assert (poison, "no such course") == (logged["message_id"], logged["reason"])


def test_what_cannot_be_set_apart_stays_in_the_queue(
    make_rig: MakeRig, registry: Registry, tmp_path: Path, clock: ManualClock, logs: list[Any]
) -> None:
    """A full or missing disk deletes nothing; the message comes again later."""
    (tmp_path / "file").write_text("")
    rig = make_rig(registry, quarantine=DirectoryQuarantine(tmp_path / "file", clock=clock))
    message_id = rig.queue.send("no event")

    rig.cycle()
    rig.clock.advance(60)

    assert rig.queue.deleted() == []
    assert [message_id] == rig.queue.visible()
    assert rig.stats["quarantine_failed"] == 1
    assert "quarantine_failed" in [line["event"] for line in logs]


def test_the_same_message_again_is_one_file(
    quarantine: DirectoryQuarantine, tmp_path: Path
) -> None:
    """A crash between writing and deleting makes no second copy."""
    message = make_message("no event")

    quarantine.put(message, "not JSON")
    quarantine.put(message, "not JSON")

    assert len(files(tmp_path)) == 1


def test_what_is_set_apart_survives_a_loss_of_power(
    quarantine: DirectoryQuarantine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text is on the disk before the file has its name, and the names before `put` returns.

    That of the directory itself, too, which the first message makes.
    """
    steps: list[tuple[str, int]] = []
    fsync, rename = os.fsync, Path.rename

    def note_fsync(fd: int) -> None:
        found = os.fstat(fd)
        what = "names" if stat.S_ISDIR(found.st_mode) else f"{found.st_size} bytes"
        steps.append((f"sync {what}", found.st_ino))
        fsync(fd)

    def note_rename(path: Path, target: Path) -> Path:
        steps.append(("rename", path.stat().st_ino))
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "rename", note_rename)
    quarantine.put(make_message(), "rejected")

    (path,) = files(tmp_path)
    file = path.stat()
    day, directory = path.parent, path.parent.parent
    assert steps == [
        ("sync names", tmp_path.stat().st_ino),
        ("sync names", directory.stat().st_ino),
        (f"sync {file.st_size} bytes", file.st_ino),
        ("rename", file.st_ino),
        ("sync names", day.stat().st_ino),
        ("sync names", directory.stat().st_ino),
    ]


def test_a_file_reads_as_a_message(quarantine: DirectoryQuarantine, tmp_path: Path) -> None:
    """`consume decode` makes of it what the daemon made of the message."""
    message = make_message(canvas_body("grade_change"), message_attributes={"event_name": "x"})

    quarantine.put(message, "rejected")

    (path,) = files(tmp_path)
    (again,) = messages_in(path.read_text())
    assert (message.message_id, message.body) == (again.message_id, again.body)
    assert message.message_attributes == again.message_attributes
    assert decode(again)[0].name == "grade_change"


def test_only_the_owner_may_read_it(quarantine: DirectoryQuarantine, tmp_path: Path) -> None:
    """The whole body is in there."""
    quarantine.put(make_message(), "rejected")

    (path,) = files(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


@for_each("message_id", ["../../etc/passwd", "", "a/b", "x" * 300, "\udcff"])
def test_an_id_is_no_path(message_id: str) -> None:
    """SQS makes UUIDs; whatever else comes can't leave the directory."""
    assert file_name(message_id).isalnum()
    assert len(file_name(message_id)) == 64


def test_a_body_of_any_characters_can_be_kept(
    quarantine: DirectoryQuarantine, tmp_path: Path
) -> None:
    """Lone surrogates, too: what is broken is what comes here."""
    quarantine.put(make_message('{"a": "\udcff"} \u00e9'), "rejected")

    (path,) = files(tmp_path)
    assert json.loads(path.read_text())["Body"] == '{"a": "\udcff"} \u00e9'

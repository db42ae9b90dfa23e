"""The durable ledger: what it keeps over the death of the process, and over damage to its file."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from consumer.engine.journal import FILE_NAME
from consumer.engine.ledger import Ledger, open_ledger
from consumer.sqs_limits import MAX_RETENTION_SECONDS
from consumer.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from consumer.engine.journal import Loaded

STEPS = [(0, "archive"), (0, "grades")]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def reopen(tmp_path: Path, clock: ManualClock) -> Callable[[], Ledger]:
    """Opens the ledger as a process does that starts, whatever became of the one before."""
    return lambda: open_ledger(tmp_path, clock=clock)


def test_remembers_a_batch_whose_delete_was_under_way(reopen: Callable[[], Ledger]) -> None:
    """If the process dies between the handlers' success and the delete, nothing is run again."""
    reopen().deleting([("m1", STEPS), ("m2", STEPS[:1])])

    ledger = reopen()

    assert set(STEPS) == ledger.succeeded("m1")
    assert set(STEPS[:1]) == ledger.succeeded("m2")
    assert ledger.durable


def test_forgets_a_batch_that_was_deleted(reopen: Callable[[], Ledger]) -> None:
    """A delete that was answered leaves nothing behind."""
    ledger = reopen()

    ledger.deleting([("m1", STEPS)])
    ledger.settled(["m1"])
    ledger.flush()

    assert len(reopen()) == 0


def test_remembers_what_was_recorded_step_by_step(reopen: Callable[[], Ledger]) -> None:
    """Steps of several deliveries add up, over a restart, too."""
    reopen().record("m1", STEPS[:1])
    reopen().record("m1", STEPS[1:])

    assert set(STEPS) == reopen().succeeded("m1")


def test_a_batch_adds_to_what_was_recorded_before(reopen: Callable[[], Ledger]) -> None:
    """The last handler's success and that of an earlier delivery are both there after a crash."""
    ledger = reopen()
    ledger.record("m1", STEPS[:1])
    ledger.deleting([("m1", STEPS[1:])])

    assert set(STEPS) == reopen().succeeded("m1")


def test_forgets_for_good(reopen: Callable[[], Ledger]) -> None:
    """A message that was deleted is not remembered by the next process."""
    ledger = reopen()
    ledger.record("m1", STEPS)
    ledger.forget("m1")
    ledger.close()

    assert len(reopen()) == 0


def test_is_bounded_in_the_file_too(tmp_path: Path, clock: ManualClock) -> None:
    """The oldest message goes first when there are too many."""
    ledger = open_ledger(tmp_path, clock=clock)
    ledger._max_messages = 2
    for message_id in ("m1", "m2", "m3"):
        ledger.record(message_id, STEPS)
    ledger.close()

    ledger = open_ledger(tmp_path, clock=clock)

    assert not ledger.succeeded("m1")
    assert len(ledger) == 2


def test_is_bounded_when_it_is_read() -> None:
    """Kills leave notes of messages that were deleted after all: they do not pile up in memory."""
    loaded: Loaded = {f"m{number}": (None, {(0, "one")}) for number in range(3)}

    ledger = Ledger(loaded=loaded, max_messages=2)

    assert len(ledger) == 2
    assert not ledger.succeeded("m0")


def test_forgets_what_sqs_has_forgotten(reopen: Callable[[], Ledger], clock: ManualClock) -> None:
    """After the longest retention of a queue a message can't come again; restarts do not renew."""
    reopen().record("m1", STEPS)
    clock.advance(MAX_RETENTION_SECONDS - 60)
    assert len(reopen()) == 1

    clock.advance(61)

    assert len(reopen()) == 0


def test_its_file_is_for_the_owner_only(tmp_path: Path, reopen: Callable[[], Ledger]) -> None:
    """Message ids and handler names are nobody else's business."""
    reopen()

    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def damaged(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)


def not_a_database(path: Path) -> None:
    path.write_text("message_id,steps\n")


def of_another_program(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE handled (name TEXT)")
    connection.close()


def with_odd_rows(path: Path) -> None:
    open_ledger(path.parent, clock=ManualClock()).close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO handled (at, messages) VALUES (4102444800, '[1, 2]')")
    connection.close()


def with_row(path: Path, text: str) -> None:
    open_ledger(path.parent, clock=ManualClock()).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"INSERT INTO handled (at, messages) VALUES (4102444800, {text})")
    connection.close()


def with_no_text(path: Path) -> None:
    with_row(path, "CAST(x'ff7bfe' AS TEXT)")


def with_a_deep_row(path: Path) -> None:
    with_row(path, f"'{'[' * 100_000}'")


def with_a_step_beyond_counting(path: Path) -> None:
    with_row(path, """'{"m1": [[1e999, "archive"]]}'""")


@pytest.mark.parametrize(
    "spoil",
    [
        damaged, not_a_database, of_another_program, with_odd_rows, with_no_text, with_a_deep_row,
        with_a_step_beyond_counting,
    ],
)  # fmt: skip
def test_sets_a_file_aside_that_it_cannot_use(
    tmp_path: Path, reopen: Callable[[], Ledger], spoil: Callable[[Path], None]
) -> None:
    """A damaged or foreign file is renamed and told, never a reason not to start, never lost."""
    spoil(tmp_path / FILE_NAME)
    before = (tmp_path / FILE_NAME).read_bytes()

    with capture_logs() as logs:
        ledger = reopen()
        ledger.record("m1", STEPS)

    (told,) = [line for line in logs if line["event"] == "ledger_set_aside"]
    aside = tmp_path / told["file"]
    assert before[100:] == aside.read_bytes()[100:]  # the header counts who opened it
    assert set(STEPS) == reopen().succeeded("m1")


def test_is_off_and_says_so_without_a_directory(tmp_path: Path, clock: ManualClock) -> None:
    """Where nothing can be written the ledger lives in memory, and that is told."""
    (tmp_path / "file").write_text("")

    with capture_logs() as logs:
        ledger = open_ledger(tmp_path / "file" / "state", clock=clock)
    ledger.record("m1", STEPS)

    assert ["ledger_off"] == [line["event"] for line in logs]
    assert not ledger.durable
    assert set(STEPS) == ledger.succeeded("m1")


def test_goes_on_in_memory_while_the_disk_is_full(reopen: Callable[[], Ledger]) -> None:
    """A write that fails is told once; the message is remembered, and the next write is tried."""
    ledger = reopen()
    assert ledger._journal is not None
    connection = ledger._journal._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")

    with capture_logs() as full:
        for number in range(200):
            ledger.record(f"m{number}", [(0, "x" * 400)])
    connection.execute("PRAGMA max_page_count = 100000")
    with capture_logs() as freed:
        ledger.record("m1", STEPS)

    assert [("ledger_failed", "SQLITE_FULL")] == [(line["event"], line["code"]) for line in full]
    assert ["ledger_recovered"] == [line["event"] for line in freed]
    assert len(ledger) == 200
    assert set(STEPS) <= reopen().succeeded("m1")


def test_a_failed_write_leaves_what_is_in_the_file(reopen: Callable[[], Ledger]) -> None:
    """While the disk is full, the steps that were noted before must not go with the next write."""
    ledger = reopen()
    ledger.record("m1", STEPS[:1])
    assert ledger._journal is not None
    connection = ledger._journal._connection
    connection.execute("PRAGMA query_only = 1")
    ledger.record("m1", STEPS[1:])
    connection.execute("PRAGMA query_only = 0")

    ledger.flush()

    assert set(STEPS[:1]) == reopen().succeeded("m1")


def test_a_file_that_is_being_made_is_not_taken_for_anothers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    """Two processes start at once: whatever one of them sees of the other's file is whole."""
    seen: list[tuple[int, int]] = []

    class Watched(sqlite3.Connection):
        def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
            if statement.startswith(("CREATE", "PRAGMA application_id =")):
                with contextlib.closing(plain(tmp_path / FILE_NAME)) as other:
                    (tables,) = other.execute("SELECT count(*) FROM sqlite_master").fetchone()
                    (application,) = other.execute("PRAGMA application_id").fetchone()
                    seen.append((tables, application))
            return super().execute(statement, *arguments)

    plain = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", partial(plain, factory=Watched))

    open_ledger(tmp_path, clock=clock).close()

    assert len(seen) == 4
    assert set(seen) == {(0, 0)}


def test_a_closed_ledger_harms_nobody(reopen: Callable[[], Ledger]) -> None:
    """A handler that returns after the end finds no open file, and no exception either."""
    ledger = reopen()
    ledger.close()

    with capture_logs() as logs:
        ledger.deleting([("m1", STEPS)])

    assert ["ledger_failed"] == [line["event"] for line in logs]


def test_survives_kill_9(tmp_path: Path, reopen: Callable[[], Ledger]) -> None:
    """What was noted is in the file when the call returned, whatever happens to the process."""
    program = (
        "import os, sys, pathlib\n"
        "from consumer.clock import SystemClock\n"
        "from consumer.engine.ledger import open_ledger\n"
        "ledger = open_ledger(pathlib.Path(sys.argv[1]), clock=SystemClock())\n"
        "for n in range(20): ledger.deleting([(f'm{n}', [(0, 'archive')])])\n"
        "os.kill(os.getpid(), 9)\n"
    )

    ended = subprocess.run([sys.executable, "-c", program, tmp_path], check=False)

    assert ended.returncode == -9
    assert len(reopen()) == 20


def test_two_processes_may_share_it(reopen: Callable[[], Ledger]) -> None:
    """Two consumers on one state directory do not stop each other."""
    one, two = reopen(), reopen()

    with capture_logs() as logs:
        one.record("m1", STEPS)
        two.record("m2", STEPS)
        one.deleting([("m3", STEPS)])
        one.settled(["m3"])

    assert logs == []
    assert len(reopen()) == 3

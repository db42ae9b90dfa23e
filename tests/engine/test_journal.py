"""The durable ledger: what survives the process, and what is forgotten."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from consumer.ledger.database import Step, open_database
from consumer.ledger.ledger import COMMIT_SECONDS, Ledger, open_ledger
from consumer.sqs_limits import MAX_RETENTION_SECONDS
from tests.engine.ledger_files import STEPS, Writes, database_of, note, rows_in, steps_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from consumer.testing import ManualClock
    from tests.engine.conftest import Rig


def test_remembers_what_is_about_to_be_deleted(reopen: Callable[[], Ledger]) -> None:
    """If the process dies between the handlers' success and the delete, nothing runs again."""
    ledger = reopen()
    note(ledger, "m1")
    note(ledger, "m2", STEPS[:1])

    ledger = reopen()

    assert set(STEPS) == ledger.succeeded("m1")
    assert set(STEPS[:1]) == ledger.succeeded("m2")
    assert ledger.database is not None


def test_forgets_what_was_deleted(reopen: Callable[[], Ledger]) -> None:
    """After a successful delete nothing is left."""
    ledger = reopen()

    note(ledger, "m1")
    ledger.forget(["m1"])
    ledger.commit(tidy=True)

    assert len(reopen()) == 0


def test_a_row_of_several_messages_stays_until_all_are_deleted(
    reopen: Callable[[], Ledger], tmp_path: Path
) -> None:
    """Until none of them can be redelivered."""
    ledger = reopen()
    ledger.note([("m1", STEPS[0]), ("m2", STEPS[0])])
    ledger.commit()

    ledger.forget(["m1"])
    ledger.commit(tidy=True)
    assert set(steps_in(tmp_path)) == {"m1", "m2"}

    ledger.forget(["m1", "m2"])
    ledger.commit(tidy=True)
    assert rows_in(tmp_path) == []


def test_a_failed_message_does_not_keep_the_row_of_others(
    reopen: Callable[[], Ledger], tmp_path: Path
) -> None:
    """It may wait for hours, so it gets a row of its own."""
    ledger = reopen()
    ledger.note([(f"m{number}", STEPS[0]) for number in range(10)])
    ledger.commit()
    ledger.keep("m0", STEPS[:1])
    ledger.commit()

    ledger.forget([f"m{number}" for number in range(1, 10)])
    ledger.commit(tidy=True)

    assert rows_in(tmp_path) == [{"m0": {STEPS[0]}}]


def test_a_message_that_failed_before_the_commit_gets_a_row_of_its_own(
    reopen: Callable[[], Ledger], tmp_path: Path
) -> None:
    """A step, and the failure of another handler, in one commit."""
    ledger = reopen()
    ledger.commit()
    ledger.note([("m0", STEPS[0]), ("m1", STEPS[0])])
    ledger.keep("m0", STEPS[:1])
    ledger.commit()

    assert rows_in(tmp_path) == [{"m1": {STEPS[0]}}, {"m0": {STEPS[0]}}]


def test_a_message_deleted_during_its_commit_leaves_no_row(
    reopen: Callable[[], Ledger], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread forgets it in the middle of the commit."""
    ledger = reopen()
    write = ledger._write

    def write_while_it_is_deleted(*groups: Any) -> list[int] | None:
        ledger.forget(["m0"])
        return write(*groups)

    ledger.keep("m0", STEPS)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(ledger, "_write", write_while_it_is_deleted)
        ledger.commit()
    ledger.commit(tidy=True)

    assert rows_in(tmp_path) == []


def test_steps_add_up_over_restarts(reopen: Callable[[], Ledger]) -> None:
    """Each process runs what those before it had not done."""
    note(reopen(), "m1", STEPS[:1])
    note(reopen(), "m1", STEPS[1:])

    assert set(STEPS) == reopen().succeeded("m1")


def test_steps_add_up_over_deliveries(reopen: Callable[[], Ledger]) -> None:
    """After a crash the steps of the last and of an earlier delivery are known."""
    ledger = reopen()
    note(ledger, "m1", STEPS[:1])
    ledger.keep("m1", STEPS[:1])
    note(ledger, "m1", STEPS[1:])

    assert set(STEPS) == reopen().succeeded("m1")


def test_forgets_for_good(reopen: Callable[[], Ledger]) -> None:
    """The next process does not remember a message that was deleted in the end."""
    note(reopen(), "m1", STEPS[:1])
    ledger = reopen()
    note(ledger, "m1", STEPS[1:])
    ledger.keep("m1", STEPS)
    ledger.forget(["m1"])
    ledger.close()

    assert len(reopen()) == 0


def test_steps_of_a_deleted_message_are_not_written(
    reopen: Callable[[], Ledger], tmp_path: Path
) -> None:
    """It was deleted while its steps waited for the file."""
    ledger = reopen()
    ledger.commit()
    ledger.note([("m1", STEPS[0]), ("m2", STEPS[0])])

    ledger.forget(["m1"])
    ledger.commit(tidy=True)

    assert set(steps_in(tmp_path)) == {"m2"}


def test_is_bounded_in_the_file_too(reopen: Callable[[], Ledger]) -> None:
    """If there are too many messages, the oldest is forgotten."""
    ledger = reopen()
    ledger._max_messages = 2
    for message_id in ("m1", "m2", "m3"):
        note(ledger, message_id)
        ledger.keep(message_id, STEPS)
    ledger.close()

    ledger = reopen()

    assert not ledger.succeeded("m1")
    assert len(ledger) == 2


def test_is_bounded_when_it_is_read(
    reopen: Callable[[], Ledger], tmp_path: Path, clock: ManualClock
) -> None:
    """Kills leave notes of messages that were deleted after all: they do not pile up in memory."""
    before = reopen()
    for number in range(3):
        note(before, f"m{number}")

    ledger = Ledger(clock=clock, database=open_database(tmp_path, clock=clock), max_messages=2)

    assert len(ledger) == 2
    assert not ledger.succeeded("m0")


def test_forgets_what_sqs_has_forgotten(reopen: Callable[[], Ledger], clock: ManualClock) -> None:
    """After the longest retention a message can't be redelivered; restarts do not prolong that."""
    note(reopen(), "m1")
    clock.advance(MAX_RETENTION_SECONDS - 60)
    assert len(reopen()) == 1

    clock.advance(61)

    assert len(reopen()) == 0


def test_survives_kill_9(tmp_path: Path, reopen: Callable[[], Ledger]) -> None:
    """A commit is in the file when the call returns, whatever happens to the process."""
    program = (
        "import os, sys, pathlib\n"
        "from consumer.clock import SystemClock\n"
        "from consumer.ledger.database import Step\n"
        "from consumer.ledger.ledger import open_ledger\n"
        "ledger = open_ledger(pathlib.Path(sys.argv[1]), clock=SystemClock())\n"
        "for n in range(20):\n"
        "    ledger.note([(f'm{n}', Step(0, 'archive'))])\n"
        "ledger.commit()\n"
        "os.kill(os.getpid(), 9)\n"
    )

    ended = subprocess.run([sys.executable, "-c", program, tmp_path], check=False)

    assert ended.returncode == -9
    assert len(reopen()) == 20


def test_a_failed_write_changes_nothing(
    reopen: Callable[[], Ledger], tmp_path: Path, clock: ManualClock
) -> None:
    """The disk gets full halfway: old rows stay, and are deleted by a later write."""
    ledger = reopen()
    note(ledger, "m1")
    note(ledger, "m2")
    writer = database_of(ledger)._writer
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    writer.execute(f"PRAGMA max_page_count = {pages}")
    ledger.forget(["m2"])
    note(ledger, "m3", [Step(0, "x" * 100_000)])
    writer.execute("PRAGMA max_page_count = 100000")
    assert set(steps_in(tmp_path)) == {"m1", "m2"}

    clock.advance(30)
    ledger.commit(tidy=True)

    assert set(steps_in(tmp_path)) == {"m1", "m3"}


def test_notes_that_follow_closely_share_a_write(
    reopen: Callable[[], Ledger], clock: ManualClock, tmp_path: Path
) -> None:
    """A hundred quick handlers cost a few commits; the first note after a pause costs one."""
    ledger = reopen()
    writes = Writes(database_of(ledger))
    for number in range(100):
        ledger.note([(f"m{number}", STEPS[0])])
        clock.advance(COMMIT_SECONDS / 10)

    assert 9 <= writes.attempts <= 11
    assert len(steps_in(tmp_path)) >= 90

    ledger.commit(tidy=True)

    assert len(steps_in(tmp_path)) == 100


def test_nothing_new_costs_no_write(reopen: Callable[[], Ledger], clock: ManualClock) -> None:
    """An idle daemon leaves the disk alone."""
    ledger = reopen()
    note(ledger, "m1")
    writes = Writes(database_of(ledger))

    for _ in range(10):
        clock.advance(1)
        ledger.note([])
        ledger.commit(tidy=True)

    assert writes.attempts == 0


def test_rows_are_deleted_with_the_next_write(
    make_rig: Callable[..., Rig], registry: Registry, clock: ManualClock, tmp_path: Path
) -> None:
    """After hundreds of messages the file holds only the last few."""
    most = 0

    def look(_event: Event) -> None:
        nonlocal most
        most = max(most, len(rows_in(tmp_path)))

    registry.add(look, "*", name="look")
    rig = make_rig(registry, clock=clock, ledger=open_ledger(tmp_path, clock=clock))
    for _ in range(30):
        rig.send(count=10)
        rig.cycle()
        clock.advance(1)

    assert rig.stats["deleted"] == 300
    # Of a cycle: the first step by itself and the other nine before the delete.
    assert most <= 3
    assert len(rows_in(tmp_path)) <= 2
    rig.tick()
    assert rows_in(tmp_path) == []


def test_the_pages_of_deleted_rows_are_used_again(
    reopen: Callable[[], Ledger], tmp_path: Path
) -> None:
    """The file does not grow with the number of messages."""
    ledger = reopen()

    def pages() -> int:
        with sqlite3.connect(tmp_path / "ledger.sqlite3") as connection:
            (count,) = connection.execute("PRAGMA page_count").fetchone()
        connection.close()
        return int(count)

    before = pages()
    for number in range(2000):
        note(ledger, f"m{number}")
        ledger.forget([f"m{number}"])

    assert pages() <= before + 1


def test_two_processes_with_one_file_do_not_delete_each_others_rows(
    reopen: Callable[[], Ledger], tmp_path: Path
) -> None:
    """A process that starts takes over all rows under new ids."""
    first = reopen()
    for message_id in ("m1", "m2"):
        note(first, message_id, STEPS)
    second = reopen()
    assert set(STEPS) == second.succeeded("m1") == second.succeeded("m2")

    first.forget(["m1", "m2"])
    for message_id in ("m3", "m4"):
        note(first, message_id, STEPS)

    assert {"m1", "m2", "m3", "m4"} == set(steps_in(tmp_path))


def test_ids_are_not_used_again_when_the_table_was_empty(
    reopen: Callable[[], Ledger], tmp_path: Path
) -> None:
    """A process that has not ended may still delete the rows that it knows."""
    first = reopen()
    note(first, "m1", STEPS)
    second = reopen()
    second.forget(["m1"])
    second.commit(tidy=True)
    note(second, "m2", STEPS)

    first.forget(["m1"])
    first.commit(tidy=True)

    assert {"m2"} == set(steps_in(tmp_path))

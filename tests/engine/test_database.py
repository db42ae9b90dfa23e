"""The ledger's file: how it is opened, shared, full, locked by others, and closed."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import threading
from collections import OrderedDict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from consumer.ledger import database
from consumer.ledger.database import FILE_NAME, PAUSE_SECONDS, Step
from consumer.ledger.duplicates import Duplicates, SeenKeys
from consumer.ledger.ledger import Ledger, open_ledger
from consumer.testing import ManualClock, make_event, make_message
from tests.engine.ledger_files import STEPS, Writes, database_of, keys_in, note, steps_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.handlers.registering.registry import Registry
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]


def test_its_file_is_for_the_owner_only(tmp_path: Path, reopen: Callable[[], Ledger]) -> None:
    """Other users must not see message ids and handler names."""
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


def of_a_later_version(path: Path) -> None:
    open_ledger(path.parent, clock=ManualClock()).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()


def with_row(path: Path, text: str) -> None:
    open_ledger(path.parent, clock=ManualClock()).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"INSERT INTO handled (at, messages) VALUES (4102444800, {text})")
    connection.close()


def with_odd_rows(path: Path) -> None:
    with_row(path, "'[1, 2]'")


def with_no_text(path: Path) -> None:
    with_row(path, "CAST(x'ff7bfe' AS TEXT)")


def with_a_deep_row(path: Path) -> None:
    with_row(path, f"'{'[' * 100_000}'")


def with_a_step_beyond_counting(path: Path) -> None:
    with_row(path, """'{"m1": [[1e999, "archive"]]}'""")


def open_files() -> set[int]:
    """The inodes of what this process has open."""
    found = set()
    for path in Path("/dev/fd").iterdir():
        with contextlib.suppress(OSError):  # the list itself was open
            found.add(os.fstat(int(path.name)).st_ino)
    return found


@pytest.mark.parametrize(
    "spoil",
    [
        damaged, not_a_database, of_another_program, of_a_later_version, with_odd_rows,
        with_no_text, with_a_deep_row, with_a_step_beyond_counting,
    ],
)  # fmt: skip
def test_sets_a_file_aside_that_it_cannot_use(
    tmp_path: Path, reopen: Callable[[], Ledger], spoil: Callable[[Path], None], logs: list[Any]
) -> None:
    """A damaged or foreign file is renamed and closed, and logged; the ledger starts anew."""
    spoil(tmp_path / FILE_NAME)
    before = (tmp_path / FILE_NAME).read_bytes()

    note(reopen(), "m1")

    (line,) = [line for line in logs if line["event"] == "ledger_set_aside"]
    aside = tmp_path / line["file"]
    assert before[100:] == aside.read_bytes()[100:]  # the header counts who opened it
    assert aside.stat().st_ino not in open_files()
    assert set(STEPS) == reopen().succeeded("m1")


def test_without_a_directory_it_lives_in_memory(
    tmp_path: Path, clock: ManualClock, logs: list[Any]
) -> None:
    """The log says so."""
    (tmp_path / "file").write_text("")

    ledger = open_ledger(tmp_path / "file" / "state", clock=clock)
    ledger.keep("m1", STEPS)

    assert ["ledger_off"] == [line["event"] for line in logs]
    assert ledger.database is None
    assert set(STEPS) == ledger.succeeded("m1")


def test_goes_on_in_memory_while_the_disk_is_full(
    reopen: Callable[[], Ledger], clock: ManualClock, logs: list[Any]
) -> None:
    """A failed write is logged once; everything is remembered, and written once there is room."""
    ledger = reopen()
    writer = database_of(ledger)._writer
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    writer.execute(f"PRAGMA max_page_count = {pages}")
    del logs[:]

    for number in range(200):
        note(ledger, f"m{number}", [Step(0, "x" * 400)])
        ledger.keep(f"m{number}", [Step(0, "x" * 400)])
        clock.advance(1)
    assert [("ledger_failed", "SQLITE_FULL")] == [(line["event"], line["code"]) for line in logs]
    writer.execute("PRAGMA max_page_count = 100000")
    clock.advance(PAUSE_SECONDS)
    ledger.commit(tidy=True)

    assert ["ledger_failed", "ledger_recovered"] == [line["event"] for line in logs]
    assert len(ledger) == 200
    assert len(reopen()) == 200


def test_a_half_made_file_is_never_visible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    """Two processes start at once: neither takes the other's file for a foreign one."""
    seen: list[tuple[int, int]] = []

    def look(statement: str) -> None:
        if statement.strip().startswith(("CREATE", "PRAGMA application_id =")):
            with contextlib.closing(plain(tmp_path / FILE_NAME)) as other:
                (tables,) = other.execute("SELECT count(*) FROM sqlite_master").fetchone()
                (application,) = other.execute("PRAGMA application_id").fetchone()
                seen.append((tables, application))

    class Watched(sqlite3.Connection):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.set_trace_callback(look)

    plain = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", partial(plain, factory=Watched))

    open_ledger(tmp_path, clock=clock).close()

    assert len(seen) == 4
    assert set(seen) == {(0, 0)}


def test_two_processes_may_share_it(reopen: Callable[[], Ledger], logs: list[Any]) -> None:
    """Two consumers with one state directory do not stop each other."""
    one, two = reopen(), reopen()
    del logs[:]

    note(one, "m1")
    note(two, "m2")
    note(one, "m3")
    one.forget(["m3"])
    one.commit(tidy=True)

    assert logs == []
    assert len(reopen()) == 2


class Other:
    """Another process that has locked the file."""

    def __init__(self, directory: Path) -> None:
        self._connection = sqlite3.connect(directory / FILE_NAME, isolation_level=None)

    def lock(self) -> None:
        """Lock it: no other write succeeds."""
        self._connection.execute("BEGIN EXCLUSIVE")

    def unlock(self) -> None:
        """Release the lock."""
        self._connection.execute("ROLLBACK")


@pytest.fixture(name="ledger")
def _ledger(reopen: Callable[[], Ledger], monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """A durable ledger whose writes wait for a lock for a hundredth of a second."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)
    return reopen()


@pytest.fixture(name="other")
def _other(ledger: Ledger, tmp_path: Path) -> Other:
    assert ledger.database is not None  # it was there first
    other = Other(tmp_path)
    other.lock()
    return other


def test_a_locked_file_costs_one_timeout_for_each_pause(
    ledger: Ledger, other: Other, clock: ManualClock, logs: list[Any], tmp_path: Path
) -> None:
    """One attempt in each pause, logged once; afterwards all notes are in the file."""
    del logs[:]
    writes = Writes(database_of(ledger))

    for number in range(100):
        note(ledger, f"m{number}")
        ledger.commit(tidy=True)
        clock.advance(PAUSE_SECONDS / 101)
    assert writes.attempts == 1
    clock.advance(PAUSE_SECONDS / 101)
    ledger.commit(tidy=True)
    assert writes.attempts == 2
    assert steps_in(tmp_path) == {}

    other.unlock()
    ledger.forget(["m1"])
    clock.advance(PAUSE_SECONDS)
    ledger.commit(tidy=True)

    assert set(steps_in(tmp_path)) == {f"m{number}" for number in range(100)} - {"m1"}
    failed, recovered = logs
    assert failed["event"] == "ledger_failed"
    assert failed["code"] == "SQLITE_BUSY"
    assert failed["next_attempt_seconds"] == PAUSE_SECONDS
    assert recovered["event"] == "ledger_recovered"


def test_a_commit_does_not_walk_through_what_waits_for_the_file(
    ledger: Ledger, other: Other, clock: ManualClock, tmp_path: Path
) -> None:
    """Each delete commits, so this must cost nothing."""
    walks = 0

    class Kept(OrderedDict[str, set[Step]]):
        """Counts the look-ups."""

        def __getitem__(self, message_id: str) -> set[Step]:
            nonlocal walks
            walks += 1
            return super().__getitem__(message_id)

    ledger._kept = Kept()
    for number in range(100):
        ledger.keep(f"m{number}", STEPS)
    ledger.commit()
    assert walks == 100

    for _ in range(10):
        ledger.commit()
    assert walks == 100

    other.unlock()
    clock.advance(PAUSE_SECONDS)
    ledger.commit()
    assert len(steps_in(tmp_path)) == 100


def test_deletes_do_not_wait_for_a_locked_file(
    make_rig: MakeRig, registry: Registry, ledger: Ledger, other: Other, clock: ManualClock
) -> None:
    """A thousand messages are handled and deleted meanwhile, with one attempt to write."""
    registry.add(lambda _event: None, "*", name="one")
    engine = {"deduplicate": "window"}
    rig = make_rig(registry, ledger=ledger, clock=clock, engine=engine)
    writes = Writes(database_of(ledger))

    for _ in range(100):
        rig.send(count=10)
        rig.cycle()
        rig.tick()
        clock.advance(0.25)

    assert rig.stats["deleted"] == 1000
    assert len(rig.calls("delete")) == 100
    assert writes.attempts == 1
    other.unlock()


def test_messages_in_flight_are_in_the_file_after_the_pause(
    make_rig: MakeRig, registry: Registry, ledger: Ledger, other: Other, tmp_path: Path
) -> None:
    """Messages deleted meanwhile are not: they can't be redelivered."""
    registry.add(lambda _event: None, "*", name="one")
    registry.add(lambda _events: None, "logged_in", name="all", batch=10, linger_seconds=300)
    rig = make_rig(registry, ledger=ledger, clock=ledger._clock)
    (waits,) = rig.send("logged_in")
    rig.send("grade_change", count=5)
    rig.cycle()
    assert len(rig.queue.deleted()) == 5

    other.unlock()
    rig.beat(PAUSE_SECONDS + 1)

    assert rig.held() == [waits]
    assert steps_in(tmp_path) == {waits: {Step(0, "one")}}


class WatchedLock:
    """Counts the threads that try to acquire it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.wanted = threading.Semaphore(0)

    def __enter__(self) -> None:
        self.wanted.release()
        self._lock.acquire()

    def __exit__(self, *_exception: object) -> None:
        self._lock.release()


def test_threads_behind_a_failed_write_do_not_wait_for_a_timeout_of_their_own(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure of the first counts for all behind it."""
    lock, tries, end = WatchedLock(), [0], threading.Event()
    file = database_of(ledger)
    monkeypatch.setattr(file, "_lock", lock)

    def work(_connection: sqlite3.Connection) -> None:
        tries[0] += 1
        assert end.wait(5)
        raise sqlite3.OperationalError("database is locked")

    threads = [threading.Thread(target=file.write, args=[work]) for _ in range(5)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert lock.wanted.acquire(timeout=60)
    end.set()
    for thread in threads:
        thread.join(5)

    assert tries == [1]


def test_a_thread_that_waits_for_a_commit_finds_its_notes_written(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A delete may follow: what another thread was writing is in the file by then."""
    lock, entered, end = WatchedLock(), threading.Event(), threading.Event()
    write = ledger._write

    def slow(*handled: Any) -> list[int] | None:
        entered.set()
        assert end.wait(5)
        return write(*handled)

    monkeypatch.setattr(ledger, "_write", slow)
    monkeypatch.setattr(ledger, "_committing", lock)
    found: list[set[str]] = []

    def commit_and_look() -> None:
        ledger.commit()
        found.append(set(steps_in(tmp_path)))

    first = threading.Thread(target=ledger.note, args=[[("m1", STEPS[0])]])
    first.start()
    assert entered.wait(5)
    assert lock.wanted.acquire(timeout=60)
    second = threading.Thread(target=commit_and_look)
    second.start()
    assert lock.wanted.acquire(timeout=60)
    end.set()
    for thread in (first, second):
        thread.join(5)

    assert found == [{"m1"}]


def test_notes_made_during_a_failed_write_are_not_lost(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The next write has both: the notes that failed, and those made meanwhile."""

    def fail(*_handled: Any) -> None:
        ledger._committed_at = ledger._clock.monotonic()
        ledger.note([("m1", STEPS[1]), ("m2", STEPS[0])])

    with monkeypatch.context() as broken:
        broken.setattr(ledger, "_write", fail)
        ledger.note([("m1", STEPS[0])])
    ledger.commit()

    assert steps_in(tmp_path) == {"m1": set(STEPS), "m2": {STEPS[0]}}


def test_a_closed_ledger_does_nothing_and_logs_nothing(
    ledger: Ledger, clock: ManualClock, logs: list[Any], tmp_path: Path
) -> None:
    """A handler that returns after the end gets no exception."""
    file = database_of(ledger)
    duplicates = Duplicates(window_seconds=60, clock=clock, seen=SeenKeys(file, clock=clock))
    known, begun = make_event(number=0), make_event(number=1)
    duplicates.begin([known], make_message(message_id="m0"))
    duplicates.end([known], handled=True)
    duplicates.flush()
    duplicates.begin([begun], make_message(message_id="m1"))
    note(ledger, "m1")
    keys = keys_in(tmp_path)
    ledger.close()
    del logs[:]

    clock.advance(1)
    note(ledger, "m2")
    ledger.keep("m2", STEPS)
    assert ledger.succeeded("m2") == set(STEPS)
    ledger.forget(["m1"])
    ledger.commit(tidy=True)
    duplicates.end([begun], handled=True)
    assert duplicates.begin([known], make_message(message_id="m2")) == [known]
    duplicates.flush()
    clock.advance(PAUSE_SECONDS)
    duplicates.flush()
    ledger.close()

    assert logs == []
    assert set(steps_in(tmp_path)) == {"m1"}
    assert len(keys) == 1
    assert keys_in(tmp_path) == keys


def test_reads_go_on_during_a_write(ledger: Ledger, clock: ManualClock) -> None:
    """A worker that looks up a key does not wait for the thread that writes."""
    file = database_of(ledger)
    seen = SeenKeys(file, clock=clock)
    assert seen.write({"old": 1})
    entered, end, waited_in_vain = threading.Event(), threading.Event(), []

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO seen VALUES ('new', 2)")
        entered.set()
        waited_in_vain.append(not end.wait(5))

    thread = threading.Thread(target=file.write, args=[work])
    thread.start()
    assert entered.wait(5)
    assert seen.times(["old", "new"]) == {"old": 1}
    end.set()
    thread.join(5)

    assert waited_in_vain == [False]
    assert seen.times(["old", "new"]) == {"old": 1, "new": 2}


def test_a_failed_read_is_not_an_error_of_the_message(
    ledger: Ledger, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, logs: list[Any]
) -> None:
    """If the file can't be opened, the events count as new."""
    duplicates = Duplicates(
        window_seconds=60, clock=clock, seen=SeenKeys(database_of(ledger), clock=clock)
    )
    database_of(ledger)._readers.clear()
    event = make_event()

    def fail(*_: Any, **__: Any) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    with monkeypatch.context() as broken:
        broken.setattr(sqlite3, "connect", fail)
        assert duplicates.begin([event], make_message(message_id="m1")) == [event]
    duplicates.end([event], handled=False)

    assert "ledger_failed" in [line["event"] for line in logs]
    assert duplicates.begin([event], make_message(message_id="m2")) == [event]

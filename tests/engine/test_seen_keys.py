"""The keys of events in the file: bounded, deleted in small steps, and never waited for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

import consumer.ledger.duplicates
from consumer.ledger.duplicates import (
    PURGE_INTERVAL_SECONDS,
    PURGE_SECONDS,
    PURGE_STEP,
    RECOUNT_SECONDS,
    Duplicates,
    SeenKeys,
)
from consumer.ledger.ledger import open_ledger
from consumer.messages import Outcome
from consumer.testing import ManualClock, make_event, make_message
from tests.engine.ledger_files import Writes, database_of, keys_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from consumer.ledger.ledger import Ledger
    from consumer.messages import Event

#: After so long a thread that waits for another is taken as stuck.
STUCK_SECONDS = 10


@pytest.fixture(name="ledger")
def _ledger(tmp_path: Path, clock: ManualClock) -> Ledger:
    return open_ledger(tmp_path, clock=clock)


def begin(duplicates: Duplicates, number: int, message_id: str) -> list[Event] | Outcome:
    """Begin a message with one event."""
    return duplicates.begin([make_event(number=number)], make_message(message_id=message_id))


def end(duplicates: Duplicates, number: int) -> None:
    """End it: the event with this number was handled."""
    duplicates.end([make_event(number=number)], handled=True)


class BusyKeys(SeenKeys):
    """Keys in a file; each call runs the test's `act` in the middle."""

    def __init__(self, ledger: Ledger, clock: ManualClock) -> None:
        super().__init__(database_of(ledger), clock=clock)
        self.act: Callable[[str], object] = lambda _what: None
        self.looked_up: list[str] = []

    def times(self, keys: Iterable[str]) -> dict[str, int]:
        keys = list(keys)
        self.looked_up += keys
        self.act("before times")
        found = super().times(keys)
        self.act("after times")
        return found

    def write(self, keys: Mapping[str, int]) -> bool:
        self.act("before write")
        written = super().write(keys)
        self.act("after write")
        return written

    def purge(self, *, before: float) -> bool:
        self.act("before purge")
        return super().purge(before=before)


@pytest.fixture(name="keys")
def _keys(ledger: Ledger, clock: ManualClock) -> BusyKeys:
    return BusyKeys(ledger, clock)


@pytest.fixture(name="duplicates")
def _duplicates(keys: BusyKeys, clock: ManualClock) -> Duplicates:
    return Duplicates(window_seconds=3600, clock=clock, seen=keys)


class Blocked:
    """A thread in the middle of a call to the file, until `let_go`."""

    def __init__(self, keys: BusyKeys, where: str, call: Callable[[], object]) -> None:
        self._entered, self._go = threading.Event(), threading.Event()
        #: Nothing else went on: it was given up.
        self.given_up = False

        def act(what: str) -> None:
            if what == where and threading.current_thread() is self._thread:
                self._entered.set()
                self.given_up = not self._go.wait(STUCK_SECONDS)

        keys.act = act
        self._thread = threading.Thread(target=call)
        self._thread.start()
        assert self._entered.wait(STUCK_SECONDS)

    def let_go(self) -> None:
        """Let it run to its end."""
        self._go.set()
        self._thread.join(STUCK_SECONDS)
        assert not self._thread.is_alive()


@pytest.mark.parametrize("where", ["before times", "before write", "before purge"])
def test_other_messages_go_on_while_a_thread_waits_for_the_file(
    duplicates: Duplicates, keys: BusyKeys, where: str
) -> None:
    """A slow disk delays only the message that needs it, and the housekeeper."""
    begin(duplicates, 1, "m1")
    end(duplicates, 1)
    call = duplicates.flush if where != "before times" else lambda: begin(duplicates, 2, "m2")
    blocked = Blocked(keys, where, call)

    new = begin(duplicates, 3, "m3")
    end(duplicates, 3)
    copy = begin(duplicates, 1, "copy")
    later = begin(duplicates, 3, "later")

    assert not blocked.given_up
    blocked.let_go()
    assert isinstance(new, list)
    assert len(new) == 1
    assert copy == later == []


@pytest.mark.parametrize("where", ["before times", "after times"])
@pytest.mark.parametrize("what", ["ends", "flushes", "ends and flushes"])
@pytest.mark.parametrize("ended", [False, True], ids=["under way", "ended"])
def test_a_copy_is_not_handled_whatever_happens_during_its_lookup(
    duplicates: Duplicates, keys: BusyKeys, where: str, what: str, *, ended: bool
) -> None:
    """The first copy ends, or its key moves to the file, between two steps of the second."""
    begin(duplicates, 1, "first")
    if ended:
        end(duplicates, 1)

    def act(moment: str) -> None:
        if moment == where:
            keys.act = lambda _moment: None
            if "ends" in what and not ended:
                end(duplicates, 1)
            if "flushes" in what:
                duplicates.flush()

    keys.act = act
    answer = begin(duplicates, 1, "second")

    assert answer == [] if ended else isinstance(answer, Outcome)


@pytest.mark.parametrize("where", ["before write", "after write", "before purge"])
def test_a_copy_that_arrives_during_a_write_is_recognised(
    duplicates: Duplicates, keys: BusyKeys, where: str
) -> None:
    """Its key is in memory until it is in the file."""
    begin(duplicates, 1, "first")
    end(duplicates, 1)
    answers: list[object] = []

    def act(moment: str) -> None:
        if moment == where:
            answers.append(begin(duplicates, 1, "second"))

    keys.act = act
    duplicates.flush()

    assert answers == [[]]
    assert begin(duplicates, 1, "third") == []


def test_a_key_handled_again_during_a_write_stays_in_memory(
    duplicates: Duplicates, keys: BusyKeys, clock: ManualClock, tmp_path: Path
) -> None:
    """The newer time counts, and is written with the next flush."""
    begin(duplicates, 1, "first")
    end(duplicates, 1)

    def act(moment: str) -> None:
        if moment == "after write":
            keys.act = lambda _moment: None
            clock.advance(3601)
            begin(duplicates, 1, "after the window")
            end(duplicates, 1)

    keys.act = act
    duplicates.flush()
    clock.advance(3000)

    assert begin(duplicates, 1, "copy of that") == []
    duplicates.flush()
    assert len(keys_in(tmp_path)) == 1
    assert begin(duplicates, 1, "and another") == []


def test_of_two_copies_at_once_one_is_handled(duplicates: Duplicates, keys: BusyKeys) -> None:
    """The second arrives while the first looks into the file: it is to be retried."""
    answers: list[list[Event] | Outcome] = []

    def act(moment: str) -> None:
        keys.act = lambda _moment: None
        answers.append(begin(duplicates, 1, f"second {moment}"))

    keys.act = act
    answers.append(begin(duplicates, 1, "first"))

    second, first = answers
    assert isinstance(first, list)
    assert isinstance(second, Outcome)


def envelope(events: int) -> list[Event]:
    """The events of one message; their order is in their index."""
    return [make_event(number=number, index=number, count=events) for number in range(events)]


def test_each_event_of_an_envelope_is_looked_up_once(
    duplicates: Duplicates, keys: BusyKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty thousand events cost twenty thousand keys and lookups, new or not."""
    made = 0
    make_key = consumer.ledger.duplicates._key
    events = envelope(500)
    many = events * 40

    def count(event: Event) -> str:
        nonlocal made
        made += 1
        return make_key(event)

    monkeypatch.setattr(consumer.ledger.duplicates, "_key", count)
    message = make_message()
    assert duplicates.begin(many, message) == events
    assert made == len(many)
    assert sorted(keys.looked_up) == sorted({make_key(event) for event in events})

    duplicates.end(events, handled=True)
    duplicates.flush()
    del keys.looked_up[:]
    assert duplicates.begin(many, message) == []
    assert made == 2 * len(many) + len(events)
    assert len(keys.looked_up) == len(events)


def test_new_events_keep_their_order(duplicates: Duplicates) -> None:
    """Copies among the events of an envelope only leave gaps."""
    events = envelope(10)
    duplicates.begin([events[3], events[7]], make_message(message_id="m1"))
    duplicates.end([events[3], events[7]], handled=True)

    new = duplicates.begin(events, make_message(message_id="m2"))

    assert new == [event for event in events if event.index not in {3, 7}]


def test_of_equal_events_the_first_is_handled(duplicates: Duplicates) -> None:
    """The others are its copies."""
    events = [make_event(index=index) for index in range(3)]

    new = duplicates.begin(events, make_message())

    assert isinstance(new, list)
    assert [event.index for event in new] == [0]


def test_a_message_that_waits_claims_nothing(duplicates: Duplicates) -> None:
    """Its other events may be handled in other messages meanwhile."""
    begin(duplicates, 1, "m1")

    both: Sequence[Event] = [make_event(number=2), make_event(number=1)]
    assert isinstance(duplicates.begin(both, make_message(message_id="m2")), Outcome)

    assert isinstance(begin(duplicates, 2, "m3"), list)


def test_memory_is_bounded(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file the oldest keys are forgotten; a key that is handled again counts as new."""
    monkeypatch.setattr(consumer.ledger.duplicates, "MOST_KEYS_IN_MEMORY", 3)
    duplicates = Duplicates(window_seconds=60, clock=clock, seen=None)
    for number in (0, 1, 2):
        begin(duplicates, number, f"m{number}")
        end(duplicates, number)
    clock.advance(61)
    for number in (0, 3):
        begin(duplicates, number, f"again {number}")
        end(duplicates, number)

    assert len(duplicates._fresh) == 3
    assert begin(duplicates, 0, "copy") == []


def test_old_keys_are_deleted_from_memory(clock: ManualClock) -> None:
    """Without a file they are kept for the window, and no longer."""
    duplicates = Duplicates(window_seconds=60, clock=clock, seen=None)
    for number in range(5):
        begin(duplicates, number, f"m{number}")
        end(duplicates, number)
        clock.advance(20)

    duplicates.flush()

    assert len(duplicates._fresh) == 3


def deletes_by_transaction(statements: list[str]) -> list[int]:
    """How many keys each transaction deleted."""
    found: list[int] = []
    for statement in statements:
        if statement.startswith("BEGIN"):
            found.append(0)
        elif statement.startswith("DELETE"):
            found[-1] += 1
    return found


def test_old_keys_are_deleted_in_small_steps(
    ledger: Ledger, clock: ManualClock, tmp_path: Path
) -> None:
    """Other writes can take place in between."""
    keys = SeenKeys(database_of(ledger), clock=clock)
    keys.write({f"old {number}": number for number in range(1300)})
    keys.write({"new": 5000})
    writes = Writes(database_of(ledger))

    assert keys.purge(before=5000)

    assert deletes_by_transaction(writes.statements) == [PURGE_STEP, PURGE_STEP, 300]
    assert keys_in(tmp_path) == ["new"]


def test_the_oldest_of_too_many_are_deleted_in_small_steps(
    ledger: Ledger, clock: ManualClock, tmp_path: Path
) -> None:
    """However new they are; the bound also holds after a restart."""
    database = database_of(ledger)
    SeenKeys(database, clock=clock).write({f"{number:04}": number for number in range(1200)})
    keys = SeenKeys(database, clock=clock, most_keys=100)
    writes = Writes(database)

    assert keys.purge(before=0)

    assert deletes_by_transaction(writes.statements) == [PURGE_STEP, PURGE_STEP, 100]
    assert keys_in(tmp_path) == [f"{number:04}" for number in range(1100, 1200)]


def test_a_key_that_was_written_twice_counts_once(
    ledger: Ledger, clock: ManualClock, tmp_path: Path
) -> None:
    """Keys are counted before any are deleted because there are too many; but not each time."""
    keys = SeenKeys(database_of(ledger), clock=clock, most_keys=10)
    for at in range(5):
        keys.write({f"key {number}": at for number in range(10)})

    assert keys.purge(before=0)
    assert len(keys_in(tmp_path)) == 10

    keys.write({f"more {number}": 9 for number in range(5)})
    clock.advance(RECOUNT_SECONDS)
    assert keys.purge(before=0)
    assert len(keys_in(tmp_path)) == 10


def test_keys_are_not_counted_all_the_time(
    ledger: Ledger, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if there are too many for long: counting millions of rows takes a tenth of a second."""
    keys = SeenKeys(database_of(ledger), clock=clock, most_keys=10)
    counts = 0
    recount = keys._recount

    def count_counts() -> None:
        nonlocal counts
        counts += 1
        recount()

    monkeypatch.setattr(keys, "_recount", count_counts)
    for round_ in range(20):
        keys.write({f"key {round_} {number}": round_ for number in range(20)})
        keys.purge(before=0)

    assert counts == 1


class SlowClock(ManualClock):
    """Time passes with every look at it."""

    seconds = 0.0

    def monotonic(self) -> float:
        self.advance(self.seconds)
        return super().monotonic()


def test_keys_left_by_one_purge_are_deleted_by_the_next(tmp_path: Path) -> None:
    """A slow disk neither delays the housekeeper nor lets the file grow without end."""
    clock = SlowClock()
    ledger = open_ledger(tmp_path, clock=clock)
    keys = SeenKeys(database_of(ledger), clock=clock)
    keys.write({f"old {number}": number for number in range(4 * PURGE_STEP)})
    duplicates = Duplicates(window_seconds=60, clock=clock, seen=keys)
    writes = Writes(database_of(ledger))

    clock.seconds = PURGE_SECONDS / 4
    flushes = 0
    while keys_in(tmp_path):
        duplicates.flush()
        flushes += 1
        assert flushes < 10
    assert flushes > 1

    clock.seconds = 0.0
    duplicates.flush()
    made = writes.attempts
    for _ in range(10):
        clock.advance(PURGE_INTERVAL_SECONDS / 11)
        duplicates.flush()
    assert writes.attempts == made

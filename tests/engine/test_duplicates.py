"""Events that the producer sent twice are handled once, and never zero times."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

import consumer.ledger.duplicates
from consumer.engine.inflight import InFlightMessage
from consumer.engine.stats import Stats
from consumer.ledger.database import PAUSE_SECONDS
from consumer.ledger.duplicates import PURGE_INTERVAL_SECONDS, Duplicates, SeenKeys
from consumer.ledger.ledger import Ledger, open_ledger
from consumer.testing import ManualClock, canvas_body, make_event, make_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]

ENGINE = {"deduplicate": "window", "deduplicate_window_seconds": 3600}
BODY = canvas_body("grade_change")


def caliper_body_of(event_id: str) -> str:
    """An envelope with one event of that id."""
    event = {
        "id": event_id,
        "type": "Event",
        "action": "Created",
        "object": {"id": "urn:instructure:canvas:group:1", "type": "Group"},
    }
    return json.dumps({
        "sensor": "http://canvas.example.edu/",
        "sendTime": "2024-03-01T12:00:00.000Z",
        "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1",
        "data": [event],
    })  # fmt: skip


def test_a_copy_is_deleted_and_not_handled(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """A copy is another message with the same content."""
    rig = make_rig(registry, engine=ENGINE)
    first, second = rig.queue.send(BODY), rig.queue.send(BODY)

    rig.cycle()

    assert len(handled) == 1
    assert {first, second} == set(rig.queue.deleted())
    assert rig.stats["duplicate_events"] == 1


def test_without_the_option_both_are_handled(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """Off is the default: every message is handled."""
    rig = make_rig(registry)
    rig.queue.send(BODY)
    rig.queue.send(BODY)

    rig.cycle()

    assert len(handled) == 2


def test_after_the_window_it_is_another_event(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """The same content an hour later may be meant."""
    rig = make_rig(registry, engine=ENGINE)
    for pause in (3599, 3602):
        rig.queue.send(BODY)
        rig.cycle()
        rig.clock.advance(pause)
    rig.queue.send(BODY)
    rig.cycle()

    assert len(handled) == 2


def test_a_copy_of_a_failed_event_is_handled(make_rig: MakeRig, registry: Registry) -> None:
    """Only success makes the others duplicates."""
    tries: list[str] = []

    def fail_once(event: Event) -> None:
        tries.append(event.message_id)
        if len(tries) == 1:
            raise ConnectionError

    registry.add(fail_once, "*")
    rig = make_rig(registry, engine=ENGINE)
    first, second = rig.queue.send(BODY), rig.queue.send(BODY)

    rig.cycle()
    rig.clock.advance(60)
    rig.cycle()

    assert [first, second] == tries
    assert {first, second} == set(rig.queue.deleted())


def test_a_copy_waits_while_the_first_is_being_handled(
    make_rig: MakeRig, registry: Registry
) -> None:
    """While the first is in a batch, the second is to be retried; then it is a duplicate."""
    batches: list[int] = []
    registry.add(
        lambda events: batches.append(len(events)), "*", name="all", batch=10, linger_seconds=5
    )
    rig = make_rig(registry, engine=ENGINE)
    rig.queue.send(BODY)
    rig.queue.send(BODY)
    rig.receive()
    rig.work()

    for _ in range(40):
        rig.beat(1)
        rig.work()
        rig.settle()
        rig.cycle()

    assert [1] == batches
    assert len(rig.queue.deleted()) == 2


def test_a_copy_of_an_event_that_waits_for_hours_uses_up_few_deliveries(
    make_rig: MakeRig, registry: Registry
) -> None:
    """A breaker holds the first; the second must not end in the DLQ meanwhile."""

    def fail(_event: Event) -> None:
        raise ConnectionError

    registry.add(fail, "grade_change", name="fails")
    registry.add(lambda _event: None, "logged_in", name="healthy")
    rig = make_rig(registry, engine={**ENGINE, "breaker_failures": 1})
    rig.queue.send(BODY)
    rig.cycle()
    copy = rig.queue.send(BODY)

    for _ in range(360):
        rig.cycle()
        rig.beat(10, step=5)

    assert list(rig.status.failing_handlers) == ["fails"]
    assert rig.stats["received"] - rig.stats["redelivered"] == 2
    assert rig.stats["redelivered"] <= 4
    assert copy not in rig.queue.deleted()


def test_a_copy_of_a_slow_event_is_retried_ever_later(
    make_rig: MakeRig, registry: Registry
) -> None:
    """An hour in a batch costs the copy a few deliveries, not one every few seconds."""
    registry.add(lambda _events: None, "*", name="all", batch=10, linger_seconds=3600)
    rig = make_rig(registry, engine=ENGINE)
    rig.queue.send(BODY)
    rig.queue.send(BODY)

    for _ in range(340):
        rig.cycle()
        rig.beat(10, step=5)

    assert 2 <= rig.stats["redelivered"] <= 8


def test_keys_survive_the_process(
    make_rig: MakeRig,
    registry: Registry,
    handled: list[str],
    tmp_path: Path,
    clock: ManualClock,
) -> None:
    """They are in the ledger's file."""
    for _ in range(2):
        ledger = open_ledger(tmp_path, clock=clock)
        rig = make_rig(registry, engine=ENGINE, clock=clock, ledger=ledger)
        rig.queue.send(BODY)
        rig.cycle()
        rig.beat(1)

    assert len(handled) == 1


def test_one_of_two_handlers_is_not_enough(make_rig: MakeRig, registry: Registry) -> None:
    """Copies are duplicates only once all handlers of the message have succeeded."""
    seen: list[str] = []

    def store(event: Event) -> None:
        if not seen:
            seen.append("failed")
            raise ConnectionError
        seen.append(event.message_id)

    registry.add(store, "*", name="store")
    registry.add(lambda _event: None, "*", name="other")
    rig = make_rig(registry, engine=ENGINE)
    first = rig.queue.send(BODY)
    rig.cycle()
    second = rig.queue.send(BODY)
    rig.cycle()
    rig.clock.advance(60)
    rig.cycle()

    assert seen[0] == "failed"
    assert len(seen) == 2
    assert {first, second} == set(rig.queue.deleted())


def make(clock: ManualClock, ledger: Ledger | None = None, **options: Any) -> Duplicates:
    database = ledger.database if ledger is not None else None
    seen = SeenKeys(database, clock=clock, **options) if database is not None else None
    return Duplicates(window_seconds=3600, clock=clock, seen=seen)


def begin(duplicates: Duplicates, events: Sequence[Event], message_id: str) -> Any:
    return duplicates.begin(events, make_message(message_id=message_id))


def go(duplicates: Duplicates, events: Sequence[Event], message_id: str) -> Any:
    answer = begin(duplicates, events, message_id)
    duplicates.end(events, handled=True)
    return answer


def count_of(ledger: Ledger) -> int:
    assert ledger.database is not None
    (count,) = ledger.database._writer.execute("SELECT count(*) FROM seen").fetchone()
    return int(count)


def test_equal_events_in_one_envelope_are_handled_once(clock: ManualClock) -> None:
    """The second of two equal events of one message is a duplicate, too."""
    event = make_event()

    assert [event] == go(make(clock), [event, make_event()], "m1")


def test_the_same_id_with_another_name_is_another_event(clock: ManualClock) -> None:
    """A sender that uses one id twice loses nothing."""
    duplicates = make(clock)
    one, two = make_event("grade_change"), make_event("logged_in")
    object.__setattr__(one, "_key", "urn:uuid:1")
    object.__setattr__(two, "_key", "urn:uuid:1")

    assert [[one], [two]] == [go(duplicates, [one], "m1"), go(duplicates, [two], "m2")]


def test_old_keys_are_deleted_from_the_file(tmp_path: Path, clock: ManualClock) -> None:
    """The file does not grow without end."""
    ledger = open_ledger(tmp_path, clock=clock)
    duplicates = make(clock, ledger)
    for number in range(5):
        go(duplicates, [make_event(number=number)], f"m{number}")
    duplicates.flush()
    assert count_of(ledger) == 5

    clock.advance(4000)
    duplicates.flush()

    assert count_of(ledger) == 0


def test_the_keys_in_the_file_are_bounded(tmp_path: Path, clock: ManualClock) -> None:
    """However many arrive within the window, the oldest are deleted."""
    ledger = open_ledger(tmp_path, clock=clock)
    duplicates = make(clock, ledger, most_keys=100)
    events = [make_event(number=number) for number in range(400)]
    for number, event in enumerate(events):
        go(duplicates, [event], f"m{number}")
        if number % 50 == 49:
            clock.advance(PURGE_INTERVAL_SECONDS)
            duplicates.flush()

    clock.advance(PURGE_INTERVAL_SECONDS)
    duplicates.flush()

    assert count_of(ledger) <= 100
    assert begin(duplicates, events[-1:], "newest") == []
    assert begin(duplicates, events[:1], "oldest") == events[:1]


def test_a_full_disk_keeps_the_keys_in_memory(tmp_path: Path, clock: ManualClock) -> None:
    """They are written once there is room."""
    ledger = open_ledger(tmp_path, clock=clock)
    assert ledger.database is not None
    execute = ledger.database._writer.execute
    (pages,) = execute("PRAGMA page_count").fetchone()
    execute(f"PRAGMA max_page_count = {pages}")
    duplicates = make(clock, ledger)
    events = [make_event(number=number) for number in range(300)]
    for number, event in enumerate(events):
        go(duplicates, [event], f"m{number}")

    duplicates.flush()
    assert begin(duplicates, events[:1], "again") == []
    execute("PRAGMA max_page_count = 100000")
    clock.advance(PAUSE_SECONDS)
    duplicates.flush()

    assert count_of(ledger) == 300


def test_the_work_is_linear_in_the_events_of_an_envelope(clock: ManualClock) -> None:
    """Each key is made, hashed and compared a few times, whatever the number of events."""

    def comparisons(events: int) -> int:
        class Key(str):
            """A key that counts how often it is compared."""

            __slots__ = ()
            compared = 0

            def __eq__(self, other: object) -> bool:
                type(self).compared += 1
                return str.__eq__(self, other)

            __hash__ = str.__hash__

        many = [make_event(number=number) for number in range(events)]
        keys = iter([Key(f"key-{number % (events // 2)}") for number in range(events)] * 2)
        duplicates = make(clock)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(consumer.ledger.duplicates, "_key", lambda _event: next(keys))
            assert len(go(duplicates, many, "m1")) == events // 2
        return Key.compared

    assert comparisons(4_000) <= 12 * comparisons(400)


class Meanwhile:
    """Keys in a slow file: others act while a lookup is under way."""

    def __init__(self, real: SeenKeys, act: Callable[[], None]) -> None:
        self._real = real
        self._act = act

    def times(self, keys: Any) -> dict[str, int]:
        self._act()
        return self._real.times(keys)

    def write(self, keys: Any) -> bool:
        return self._real.write(keys)

    def purge(self, *, before: float) -> bool:
        self._act()
        return self._real.purge(before=before)


def test_no_lookup_in_the_file_is_made_under_the_lock(tmp_path: Path, clock: ManualClock) -> None:
    """While one message waits for the disk, others begin and end."""
    ledger = open_ledger(tmp_path, clock=clock)
    assert ledger.database is not None
    others: list[Any] = []
    busy = False

    def act() -> None:
        nonlocal busy
        if not busy:
            busy = True
            others.append(go(duplicates, [make_event(number=1)], "other"))

    seen: Any = Meanwhile(SeenKeys(ledger.database, clock=clock), act)
    duplicates = Duplicates(window_seconds=3600, clock=clock, seen=seen)

    go(duplicates, [make_event(number=2)], "first")
    busy = False
    duplicates.flush()

    assert [len(new) for new in others] == [1, 0]


def test_a_copy_that_arrives_during_the_lookup_waits(tmp_path: Path, clock: ManualClock) -> None:
    """The first has claimed the key before it looks into the file."""
    ledger = open_ledger(tmp_path, clock=clock)
    assert ledger.database is not None
    answers: list[Any] = []

    def act() -> None:
        if not answers:
            answers.append(begin(duplicates, [make_event(number=1)], "copy"))

    seen: Any = Meanwhile(SeenKeys(ledger.database, clock=clock), act)
    duplicates = Duplicates(window_seconds=3600, clock=clock, seen=seen)

    assert len(begin(duplicates, [make_event(number=1)], "first")) == 1
    assert answers[0].verdict == "retry"


def test_a_key_written_during_the_lookup_is_found(tmp_path: Path, clock: ManualClock) -> None:
    """Keys move from memory to the file during the lookup of a copy: they are in one of them."""
    ledger = open_ledger(tmp_path, clock=clock)
    assert ledger.database is not None
    real = SeenKeys(ledger.database, clock=clock)
    duplicates = Duplicates(window_seconds=3600, clock=clock, seen=None)
    seen: Any = Meanwhile(real, duplicates.flush)
    duplicates._seen = seen
    duplicates._purge_due = float("inf")
    go(duplicates, [make_event(number=1)], "first")

    assert begin(duplicates, [make_event(number=1)], "copy") == []


@pytest.mark.parametrize(
    "body",
    [
        canvas_body("made\ud800up"),
        caliper_body_of("urn:uuid:\ud800"),
        caliper_body_of("x" * 100_000),
        caliper_body_of("\x00"),
    ],
    ids=["a name", "an id", "a long id", "a control character"],
)
def test_keys_that_no_database_accepts_are_recognised(
    make_rig: MakeRig, registry: Registry, tmp_path: Path, clock: ManualClock, body: str
) -> None:
    """Half of a surrogate pair is legal in JSON: it must not end the process again and again."""
    handled: list[str] = []
    registry.add(lambda event: handled.append(event.key), "*")
    ledger = open_ledger(tmp_path, clock=clock)
    rig = make_rig(registry, engine={"deduplicate": "window"}, ledger=ledger, clock=clock)
    for _ in range(2):
        rig.queue.send(body)

    rig.cycle()
    rig.worker.threads.tick()
    rig.clock.advance(60)
    rig.cycle()

    assert len(handled) == 1
    assert len(handled[0]) <= 200
    assert handled[0].isprintable()
    assert rig.stats["duplicate_events"] == 1
    assert len(rig.queue.deleted()) == 2
    ledger.close()


def test_a_message_of_which_all_events_are_duplicates_counts_as_handled() -> None:
    """It is deleted: handled and deleted messages must add up."""
    stats = Stats()

    stats.handled([InFlightMessage(make_message(), visible_at=30.0)])

    assert (stats["handled"], stats.events()) == (1, {})


def test_the_end_of_a_short_run_writes_its_keys(
    make_rig: MakeRig, registry: Registry, handled: list[str], clock: ManualClock, tmp_path: Path
) -> None:
    """Also if the housekeeper has not looked since: the next process knows the event."""
    for _ in range(2):
        with closing(open_ledger(tmp_path, clock=clock)) as ledger:
            rig = make_rig(registry, engine=ENGINE, ledger=ledger, clock=clock)
            rig.queue.send(BODY)
            rig.receive()
            rig.work()
            rig.parts.outbox.send(partial=True)
            rig.worker.drain(lambda _seconds: False)

    assert len(handled) == 1

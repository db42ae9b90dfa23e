"""Events that the producer sent twice: handled once, and never for that reason not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from consumer.ledger.duplicates import Duplicates
from consumer.ledger.ledger import Ledger, open_ledger
from consumer.testing import ManualClock, canvas_body, make_event

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


@pytest.fixture(name="handled")
def _handled(registry: Registry) -> list[str]:
    handled: list[str] = []
    registry.add(lambda event: handled.append(event.message_id), "*", name="one")
    return handled


def test_a_copy_is_deleted_and_not_handled(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """Another message, the same content: once is enough."""
    rig = make_rig(registry, engine=ENGINE)
    first, second = rig.queue.send(BODY), rig.queue.send(BODY)

    rig.cycle()

    assert len(handled) == 1
    assert {first, second} == set(rig.queue.deleted())
    assert rig.stats["duplicate_events"] == 1


def test_without_the_option_both_are_handled(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """Off is the default: whoever counts on every message gets every message."""
    rig = make_rig(registry)
    rig.queue.send(BODY)
    rig.queue.send(BODY)

    rig.cycle()

    assert len(handled) == 2


def test_after_the_window_it_is_another_event(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """What comes an hour later with the same content may be meant."""
    rig = make_rig(registry, engine=ENGINE)
    for pause in (3599, 3602):
        rig.queue.send(BODY)
        rig.cycle()
        rig.clock.advance(pause)
    rig.queue.send(BODY)
    rig.cycle()

    assert len(handled) == 2


def test_a_copy_of_what_failed_is_handled(make_rig: MakeRig, registry: Registry) -> None:
    """Only success makes a duplicate of the others."""
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
    """In a batch neither has ended yet: the second comes again, and is a duplicate then."""
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


def test_a_copy_of_what_waits_for_hours_uses_up_few_deliveries(
    make_rig: MakeRig, registry: Registry
) -> None:
    """The first is kept by its handler's breaker; the second must not end in the DLQ meanwhile."""

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
    assert rig.stats["redelivered"] <= 1
    assert copy not in rig.queue.deleted()


def test_a_copy_of_what_takes_long_comes_ever_later(make_rig: MakeRig, registry: Registry) -> None:
    """An hour in a batch costs the copy some deliveries, and not one every few seconds."""
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
    """A message is handled when all of its handlers succeeded; only then are copies duplicates."""
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


def make(clock: ManualClock, ledger: Ledger) -> Duplicates:
    return Duplicates(window_seconds=3600, clock=clock, journal=ledger.journal)


def go(duplicates: Duplicates, events: Sequence[Event], message_id: str) -> Any:
    answer = duplicates.begin(events, message_id)
    duplicates.end(events, handled=True)
    return answer


def test_twice_in_one_envelope_is_twice(clock: ManualClock) -> None:
    """The second of two equal events of one message is a duplicate, too."""
    event = make_event()

    assert [True, False] == go(make(clock, Ledger()), [event, make_event()], "m1")


def test_the_same_id_of_another_kind_is_another_event(clock: ManualClock) -> None:
    """A sender that uses one id twice loses nothing."""
    duplicates = make(clock, Ledger())
    one, two = make_event("grade_change"), make_event("logged_in")
    object.__setattr__(one, "_key", "urn:uuid:1")
    object.__setattr__(two, "_key", "urn:uuid:1")

    assert [[True], [True]] == [go(duplicates, [one], "m1"), go(duplicates, [two], "m2")]


def test_old_keys_leave_the_file(tmp_path: Path, clock: ManualClock) -> None:
    """It does not grow for ever."""
    ledger = open_ledger(tmp_path, clock=clock)
    duplicates = make(clock, ledger)
    assert ledger.journal is not None
    for number in range(5):
        go(duplicates, [make_event(number=number)], f"m{number}")
    duplicates.flush()
    count = "SELECT count(*) FROM seen"
    assert (5,) == ledger.journal._connection.execute(count).fetchone()

    clock.advance(4000)
    duplicates.flush()

    assert (0,) == ledger.journal._connection.execute(count).fetchone()


def test_a_full_disk_keeps_the_keys_in_memory(tmp_path: Path, clock: ManualClock) -> None:
    """They are written when there is room again."""
    ledger = open_ledger(tmp_path, clock=clock)
    assert ledger.journal is not None
    execute = ledger.journal._connection.execute
    (pages,) = execute("PRAGMA page_count").fetchone()
    execute(f"PRAGMA max_page_count = {pages}")
    duplicates = make(clock, ledger)
    events = [make_event(number=number) for number in range(300)]
    for number, event in enumerate(events):
        go(duplicates, [event], f"m{number}")

    duplicates.flush()
    assert [False] == duplicates.begin(events[:1], "again")
    execute("PRAGMA max_page_count = 100000")
    duplicates.flush()

    assert (300,) == execute("SELECT count(*) FROM seen").fetchone()


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
def test_what_no_database_takes_is_told_apart_all_the_same(
    make_rig: MakeRig, registry: Registry, tmp_path: Path, clock: ManualClock, body: str
) -> None:
    """Half of a surrogate pair is legal in JSON: it must not end the process, again and again."""
    handled: list[str] = []
    registry.add(lambda event: handled.append(event.key), "*")
    ledger = open_ledger(tmp_path, clock=clock)
    rig = make_rig(registry, engine={"deduplicate": "window"}, ledger=ledger, clock=clock)
    for _ in range(2):
        rig.queue.send(body)

    rig.cycle()
    rig.parts.housekeeper.tick()
    rig.clock.advance(60)
    rig.cycle()

    assert len(handled) == 1
    assert len(handled[0]) <= 200
    assert handled[0].isprintable()
    assert rig.stats["duplicate_events"] == 1
    assert len(rig.queue.deleted()) == 2
    ledger.close()

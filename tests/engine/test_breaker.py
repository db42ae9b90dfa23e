"""The circuit breaker: an outage behind a handler uses up no deliveries, and ends by itself."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from consumer import log_events
from consumer.engine.inflight import InFlight
from consumer.engine.waiting import RETRY_WAIT, WaitingForRetry
from consumer.errors import BatchFailure, Reject, Retry, Unavailable
from consumer.handlers.registering.registry import Registry
from consumer.messages import Outcome
from consumer.testing import InMemoryQueue, canvas_body
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from consumer.engine.inflight import InFlightMessage
    from consumer.messages import Context, Event
    from consumer.testing import ManualClock
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]

ENGINE = {"breaker_failures": 5, "settle_linger_seconds": 0}
HOUR = 3600


class Database:
    """What a handler depends on: down, up, and unable to store some events for good."""

    def __init__(self) -> None:
        self.down = True
        self.poison: set[str] = set()
        self.asked = 0
        self.receive_counts: Counter[str] = Counter()
        self.stored: list[str] = []

    def store(self, event: Event, context: Any) -> None:
        """A handler of one event."""
        self.asked += 1
        message_id = event.message_id
        self.receive_counts[message_id] = max(
            self.receive_counts[message_id], context.receive_count
        )
        if self.down or message_id in self.poison:
            raise ConnectionError
        self.stored.append(message_id)

    def store_all(self, events: Sequence[Event]) -> None:
        """A handler of batches."""
        self.asked += 1
        if self.down:
            raise ConnectionError
        failed = {e: ValueError() for e in events if e.message_id in self.poison}
        self.stored += [e.message_id for e in events if e not in failed]
        if failed:
            raise BatchFailure(failed)


@pytest.fixture(name="database")
def _database() -> Database:
    return Database()


@pytest.mark.parametrize("messages", [1, 2, 4, 30, 500])
def test_an_hour_of_outage_costs_two_receives_at_most(
    make_rig: MakeRig, registry: Registry, database: Database, messages: int
) -> None:
    """However many messages wait. After the outage, everything is handled within minutes."""
    registry.add(database.store, "*", name="store")
    rig = make_rig(registry, engine=ENGINE)
    ids = rig.send(count=messages)

    rig.live(HOUR)

    assert max(database.receive_counts.values()) <= 2
    assert database.asked < 150  # a probe now and then, and no more
    assert list(rig.status.failing_handlers) == ["store"]

    database.down = False
    rig.live(400)

    assert sorted(ids) == sorted(database.stored)
    assert max(database.receive_counts.values()) <= 2
    assert list(rig.status.failing_handlers) == []
    assert rig.queue.visible() == rig.queue.in_flight() == []


def test_nothing_is_received_while_every_message_would_need_the_handler(
    make_rig: MakeRig, registry: Registry, database: Database
) -> None:
    """The backlog stays in the queue; one message at a time is received as a probe."""
    registry.add(database.store, "*", name="store")
    rig = make_rig(registry, engine=ENGINE)
    rig.send(count=100)

    rig.live(60)

    assert len(rig.held()) <= 20
    assert set(rig.calls("receive")[1:]) <= {0, 1}


def test_other_handlers_go_on(make_rig: MakeRig, registry: Registry, database: Database) -> None:
    """They get every message once; the failing handler gets its own after the outage."""
    seen: Counter[str] = Counter()
    registry.add(database.store, "*", name="store")
    registry.add(lambda event: seen.update([event.message_id]), "*", name="healthy")
    registry.add(lambda _event: None, "grade_change", name="third")
    rig = make_rig(registry, engine={**ENGINE, "max_in_flight_messages": 60})
    registry_ids = rig.send(count=20)

    rig.live(30)
    database.down = False
    rig.live(60)

    assert sorted(registry_ids) == sorted(database.stored)
    assert set(seen.values()) == {1}


def test_messages_without_room_are_redelivered_within_an_hour(
    make_rig: MakeRig, registry: Registry, database: Database
) -> None:
    """A handler that only some events need must not block the receives for the others."""
    others: list[str] = []
    registry.add(database.store, "grade_change", name="store")
    registry.add(lambda event: others.append(event.message_id), "logged_in", name="healthy")
    rig = make_rig(registry, engine={**ENGINE, "max_in_flight_messages": 20})
    grades, logins = rig.send(count=40), rig.send("logged_in", count=40)

    rig.live(HOUR - 60)

    assert sorted(logins) == sorted(others)
    assert max(database.receive_counts.values()) <= 2
    assert len(rig.held()) <= 10

    database.down = False
    rig.live(HOUR)

    assert sorted(grades) == sorted(database.stored)


def test_a_batch_is_probed_with_one_event(
    make_rig: MakeRig, registry: Registry, database: Database
) -> None:
    """Half-open, it risks one message; then the rest of the batch follows."""
    sizes: list[int] = []

    def store(events: Sequence[Event]) -> None:
        sizes.append(len(events))
        database.store_all(events)

    registry.add(store, "*", batch=10, linger_seconds=0)
    rig = make_rig(registry, engine={**ENGINE, "breaker_failures": 1})
    ids = rig.send(count=20)

    rig.live(60)
    assert set(sizes[1:]) == {1}

    database.down = False
    rig.live(320)

    assert sorted(ids) == sorted(database.stored)


def test_a_poison_message_does_not_hold_up_the_others(
    make_rig: MakeRig, registry: Registry, database: Database
) -> None:
    """Events that fail by their own fault use up their deliveries; the others are handled."""
    database.down = False
    registry.add(database.store, "*", name="store")
    rig = make_rig(registry, engine=ENGINE)
    ids = rig.send(count=40)
    database.poison = set(ids[:10])

    rig.live(600)

    assert sorted(ids[10:]) == sorted(database.stored)
    assert max(database.receive_counts[message_id] for message_id in ids[:10]) > 2


def test_a_handler_that_asks_for_a_later_delivery_does_not_open_it(
    make_rig: MakeRig, registry: Registry
) -> None:
    """The handler itself knows best when to retry."""

    def later(_event: Event) -> None:
        raise Retry(after=600)

    registry.add(later, "*")
    rig = make_rig(registry, engine=ENGINE)
    rig.send(count=40)

    rig.live(60)

    assert list(rig.status.failing_handlers) == []


def test_a_reject_is_a_decision_and_closes_it(
    make_rig: MakeRig, registry: Registry, logs: list[Any]
) -> None:
    """The handler works: it has examined the event."""
    down = True

    def judge(_event: Event) -> None:
        if down:
            raise ConnectionError
        raise Reject("no such course")

    registry.add(judge, "*")
    rig = make_rig(registry, engine=ENGINE)
    rig.send(count=10)
    rig.live(2)
    assert list(rig.status.failing_handlers) == ["judge"]

    down = False
    rig.live(30)

    assert list(rig.status.failing_handlers) == []
    logged = [line["event"] for line in logs if line["event"].startswith("breaker")]
    assert ["breaker_opened", "breaker_closed"] == [logged[0], logged[-1]]


def test_a_drain_releases_what_the_breaker_holds(
    make_rig: MakeRig, registry: Registry, database: Database
) -> None:
    """At once; what other handlers did for these messages is remembered."""
    seen: list[str] = []
    registry.add(database.store, "*", name="store")
    registry.add(lambda event: seen.append(event.message_id), "*", name="healthy")
    rig = make_rig(registry, engine=ENGINE)
    ids = rig.send(count=10)
    rig.live(3)
    held = rig.held()
    before = rig.clock.monotonic()

    account = rig.drain()

    assert rig.clock.monotonic() - before < 5
    assert held
    assert set(held) <= set(rig.queue.visible())
    assert account.abandoned == 0
    assert all(rig.parts.ledger.succeeded(i) == {(0, "healthy")} for i in ids)


def test_a_concurrency_gate_and_a_breaker_agree(
    make_rig: MakeRig, registry: Registry, database: Database
) -> None:
    """A held call gives its place at the gate back: afterwards there are as many as before."""
    registry.add(database.store, "*", name="store", concurrency=2)
    rig = make_rig(registry, engine=ENGINE)
    ids = rig.send(count=30)

    rig.live(30)
    database.down = False
    rig.live(120)

    assert sorted(ids) == sorted(database.stored)
    assert rig.parts.admission._gates["store"]._inside == 0


def test_it_can_be_switched_off(make_rig: MakeRig, registry: Registry, database: Database) -> None:
    """Then every failure is a retry of that message alone."""
    registry.add(database.store, "*", name="store")
    rig = make_rig(registry, engine={**ENGINE, "breaker_failures": 0})
    rig.send(count=10)

    rig.live(120)

    assert max(database.receive_counts.values()) > 2


def test_a_probe_that_never_returns_is_followed_by_another(
    make_rig: MakeRig, registry: Registry, database: Database
) -> None:
    """One call that hangs for good must not block everything else."""
    registry.add(database.store, "*", name="store")
    rig = make_rig(registry, engine=ENGINE)
    ids = rig.send(count=30)
    rig.live(60)
    while not rig.queued():
        rig.beat(1)
    hanging = rig.parts.admission.take_ready()
    assert hanging is not None
    database.down = False

    rig.live(240)
    meanwhile = len(database.stored)
    rig.live(120)

    assert meanwhile == 0
    assert len(database.stored) == len(ids) - 1
    rig.parts.flow.go_on(hanging)
    assert sorted(ids) == sorted(database.stored)


def test_two_handlers_that_fail_leave_room_for_a_third(
    make_rig: MakeRig, registry: Registry, database: Database
) -> None:
    """Together they hold half of the capacity at most, and each still gets probes."""
    logins: list[str] = []
    registry.add(database.store, "grade_change", name="store")
    registry.add(database.store, "course_created", name="store-2")
    registry.add(lambda event: logins.append(event.message_id), "logged_in", name="healthy")
    rig = make_rig(registry, engine={**ENGINE, "max_in_flight_messages": 20})
    kept = rig.send(count=40) + rig.send("course_created", count=40)
    sent = rig.send("logged_in", count=40)

    rig.live(600)

    assert sorted(sent) == sorted(logins)
    assert max(database.receive_counts.values()) <= 2
    assert set(rig.status.failing_handlers) == {"store", "store-2"}

    database.down = False
    rig.live(HOUR + 60)

    assert sorted(kept) == sorted(database.stored)


def selective(registry: Registry, database: Database, others: list[str]) -> None:
    """A handler that some events need, and one for others."""
    registry.add(database.store, "grade_change", name="store")
    registry.add(lambda event: others.append(event.message_id), "logged_in", name="healthy")


def test_waiting_messages_become_visible_when_the_handler_works_again(
    make_rig: MakeRig, registry: Registry, database: Database
) -> None:
    """A short outage with a long backlog delays messages by its own length, not by an hour."""
    selective(registry, database, [])
    rig = make_rig(registry, engine={**ENGINE, "max_in_flight_messages": 40})
    ids = rig.send(count=1000)
    rig.live(2)
    assert len(rig.queue.in_flight()) > 990

    database.down = False
    rig.live(5)

    assert sorted(ids) == sorted(database.stored)
    assert max(database.receive_counts.values()) <= 3


def test_a_message_waits_longer_each_time(
    clock: ManualClock, make_held: Callable[..., InFlightMessage]
) -> None:
    """In case the process dies during the outage: two minutes at first, an hour in the end."""
    waiting = WaitingForRetry(clock=clock, rng=Random(1))
    table = InFlight(max_messages=1_000, max_bytes=1 << 40)

    for receive_count, ceiling in ((1, 120), (2, 480), (3, 1920), (4, 3600), (9, 3600)):
        messages = [make_held(table, receive_count=receive_count) for _ in range(50)]
        delays = [waiting.add("store", message) for message in messages]
        assert all(ceiling / 2 <= delay <= ceiling for delay in delays)
        assert max(delays) > 0.9 * ceiling


def test_only_messages_that_still_wait_are_recalled(
    clock: ManualClock, make_held: Callable[..., InFlightMessage]
) -> None:
    """And only those that wait for that handler."""
    waiting = WaitingForRetry(clock=clock, rng=Random(1))
    table = InFlight(max_messages=1_000, max_bytes=1 << 40)
    early, late, other = (make_held(table) for _ in range(3))
    waiting.add("store", early)
    clock.advance(RETRY_WAIT.ceiling(1))
    waiting.add("store", late)
    waiting.add("mail", other)

    assert waiting.recall("store") == [late.receipt_handle]
    assert waiting.recall("store") == []
    assert waiting.recall("mail") == [other.receipt_handle]


def test_how_many_messages_wait_is_bounded_and_others_go_on(
    make_rig: MakeRig, registry: Registry, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQS's limit, scaled down to 2,000: the handler that works gets all of its 3,000 messages."""
    others: list[str] = []
    selective(registry, database, others)
    clock = make_rig(registry).clock
    queue = InMemoryQueue(
        clock, advance_on_empty=False, unordered=True, in_flight_limit=2_000, rng=Random(1)
    )
    rig = make_rig(registry, engine=ENGINE, queue=queue, clock=clock)
    monkeypatch.setattr(rig.parts.admission._waiting, "_most", 500)
    sent = []
    for _ in range(300):
        rig.send(count=10)
        sent += rig.send("logged_in", count=10)

    rig.live(300)

    assert sorted(sent) == sorted(others)
    assert len(rig.parts.admission._waiting.recall("store")) <= 500


def test_a_handler_of_every_event_stops_receives_when_enough_messages_wait(
    make_rig: MakeRig, registry: Registry, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other handlers run ahead of it by a limited number; the rest stays in the queue."""
    seen: Counter[str] = Counter()
    registry.add(database.store, "*", name="store")
    registry.add(lambda event: seen.update([event.message_id]), "*", name="healthy")
    rig = make_rig(registry, engine={**ENGINE, "max_in_flight_messages": 40})
    monkeypatch.setattr(rig.parts.admission._waiting, "_most", 100)
    ids = rig.send(count=1000)

    rig.live(30)
    untouched = [i for i in ids if rig.queue.receive_count(i) == 0]
    assert len(untouched) > 800

    database.down = False
    rig.live(200)

    assert sorted(ids) == sorted(database.stored)
    assert set(seen.values()) == {1}


def test_what_a_predicate_declines_says_nothing_about_the_handler(
    make_rig: MakeRig, registry: Registry, database: Database
) -> None:
    """It neither ends a row of failures nor closes the breaker."""
    registry.add(database.store, "*", name="store", when=lambda event: event.body["wanted"])
    rig = make_rig(registry, engine=ENGINE)
    for number in range(40):
        body = json.loads(canvas_body("grade_change"))
        body["body"]["wanted"] = number % 4 != 3
        rig.queue.send(json.dumps(body))

    rig.live(60)

    assert list(rig.status.failing_handlers) == ["store"]
    assert database.asked < 15


def test_a_message_that_is_still_held_is_visible_after_its_last_call_only(
    make_rig: MakeRig, registry: Registry, database: Database
) -> None:
    """Its handler works again meanwhile: then at once, and never while it is in flight here."""
    registry.add(database.store, "*", name="store")
    registry.add(lambda _events: None, "*", name="slow", batch=1_000, linger_seconds=20)
    rig = make_rig(registry, engine={"breaker_failures": 2, "max_in_flight_messages": 20})
    rig.send(count=16)
    for _ in range(2):
        rig.receive()
        rig.work()
    rig.clock.advance(2)
    database.down = False

    rig.parts.flow.tick()
    rig.work()
    while rig.parts.outbox.send():
        pass
    rig.receive()

    assert list(rig.status.failing_handlers) == []
    assert rig.parts.stats["duplicates"] == 0

    rig.clock.advance(21)
    rig.worker.threads.tick()
    rig.work()
    rig.settle()

    now = rig.clock.monotonic()
    # The first failures were the events' own: these wait for an ordinary retry.
    assert all(m.visible_at <= now + 5 for m in rig.queue._messages.values())


def test_a_recall_does_not_overtake_the_call_that_hides(
    make_rig: MakeRig, registry: Registry, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handler works again while a message is being hidden: it is made visible afterwards."""
    registry.add(database.store, "*", name="store")
    rig = make_rig(registry, engine=ENGINE)
    rig.bring()
    (message,) = rig.parts.in_flight.snapshot()
    hide = rig.queue.change_visibility

    def hide_while_it_is_recalled(changes: Any) -> Any:
        monkeypatch.undo()
        rig.parts.outbox.recalls.add([message.receipt_handle])
        rig.clock.advance(1)
        assert rig.parts.outbox.send()
        assert rig.queue.visible() == []
        return hide(changes)

    monkeypatch.setattr(rig.queue, "change_visibility", hide_while_it_is_recalled)
    assert rig.parts.receiver.take() is message
    rig.parts.settler.settle(message, Outcome.retry("the handler is paused", 3_600))
    rig.settle()
    rig.clock.advance(1)
    rig.settle()

    assert [message.message_id] == rig.queue.visible()


# A handler that says itself that what it needs is down.


def test_the_first_event_that_finds_it_down_pauses_the_handler(
    make_rig: MakeRig, registry: Registry, database: Database
) -> None:
    """No delivery is used up, however long it lasts; the reason is logged and in the status."""

    def store(event: Event, context: Context) -> None:
        try:
            database.store(event, context)
        except ConnectionError:
            raise Unavailable("db.example.edu refuses connections") from None

    registry.add(store, "*", name="store")
    rig = make_rig(registry, engine=ENGINE)
    sent = rig.send(count=20)
    with capture_logs() as logs:
        rig.live(HOUR)

    assert set(database.receive_counts.values()) == {1}
    opened = [entry for entry in logs if entry["event"] == log_events.BREAKER_OPENED]
    assert [(e["failures"], e["reason"]) for e in opened] == [
        (1, "db.example.edu refuses connections")
    ]
    database.down = False
    rig.live(120)
    assert sorted(database.stored) == sorted(sent)
    assert set(database.receive_counts.values()) == {1}


@for_each(
    "after, least, most",
    [
        (120, 120, 121),
        (7200, 3600, 3601),
        (None, 1, 2),
        (-5, 1, 2),
        (float("nan"), 1, 2),
        ("soon", 1, 2),
    ],
)
def test_it_is_not_tried_again_before_the_time_that_the_server_named(
    make_rig: MakeRig, after: Any, least: float, most: float
) -> None:
    """Up to an hour; what is not a time is no reason to fail."""
    tried: list[float] = []

    def call(_event: Event) -> None:
        tried.append(rig.clock.monotonic())
        if len(tried) == 1:
            raise Unavailable("429", after=after)

    registry = Registry()
    registry.add(call, "*", name="call")
    rig = make_rig(registry, engine=ENGINE)
    rig.send()

    rig.live(HOUR + 60)

    assert len(tried) == 2
    assert least <= tried[1] - tried[0] <= most


def test_a_batch_of_which_all_find_it_down_is_kept(make_rig: MakeRig, registry: Registry) -> None:
    """Also if the handler says so for each event; one that succeeded says that it is up."""
    down = True

    def store(events: Sequence[Event]) -> None:
        if down:
            raise BatchFailure(dict.fromkeys(events, Unavailable("down", after=5)))

    registry.add(store, "*", name="store", batch=10)
    rig = make_rig(registry, engine=ENGINE)
    sent = rig.send(count=10)
    rig.live(60)
    assert sorted(rig.held()) == sorted(sent)

    down = False
    rig.live(60)

    assert sorted(rig.queue.deleted()) == sorted(sent)


def test_what_a_batch_has_decided_is_settled_and_the_rest_is_kept(
    make_rig: MakeRig, registry: Registry, database: Database
) -> None:
    """The destination went down in the middle: that costs the rest no delivery."""
    received: Counter[str] = Counter()

    def store(events: Sequence[Event], context: Context) -> None:
        received.update({context.message_id: context.receive_count - received[context.message_id]})
        failures: dict[Event, BaseException] = {}
        for position, event in enumerate(events):
            if database.down and (position >= 3 or len(events) < 10):
                failures[event] = Unavailable("down")
            elif database.down and position == 1:
                failures[event] = Reject("refused")
            else:
                database.stored.append(event.message_id)
        if failures:
            raise BatchFailure(failures)

    registry.add(store, "*", name="store", batch=10)
    rig = make_rig(registry, engine=ENGINE)
    sent = rig.send(count=10)
    rig.live(3)

    assert len(rig.queue.deleted()) == 2
    assert len(rig.held()) == 7
    assert rig.stats["rejected"] == 1
    database.down = False
    rig.live(300)

    assert sorted(rig.queue.deleted()) == sorted(sent)
    assert Counter(database.stored) == Counter(sent)
    assert max(received.values()) <= 2  # of the one that was rejected


def test_a_batch_that_is_decided_bit_by_bit(make_rig: MakeRig, registry: Registry) -> None:
    """As under throttling: as long as each call decides some, the rest uses up no delivery."""

    def store(events: Sequence[Event], context: Context) -> None:
        assert context.receive_count == 1
        if left := events[2:]:
            raise BatchFailure(dict.fromkeys(left, Unavailable("throttled")))

    registry.add(store, "*", name="store", batch=10)
    rig = make_rig(registry, engine=ENGINE)
    sent = rig.send(count=10)

    rig.live(20)

    assert sorted(rig.queue.deleted()) == sorted(sent)


def test_without_a_breaker_it_is_a_failure(make_rig: MakeRig, registry: Registry) -> None:
    """`breaker_failures: 0`: the message is delivered again."""

    def call(_event: Event) -> None:
        raise Unavailable("down")

    registry.add(call, "*", name="call")
    rig = make_rig(registry, engine={**ENGINE, "breaker_failures": 0})
    rig.send()

    rig.cycle()

    assert rig.held() == []
    assert rig.stats["failed"] == 1


def test_an_outage_that_comes_back_at_once_costs_one_receive(
    make_rig: MakeRig, registry: Registry
) -> None:
    """What has failed is tried again when a probe succeeds: all of it may find it down again."""
    receives: Counter[str] = Counter()
    answers: Iterator[str] = iter([])

    def store(event: Event, context: Context) -> None:
        receives[event.message_id] = context.receive_count
        if next(answers, "down") == "down":
            raise Unavailable("down")

    registry.add(store, "*", name="store")
    rig = make_rig(registry, engine=ENGINE)
    sent = rig.send(count=10)
    rig.live(10 * 60)
    assert len(rig.held()) == 10

    answers = iter(["up"])
    rig.live(10 * 60)

    assert sorted(receives) == sorted(sent)
    assert sum(count - 1 for count in receives.values()) <= 1
    answers = itertools.repeat("up")
    rig.live(600)
    assert sorted(rig.queue.deleted()) == sorted(sent)
    assert sum(count - 1 for count in receives.values()) <= 1


def test_one_event_that_always_finds_it_down_does_not_stay(
    make_rig: MakeRig, registry: Registry
) -> None:
    """For others it is up: so it is that event, which fails as any other that does."""

    def store(event: Event) -> None:
        if event.message_id == poison:
            raise Unavailable("down")

    registry.add(store, "*", name="store")
    rig = make_rig(registry, engine=ENGINE)
    poison, *others = rig.send(count=3)

    for _ in range(60):
        rig.live(10)
        others += rig.send()

    assert set(rig.queue.deleted()) >= set(others[:-2])
    assert rig.queue.receive_count(poison) >= 2


def test_one_of_a_batch_that_finds_it_down_pauses_the_handler(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Of the others it says itself when to try them again."""

    def store(events: Sequence[Event]) -> None:
        failures = dict.fromkeys(events, Retry("later", after=5)), Unavailable("down")
        raise BatchFailure({**failures[0], events[-1]: failures[1]})

    registry.add(store, "*", name="store", batch=10)
    rig = make_rig(registry, engine=ENGINE)
    rig.send(count=10)
    rig.cycle()

    assert list(rig.status.failing_handlers) == ["store"]
    assert len(rig.held()) == 1


def test_a_batch_that_finds_it_down_again_costs_no_receive(
    make_rig: MakeRig, registry: Registry
) -> None:
    """That no event alone is at fault, one probe after another shows: each is handled."""
    receives: Counter[str] = Counter()
    landed: list[str] = []

    def store(events: Sequence[Event], context: Context) -> None:
        for message_id in context.message_ids:
            receives[message_id] = max(receives[message_id], context.receive_count)
        if len(events) > 1:
            raise Unavailable("the statement takes too long")
        landed.extend(context.message_ids)

    registry.add(store, "*", name="store", batch=10, linger_seconds=0)
    rig = make_rig(registry, engine=ENGINE)
    sent = rig.send(count=20)

    rig.live(300)

    assert sorted(landed) == sorted(sent) == sorted(rig.queue.deleted())
    assert set(receives.values()) == {1}

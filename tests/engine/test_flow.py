"""A message's way through decoding, routing, handlers and batches to its outcome."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import consumer.engine.intake
from consumer import log_events
from consumer.errors import BatchFailure, Reject, Retry
from consumer.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.handlers.registering.options import Call
    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Context, Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]


class Flaky:
    """A handler that fails until it is mended, and counts its runs."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.runs: list[str] = []

    def __call__(self, event: Event) -> None:
        self.runs.append(event.message_id)
        if self.error is not None:
            raise self.error


class Store:
    """A batch handler that keeps what it got, batch by batch."""

    def __init__(self) -> None:
        self.batches: list[list[Event]] = []
        self.error: BaseException | None = None

    def __call__(self, events: Sequence[Event]) -> None:
        self.batches.append(list(events))
        if self.error is not None:
            raise self.error

    @property
    def sizes(self) -> list[int]:
        """How many events each call got."""
        return [len(batch) for batch in self.batches]


def test_a_message_is_deleted_after_its_handlers_succeeded(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Received, decoded, handled by all who asked, deleted; nothing is held afterwards."""
    one, two, other = Flaky(), Flaky(), Flaky()
    registry.add(one, "grade_change", name="one")
    registry.add(two, "grade_*", name="two")
    registry.add(other, "quiz_*", name="other")
    rig = make_rig(registry)
    ids = rig.send(count=3)

    rig.cycle()

    assert one.runs == two.runs == ids
    assert other.runs == []
    assert rig.queue.deleted() == ids
    assert rig.held() == []
    assert rig.stats.events() == {"grade_change": 3}


def test_a_message_stays_until_the_delete_returned(make_rig: MakeRig, registry: Registry) -> None:
    """Handled is not deleted: the slot and the message are held in between."""
    registry.add(Flaky(), "*", name="one")
    rig = make_rig(registry)
    ids = rig.send()

    rig.receive()
    rig.work()

    assert rig.queue.deleted() == []
    assert rig.held() == ids
    assert rig.stats["handled"] == 1


def test_an_event_that_nobody_asked_for_is_deleted(make_rig: MakeRig, registry: Registry) -> None:
    """Where none takes what is unmatched: it is counted so, and not as handled."""
    registry.add(Flaky(), "quiz_*", name="one")
    rig = make_rig(registry)
    ids = rig.send("grade_change")

    rig.cycle()

    assert rig.queue.deleted() == ids
    assert rig.stats["unmatched"] == 1
    assert rig.stats["handled"] == 0
    assert rig.stats.unmatched_events() == {"grade_change": 1}


def test_what_succeeded_is_not_run_again(make_rig: MakeRig, registry: Registry) -> None:
    """Of several handlers one fails: the redelivery runs that one only."""
    store, mail = Flaky(), Flaky(OSError())
    registry.add(store, "*", name="store")
    registry.add(mail, "*", name="mail")
    rig = make_rig(registry)
    (message_id,) = rig.send()
    rig.cycle()
    assert rig.queue.deleted() == []
    assert rig.held() == []

    mail.error = None
    rig.clock.advance(VISIBLE_AGAIN)
    rig.cycle()

    assert store.runs == [message_id]
    assert mail.runs == [message_id] * 2
    assert rig.queue.deleted() == [message_id]
    assert rig.stats["already_handled"] == 1
    assert len(rig.parts.ledger) == 0


#: Longer than any first retry delay.
VISIBLE_AGAIN = 60


def test_handlers_after_one_that_failed_still_run(make_rig: MakeRig, registry: Registry) -> None:
    """They have nothing to do with each other."""
    last = Flaky()
    registry.add(Flaky(OSError()), "*", name="first")
    registry.add(last, "*", name="last")
    rig = make_rig(registry)
    ids = rig.send()

    rig.cycle()

    assert last.runs == ids


def test_an_envelope_is_deleted_after_all_its_events(make_rig: MakeRig, registry: Registry) -> None:
    """One event of several fails: the redelivery handles that event only, then it is deleted."""
    seen: Counter[int] = Counter()

    def handle(event: Event) -> None:
        seen[event.index] += 1
        if event.index == 2 and seen[2] == 1:
            raise OSError

    registry.add(handle, "*")
    rig = make_rig(registry)
    message_id = rig.send_envelope(4)
    rig.cycle()
    assert rig.queue.deleted() == []

    rig.clock.advance(VISIBLE_AGAIN)
    rig.cycle()

    assert seen == {0: 1, 1: 1, 2: 2, 3: 1}
    assert rig.queue.deleted() == [message_id]


def test_an_undecodable_message_is_left_to_the_redrive_policy(
    make_rig: MakeRig, registry: Registry, logs: list[Any]
) -> None:
    """It waits for its retry, undeleted; its capacity is free; its body is not in the log."""
    registry.add(Flaky(), "*", name="one")
    rig = make_rig(registry)
    message_id = rig.queue.send("jane@example.edu has no braces")

    rig.cycle()

    assert rig.queue.deleted() == []
    assert rig.queue.in_flight() == [message_id]
    assert rig.held() == []
    assert rig.stats["undecodable"] == rig.stats["rejected"] == 1
    assert [line["event"] for line in logs] == [log_events.UNDECODABLE]
    assert "jane" not in str(logs)


def test_a_bug_in_the_decoder_costs_one_message_a_retry(
    make_rig: MakeRig, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not the process all its others."""

    def broken(_message: object, _format: str) -> None:
        raise AttributeError("NoneType has no attribute")

    registry.add(Flaky(), "*", name="one")
    rig = make_rig(registry)
    rig.send()
    monkeypatch.setattr(consumer.engine.intake, "decode", broken)

    rig.cycle()

    assert rig.queue.deleted() == []
    assert rig.held() == []
    assert rig.stats["failed"] == 1


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (OSError(), 1, 5),
        (Retry("busy", after=0), 0, 0),
        (Retry("busy", after=120), 120, 120),
        (Retry("busy", after=-5), 0, 0),
        (Retry("busy", after=10**7), 42_000, 42_900),
        (Retry("busy", after=float("inf")), 42_000, 42_900),
        (Retry("busy", after=float("nan")), 1, 5),
        (Retry("busy", after="soon"), 1, 5),  # type: ignore[arg-type]
        (Retry("busy", after="30"), 30, 30),  # type: ignore[arg-type]
        (Reject("no"), 1, 5),
    ],
    ids=lambda value: str(getattr(value, "after", value)),
)
def test_a_message_that_failed_is_visible_again_after_its_delay(
    make_rig: MakeRig, registry: Registry, error: Exception, least: float, most: float
) -> None:
    """As the handler asked, if SQS can do it; else by the backoff. Never lost, never at fault."""
    registry.add(Flaky(error), "*", name="one")
    rig = make_rig(registry)
    (message_id,) = rig.send()

    rig.cycle()

    stored = rig.queue._messages[message_id]
    assert least <= stored.visible_at - rig.clock.monotonic() <= most
    assert rig.held() == []


def test_the_retry_policy_is_that_of_the_handler_that_failed(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Not that of one that succeeded."""
    registry.add(Flaky(), "*", name="quick", retry=RetryPolicy(1, 1))
    registry.add(Flaky(OSError()), "*", name="slow", retry=RetryPolicy(40_000, 40_000))
    rig = make_rig(registry)
    ids = rig.send(count=20)

    rig.cycle()
    rig.cycle()

    stored = [rig.queue._messages[message_id] for message_id in ids]
    assert max(message.visible_at for message in stored) - rig.clock.monotonic() > 900


def test_a_middleware_that_raises_is_a_failure_of_its_handler(
    make_rig: MakeRig, registry: Registry
) -> None:
    """What was not called has not succeeded."""

    def middleware(_event: Event, _context: Context, _call_next: Call) -> None:
        raise LookupError

    handler = Flaky()
    registry.use(middleware)
    registry.add(handler, "*", name="one")
    rig = make_rig(registry)
    rig.send()

    rig.cycle()

    assert handler.runs == []
    assert rig.stats["failed"] == 1
    assert rig.queue.deleted() == []


def test_events_are_collected_across_receives(make_rig: MakeRig, registry: Registry) -> None:
    """A batch fills over several receives; nothing is deleted before it ran."""
    store = Store()
    registry.add(store, "*", name="store", batch=15, linger_seconds=60)
    rig = make_rig(registry)
    rig.send(count=15)
    rig.receive()
    rig.work()
    rig.settle()
    assert (store.sizes, rig.queue.deleted()) == ([], [])

    rig.cycle()

    assert store.sizes == [15]
    assert len(rig.queue.deleted()) == 15


def test_a_batch_runs_when_it_has_lingered(make_rig: MakeRig, registry: Registry) -> None:
    """And what waits is kept invisible for as long as it takes."""
    store = Store()
    registry.add(store, "*", name="store", batch=500, linger_seconds=300)
    rig = make_rig(registry)
    ids = rig.bring(3)
    rig.work()

    rig.beat(299)
    assert rig.queue.in_flight() == ids
    assert rig.queued() == 0
    rig.beat(1)
    rig.work()
    rig.settle()

    assert store.sizes == [3]
    assert rig.queue.deleted() == ids
    assert rig.queue.receive_count(ids[0]) == 1


def test_a_batch_that_can_not_grow_does_not_linger(make_rig: MakeRig, registry: Registry) -> None:
    """No room for another message: waiting would only be a pause."""
    store = Store()
    registry.add(store, "*", name="store", batch=500, linger_seconds=300)
    rig = make_rig(registry, engine={"max_in_flight_messages": 10})
    rig.send(count=30)
    rig.receive()
    rig.work()

    rig.run_threads()

    assert store.sizes == [10]
    assert len(rig.queue.deleted()) == 10


def test_a_batch_that_fails_in_part_deletes_the_others(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Only what failed comes again."""
    runs: Counter[str] = Counter()

    def store(events: Sequence[Event]) -> None:
        runs.update(event.message_id for event in events)
        if len(events) == 5:
            raise BatchFailure({events[1]: OSError(), events[3]: Reject("bad")})

    registry.add(store, "*", batch=5)
    rig = make_rig(registry)
    ids = rig.send(count=5)

    rig.cycle()

    assert rig.queue.deleted() == [ids[0], ids[2], ids[4]]
    assert (rig.stats["failed"], rig.stats["rejected"]) == (1, 1)
    assert set(runs.values()) == {1}


def test_a_batch_and_a_single_handler_both_decide(make_rig: MakeRig, registry: Registry) -> None:
    """The single one succeeded, the batch failed: only the batch gets the event again."""
    single, store = Flaky(), Store()
    store.error = OSError()
    registry.add(single, "*", name="single")
    registry.add(store, "*", name="store", batch=2)
    rig = make_rig(registry)
    ids = rig.send(count=2)
    rig.cycle()
    assert rig.queue.deleted() == []

    store.error = None
    rig.clock.advance(VISIBLE_AGAIN)
    rig.cycle()

    assert single.runs == ids
    assert store.sizes == [2, 2]
    assert sorted(rig.queue.deleted()) == sorted(ids)


def test_a_single_failure_beside_a_batch_waits_for_the_batch(
    make_rig: MakeRig, registry: Registry
) -> None:
    """The message is settled when the last of its work ended, and once."""
    store = Store()
    registry.add(Flaky(OSError()), "*", name="single")
    registry.add(store, "*", name="store", batch=2, linger_seconds=5)
    rig = make_rig(registry)
    ids = rig.bring()
    rig.work()
    rig.settle()
    assert rig.held() == ids

    rig.beat(5)
    rig.work()
    rig.settle()

    assert rig.held() == []
    assert store.sizes == [1]
    assert rig.parts.ledger.succeeded(ids[0]) == {(0, "store")}


def test_an_envelope_may_fill_several_batches(make_rig: MakeRig, registry: Registry) -> None:
    """Its events are spread over batches, and the message ends with the last of them."""
    store = Store()
    registry.add(store, "*", name="store", batch=2, linger_seconds=5)
    rig = make_rig(registry)
    message_id = rig.send_envelope(5)
    rig.receive()
    rig.work()
    rig.settle()
    assert store.sizes == [2, 2]
    assert rig.queue.deleted() == []

    rig.beat(5)
    rig.work()
    rig.settle()

    assert store.sizes == [2, 2, 1]
    assert rig.queue.deleted() == [message_id]
    assert rig.stats["handled"] == 1


def test_a_predicate_of_a_batch_handler_keeps_its_event_out(
    make_rig: MakeRig, registry: Registry
) -> None:
    """What it does not want does not wait; what its predicate breaks on is retried alone."""

    def when(event: Event) -> bool:
        number: int = event.metadata["number"]
        return 10 // (number - 1) > 0

    store = Store()
    registry.add(store, "*", name="store", batch=5, linger_seconds=5, when=when)
    rig = make_rig(registry)
    ids = rig.send(count=4)  # 0: not wanted, 1: the predicate divides by zero, 2 and 3: wanted
    rig.receive()
    rig.work()
    rig.beat(5)
    rig.work()
    rig.settle()

    assert [event.message_id for event in store.batches[0]] == ids[2:]
    assert sorted(rig.queue.deleted()) == sorted([ids[0], *ids[2:]])
    assert rig.stats["failed"] == 1


def test_a_redelivery_in_flight_is_not_handled_twice(make_rig: MakeRig, registry: Registry) -> None:
    """What runs settles it, by the newest handle."""
    store = Store()
    registry.add(store, "*", name="store", batch=2, linger_seconds=5)
    rig = make_rig(registry)
    (message_id,) = rig.send()
    rig.receive()
    rig.work()
    rig.queue.redeliver(message_id)

    rig.receive()
    rig.work()
    rig.beat(5)
    rig.work()
    rig.settle()

    assert store.sizes == [1]
    assert rig.queue.deleted() == [message_id]
    assert rig.held() == []


def test_after_a_failed_delete_the_redelivery_is_deleted_without_a_run(
    make_rig: MakeRig, registry: Registry
) -> None:
    """It was handled; only the delete is missing."""
    handler = Flaky()
    registry.add(handler, "*", name="one")
    rig = make_rig(registry)
    ids = rig.send()
    rig.fail("delete", times=4)
    rig.cycle()
    assert rig.queue.deleted() == []

    rig.clock.advance(VISIBLE_AGAIN)
    rig.cycle()

    assert handler.runs == ids
    assert rig.queue.deleted() == ids
    assert len(rig.parts.ledger) == 0


def test_a_handler_with_little_concurrency_blocks_no_thread(
    make_rig: MakeRig, registry: Registry
) -> None:
    """While one call runs, others wait outside, and the next goes in when it leaves."""
    inside = 0
    most = 0
    order: list[str] = []
    waiting: list[int] = []

    def slow(event: Event) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        order.append(event.message_id)
        if len(order) == 1:
            # Another thread takes what else is queued meanwhile: none of it may come in.
            rig.work()
            waiting.append(len(order))
        inside -= 1

    other = Flaky()
    registry.add(other, "*", name="other")
    registry.add(slow, "*", name="slow", concurrency=1)
    rig = make_rig(registry)
    ids = rig.send(count=4)

    rig.cycle()

    assert most == 1
    assert waiting == [1]
    assert other.runs == ids  # no other event waited for the slow one
    assert order == ids
    assert rig.queue.deleted() == ids


@pytest.mark.parametrize("error", [OSError(), SystemExit(), KeyboardInterrupt()])
def test_a_handler_that_raises_gives_its_place_back(
    make_rig: MakeRig, registry: Registry, error: BaseException
) -> None:
    """Otherwise no call would ever get in again."""
    handler = Flaky(error)
    registry.add(handler, "*", name="one", concurrency=1)
    rig = make_rig(registry)
    rig.send(count=3)
    rig.cycle()

    handler.error = None
    rig.clock.advance(VISIBLE_AGAIN)
    rig.cycle()

    assert len(handler.runs) == 6
    assert len(rig.queue.deleted()) == 3


def test_a_batch_handler_with_little_concurrency_is_called_one_by_one(
    make_rig: MakeRig, registry: Registry
) -> None:
    """A second full batch waits until the first call has ended, and then runs."""
    inside = 0
    sizes: list[int] = []

    def store(events: Sequence[Event]) -> None:
        nonlocal inside
        inside += 1
        assert inside == 1
        sizes.append(len(events))
        if len(sizes) == 1:
            rig.work()
            assert sizes == [2]
        inside -= 1

    registry.add(store, "*", batch=2, concurrency=1)
    rig = make_rig(registry)
    ids = rig.send(count=6)

    rig.cycle()

    assert sizes == [2, 2, 2]
    assert sorted(rig.queue.deleted()) == sorted(ids)


def test_what_waits_is_given_back_once(make_rig: MakeRig, registry: Registry) -> None:
    """At a gate, in a batch, or both: one release, and what succeeded is remembered."""
    store = Store()
    done = Flaky()
    registry.add(done, "*", name="done")
    registry.add(store, "*", name="store", batch=100, linger_seconds=60)
    registry.add(Flaky(), "*", name="gated", concurrency=1)
    rig = make_rig(registry)
    assert rig.parts.admission._gates["gated"].enter(object())  # type: ignore[arg-type]
    ids = [rig.send_envelope(2), *rig.send(count=2)]
    rig.receive()
    rig.work()

    waiting = rig.parts.flow.give_up()
    rig.parts.settler.release(waiting)

    assert sorted(message.message_id for message in waiting) == sorted(ids)
    assert rig.parts.ledger.succeeded(ids[1]) == {(0, "done")}
    assert rig.parts.flow.give_up() == []
    assert store.sizes == []


def test_long_names_of_events_do_not_fill_the_memory(make_rig: MakeRig, registry: Registry) -> None:
    """They come from outside, and the table of counts keeps a thousand."""
    registry.add(lambda _event: None, "*", name="one")
    rig = make_rig(registry)
    rig.send("grade_change")
    for letter in "xyz":
        rig.send(letter * 100_000)

    rig.cycle()

    assert {"grade_change": 1, "(other)": 3} == rig.stats.events()

"""The queue in memory: behaviour of SQS that its contract tests can't show."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pytest

from consumer.clock import SystemClock
from consumer.errors import TransportError
from consumer.queues.transport import EntryFailure
from consumer.testing import Call, Fault, InMemoryQueue, ManualClock
from tests.cases import for_each

if TYPE_CHECKING:
    from consumer.messages import ReceivedMessage


def receive(
    queue: InMemoryQueue, *, most: int = 10, wait: int = 0, visibility: int | None = None
) -> list[ReceivedMessage]:
    """Receive; by default without waiting."""
    return queue.receive(
        max_messages=most, wait_seconds=wait, visibility_timeout_seconds=visibility
    )


def test_an_empty_long_poll_takes_its_time() -> None:
    """It moves the clock by what it waited for, unless that is not wanted."""
    clock = ManualClock()
    before = clock.monotonic()

    waited = receive(InMemoryQueue(clock), wait=20)
    after = clock.monotonic()
    at_once = receive(InMemoryQueue(clock, advance_on_empty=False), wait=20)

    assert [] == waited == at_once
    assert before + 20 == after == clock.monotonic()


def test_a_long_poll_ends_when_a_message_becomes_visible() -> None:
    """A delayed message, and one that is sent meanwhile, end it at once."""
    clock = ManualClock()
    queue = InMemoryQueue(clock)
    start = clock.monotonic()
    queue.send("delayed", delay_seconds=5)

    first = receive(queue, wait=20)
    clock.call_later(7, lambda: queue.send("sent meanwhile"))
    second = receive(queue, wait=20)

    assert ["delayed"] == [message.body for message in first]
    assert start + 5 == first[0].received_at
    assert ["sent meanwhile"] == [message.body for message in second]
    assert start + 12 == second[0].received_at


def test_with_the_machines_clock_a_long_poll_waits_for_a_message() -> None:
    """A thread that sends wakes the one that waits."""
    queue = InMemoryQueue(SystemClock())
    sender = threading.Timer(0.01, lambda: queue.send("hello"))
    sender.start()

    received = receive(queue, wait=20)
    sender.join(60)

    assert ["hello"] == [message.body for message in received]


def test_messages_come_back_when_their_visibility_ends() -> None:
    """Exactly then, counted, under a new handle; the old handle is stale."""
    clock = ManualClock()
    queue = InMemoryQueue(clock, visibility_timeout_seconds=30)
    message_id = queue.send("a")
    (first,) = receive(queue)

    clock.advance(29.9)
    hidden = (receive(queue), queue.in_flight(), queue.visible())
    clock.advance(0.1)
    (second,) = receive(queue)

    assert ([], [message_id], []) == hidden
    assert 2 == second.receive_count == queue.receive_count(message_id)
    assert [EntryFailure("ReceiptHandleIsInvalid", gone=True)] == queue.delete(
        [first.receipt_handle]
    )
    assert [None] == queue.delete([second.receipt_handle])
    assert [message_id] == queue.deleted()
    assert {} == queue.bodies()


def test_a_stale_delete_may_succeed_and_delete_nothing() -> None:
    """As with a standard queue of SQS, if the test wants it."""
    clock = ManualClock()
    queue = InMemoryQueue(clock, stale_deletes_succeed=True)
    message_id = queue.send("a")
    (first,) = receive(queue, visibility=0)
    receive(queue)

    assert [None] == queue.delete([first.receipt_handle])
    assert [message_id] == queue.in_flight()


def test_an_expired_handle_still_deletes_but_does_not_extend() -> None:
    """The delete works until the message is received again; its visibility is over."""
    clock = ManualClock()
    queue = InMemoryQueue(clock)
    queue.send("a")
    (message,) = receive(queue)
    clock.advance(31)

    changed = queue.change_visibility([(message.receipt_handle, 30)])
    deleted = queue.delete([message.receipt_handle])

    assert [EntryFailure("MessageNotInflight", gone=True)] == changed
    assert [None] == deleted


def test_twelve_hours_are_the_end() -> None:
    """Asking for more than remains is an error and changes nothing; it is not cut to fit."""
    clock = ManualClock()
    queue = InMemoryQueue(clock)
    queue.send("a")
    (message,) = receive(queue, visibility=43_200)
    handle = message.receipt_handle
    clock.advance(100)

    too_long = queue.change_visibility([(handle, 43_101)])
    all_that_remains = queue.change_visibility([(handle, 43_100)])
    clock.advance(43_100)

    assert [EntryFailure("InvalidParameterValue", gone=False)] == too_long
    assert [None] == all_that_remains
    assert 2 == receive(queue)[0].receive_count


def test_the_limit_of_messages_in_flight_gives_nothing_and_no_error() -> None:
    """As SQS does: the long poll looks like that of an empty queue."""
    queue = InMemoryQueue(ManualClock(), in_flight_limit=3)
    for number in range(5):
        queue.send(str(number))

    first = receive(queue)
    none = receive(queue, wait=1)
    queue.delete([first[0].receipt_handle])

    assert 3 == len(first)
    assert [] == none
    assert 1 == len(receive(queue))


def test_the_dead_letter_queue_gets_message_id_and_body() -> None:
    """A redrive keeps both, and takes the message out of the queue."""
    clock = ManualClock()
    dead = InMemoryQueue(clock, name="dlq")
    queue = InMemoryQueue(clock, max_receive_count=1, dead_letter_queue=dead)
    message_id = queue.send("poison")
    (before,) = receive(queue, visibility=0)

    assert [] == receive(queue)

    assert {} == queue.bodies()
    assert {message_id: "poison"} == dead.bodies()
    assert [message_id] == dead.visible()
    assert [True] == [answer is not None for answer in queue.delete([before.receipt_handle])]
    assert [message_id] == [message.message_id for message in receive(dead)]


def test_duplicates_come_when_asked_for() -> None:
    """While in flight, and even after a delete: at-least-once delivery allows both."""
    queue = InMemoryQueue(ManualClock())
    message_id = queue.send("a")
    (first,) = receive(queue)

    queue.redeliver(message_id)
    (second,) = receive(queue)
    queue.delete([second.receipt_handle])
    queue.redeliver(message_id)
    (third,) = receive(queue)

    assert [1, 2, 3] == [m.receive_count for m in (first, second, third)]
    assert 3 == len({m.receipt_handle for m in (first, second, third)})


def test_the_disorder_is_seeded() -> None:
    """The same seed gives the same disorder; every message comes in the end."""

    def drain(seed: int) -> list[str]:
        queue = InMemoryQueue(ManualClock(), unordered=True, sampling=True, rng=random.Random(seed))
        for number in range(30):
            queue.send(str(number))
        received: list[str] = []
        for _ in range(100):
            received += [message.body for message in receive(queue)]
        return received

    assert drain(1) == drain(1)
    assert drain(1) != drain(2)
    assert drain(1) != [str(number) for number in range(30)]
    assert {str(number) for number in range(30)} == set(drain(1))


def test_sampling_leaves_a_long_poll_with_something() -> None:
    """A long poll asks all servers: it may return few, but not none."""
    queue = InMemoryQueue(ManualClock(), sampling=True, visibility_timeout_seconds=0)
    queue.send("a")

    assert all(receive(queue, wait=1) for _ in range(50))
    assert not all(receive(queue) for _ in range(50))


def test_a_lost_request_changes_nothing() -> None:
    """The error is raised, the call is recorded, the queue has not acted."""
    queue = InMemoryQueue(ManualClock())
    message_id = queue.send("a")
    queue.faults = [Fault(TransportError("cut off"))]

    with pytest.raises(TransportError, match="cut off"):
        receive(queue)

    assert [message_id] == queue.visible()
    assert 1 == len(receive(queue))
    assert [Call("receive", 10), Call("receive", 10)] == queue.calls


def test_a_lost_answer_leaves_the_queue_changed() -> None:
    """It is in flight although it was not received, and deleted without an answer."""
    clock = ManualClock()
    queue = InMemoryQueue(clock)
    message_id = queue.send("a")
    lost = TransportError("timed out")
    queue.faults = [
        Fault(lost, after=True, operation="delete"),
        Fault(lost, after=True, operation="receive", seconds=3),
    ]
    before = clock.monotonic()

    with pytest.raises(TransportError):
        receive(queue)
    in_flight = queue.in_flight()
    clock.advance(30)
    (message,) = receive(queue)
    with pytest.raises(TransportError):
        queue.delete([message.receipt_handle])

    assert [message_id] == in_flight
    assert 2 == message.receive_count
    assert [message_id] == queue.deleted()
    assert before + 33 == clock.monotonic()
    assert [] == queue.faults


def test_entries_fail_one_by_one() -> None:
    """The entry that fails is not acted on; the others are."""
    queue = InMemoryQueue(ManualClock())
    for number in range(3):
        queue.send(str(number), message_id=f"id-{number}")
    handles = [message.receipt_handle for message in receive(queue)]
    throttled = EntryFailure("RequestThrottled")
    queue.faults = [Fault(failed={1: throttled}, operation="delete")]

    answers = queue.delete(handles)

    assert [None, throttled, None] == answers
    assert ["id-0", "id-2"] == queue.deleted()
    assert ["id-1"] == queue.in_flight()


def test_faults_may_be_decided_call_by_call() -> None:
    """A function gets each call and returns its fault."""
    queue = InMemoryQueue(ManualClock())
    down = Fault(TransportError("down"))
    queue.faults = lambda call: down if call.operation == "attributes" else None

    assert [] == receive(queue)
    with pytest.raises(TransportError):
        queue.attributes()


@for_each("most, wait, visibility", [(0, 0, None), (11, 0, None), (1, 21, None), (1, 0, 43_201)])
def test_what_sqs_refuses_is_refused(most: int, wait: int, visibility: int | None) -> None:
    """Out of range is an error as SQS has it, and nothing is received."""
    queue = InMemoryQueue(ManualClock())
    queue.send("a")

    with pytest.raises(TransportError) as refused:
        receive(queue, most=most, wait=wait, visibility=visibility)

    assert "InvalidParameterValue" == refused.value.code
    assert 1 == len(queue.visible())


def test_misuse_by_a_test_is_refused() -> None:
    """A redrive policy has two parts, an id is used once, a delay has a limit."""
    clock = ManualClock()
    queue = InMemoryQueue(clock)
    queue.send("a", message_id="same")

    with pytest.raises(ValueError, match="go together"):
        InMemoryQueue(clock, max_receive_count=3)
    with pytest.raises(ValueError, match="used before"):
        queue.send("b", message_id="same")
    with pytest.raises(ValueError, match="0 to 900"):
        queue.send("b", delay_seconds=901)


def test_many_threads_get_each_message_once() -> None:
    """The lock holds: no message is given twice, none is lost."""
    queue = InMemoryQueue(ManualClock(), advance_on_empty=False)
    sent = {queue.send(str(number)) for number in range(200)}
    got: list[str] = []

    def drain() -> None:
        while messages := receive(queue):
            queue.delete([message.receipt_handle for message in messages])
            got.extend(message.message_id for message in messages)

    threads = [threading.Thread(target=drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sent == set(got)
    assert 200 == len(got) == len(queue.deleted())

"""A look at messages of a queue: what is shown, and that none is moved by it."""

from __future__ import annotations

import json

import pytest

from consumer.operations.decoding import Decoding
from consumer.operations.facts import facts_of, scrubbed
from consumer.operations.peek import Peek, PeekRefusedError, peek
from consumer.testing import InMemoryQueue, ManualClock, canvas_body, make_event, make_message
from consumer.testing.faults import Fault
from tests.cases import for_each
from tests.moto_queues import numbered


def rig(most: int | None = None) -> tuple[ManualClock, InMemoryQueue, InMemoryQueue]:
    """A queue, and its dead-letter queue if it has a maxReceiveCount."""
    clock = ManualClock()
    dead = InMemoryQueue(clock, name="canvas-live-events-dlq")
    if most is None:
        return clock, InMemoryQueue(clock), dead
    return clock, InMemoryQueue(clock, max_receive_count=most, dead_letter_queue=dead), dead


def look(queue: InMemoryQueue, count: int = 10) -> Peek:
    """Peek."""
    return peek(queue, count=count, decoding=Decoding(), clock=queue.clock)


def receive(queue: InMemoryQueue, times: int) -> None:
    """Deliver the first message so often, as to a consumer that fails at once."""
    for _ in range(times):
        queue.receive(max_messages=1, wait_seconds=0, visibility_timeout_seconds=0)


def test_facts_of_a_message() -> None:
    """Its event, how often it was received, its age and size."""
    clock, queue, _ = rig()
    body = numbered(1)
    message_id = queue.send(body)
    clock.advance(90)

    seen = look(queue)

    (facts,) = seen.messages
    assert (message_id, 1, len(body)) == (facts.message_id, facts.receive_count, facts.size_bytes)
    assert 90 == facts.age_seconds
    assert "submission_created" == facts.name
    assert facts.body is None
    assert json.loads(json.dumps(facts.as_data()))["events"][0]["event_key"]
    assert "" == seen.stopped
    assert [message_id] == queue.visible()


def test_what_is_no_event_has_a_reason() -> None:
    """The decoder's own."""
    _, queue, _ = rig()
    queue.send("{")

    (facts,) = look(queue).messages

    assert facts.undecodable.startswith("not JSON")
    assert "(not an event)" == facts.name


def test_a_peek_costs_one_delivery_of_each_message() -> None:
    """Whatever the count: none is received twice, and all are visible at once."""
    _, queue, dead = rig(5)
    ids = [queue.send(numbered(number)) for number in range(12)]

    seen = look(queue, 12)

    assert 12 == len(seen.messages)
    assert {1} == {queue.receive_count(message_id) for message_id in ids}
    assert ids == queue.visible()
    assert {} == dead.bodies()


@for_each("most", [1, 2])
def test_a_low_limit_is_refused_before_anything_is_received(most: int) -> None:
    """A message has too few deliveries even if it is new."""
    _, queue, _ = rig(most)
    queue.send(numbered(1))

    with pytest.raises(PeekRefusedError, match=f"maxReceiveCount is {most}"):
        look(queue)

    assert [] == [call for call in queue.calls if call.operation == "receive"]


def test_it_stops_at_the_first_message_near_the_limit() -> None:
    """It is read alone: others that are near do not lose a delivery."""
    _, queue, dead = rig(5)
    for number in range(8):
        queue.send(numbered(number))
    for _ in range(3):
        queue.receive(max_messages=10, wait_seconds=0, visibility_timeout_seconds=0)
    assert {3} == {queue.receive_count(message_id) for message_id in queue.visible()}

    seen = look(queue)

    assert 1 == len(seen.messages)
    assert "received 4 times of 5" in seen.stopped
    assert "1 delivery is left" in seen.stopped
    assert [4, *[3] * 7] == [queue.receive_count(message_id) for message_id in queue.visible()]
    assert {} == dead.bodies()


def test_a_last_delivery_that_was_used_up_is_named() -> None:
    """SQS gives the count only with the message: no more than this one is affected."""
    _, queue, _ = rig(5)
    queue.send(numbered(1))
    receive(queue, 4)
    queue.send(numbered(2))

    seen = look(queue)

    assert 1 == len(seen.messages)
    assert "no deliveries are left" in seen.stopped


def test_a_queue_without_a_redrive_policy_has_no_limit() -> None:
    """Such as a dead-letter queue."""
    _, queue, _ = rig()
    queue.send(numbered(1))
    receive(queue, 50)

    seen = look(queue)

    assert [51] == [facts.receive_count for facts in seen.messages]
    assert "" == seen.stopped


def test_a_look_that_takes_too_long_ends() -> None:
    """Before the first messages would be received a second time."""
    _, queue, _ = rig(5)
    ids = [queue.send(numbered(number)) for number in range(12)]
    queue.faults = lambda call: Fault(seconds=4) if call.operation == "receive" else None

    seen = look(queue, 12)

    assert 5 == len(seen.messages)
    assert "the time was over" in seen.stopped
    assert [1] * 5 + [0] * 7 == [queue.receive_count(message_id) for message_id in ids]


@for_each("text", [canvas_body("logged_in", body={"url": "https://x.edu/?access_token=SECRET1"}),
    "not JSON: https://x.edu/?access_token=SECRET1&a=1", '{"cut": "https://x.edu/?sig=SECRET1',
    '["\\u0068ttps://x.edu/?access_token\\u003dSECRET1"]',
])  # fmt: skip
def test_secrets_in_a_body_are_scrubbed(text: str) -> None:
    """Of events, and of what is not JSON."""
    assert "SECRET1" in text
    assert "SECRET1" not in scrubbed(text)
    facts = facts_of(make_message(text), Decoding(), now=ManualClock().now(), with_body=True)
    assert "SECRET1" not in str(facts)


def test_several_events_are_counted() -> None:
    """Caliper puts several into one message."""
    first, second = (make_event("logged_in", format="caliper") for _ in range(2))
    envelope = {**first.metadata, "data": [first.body, second.body]}

    facts = facts_of(make_message(json.dumps(envelope)), Decoding(), now=ManualClock().now())

    assert 2 == len(facts.events)
    assert facts.name.endswith("(+1)")

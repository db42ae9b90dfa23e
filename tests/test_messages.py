"""What flows: messages, events, contexts and outcomes."""

from __future__ import annotations

import dataclasses
import importlib
import json
import pkgutil
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

import consumer
from consumer.messages import Context, Event, Outcome, ReceivedMessage
from consumer.testing import make_event, make_message
from tests.cases import for_each

#: In these, events are invented.
INVENTED = ("consumer.__main__", "consumer.testing", "consumer.events.samples")
#: Fields that hold payloads, or what a message is deleted with.
PRIVATE = ("body", "raw", "payload", "receipt_handle", "receipt_handles", "kid")


def test_a_message_tells_when_it_was_sent() -> None:
    """SentTimestamp is in milliseconds."""
    message = make_message(sent_at=datetime(2024, 3, 1, 12, 0, 0, 250_000, UTC))

    assert message.sent_at == datetime(2024, 3, 1, 12, 0, 0, 250_000, UTC)


@for_each("text", [None, "", "yesterday", "9" * 30, "-" + "9" * 30, "1.5"])
def test_a_time_that_can_not_be_read_is_none(text: str | None) -> None:
    """It comes from outside, and must never break a receive."""
    attributes = {} if text is None else {"SentTimestamp": text}
    message = ReceivedMessage("id", "handle", "body", attributes=attributes)

    assert message.sent_at is None


def test_a_time_that_is_null_is_none() -> None:
    """As an emulator may have it."""
    attributes: Any = {"SentTimestamp": None}

    assert ReceivedMessage("id", "handle", "body", attributes=attributes).sent_at is None


def test_a_repr_gives_nothing_away() -> None:
    """Neither body, handle nor attributes; of an event neither payload nor ids."""
    message = make_message(message_attributes={"event_name": "grade_change"})
    event = make_event(body={"login": "jane@example.edu"}, user_login="jane")

    assert "handle" not in repr(message)
    assert "metadata" not in repr(message)
    assert "grade_change" not in repr(message)
    assert "jane" not in repr(event)


@for_each(
    "thing, name",
    [(make_message(), "message_id"), (make_event(), "name"), (Outcome.ack(), "verdict")],
)
def test_what_flows_is_frozen(thing: object, name: str) -> None:
    """Handlers of one message see the same, whatever one of them does."""
    with pytest.raises(FrozenInstanceError):
        setattr(thing, name, "other")


def test_the_key_is_that_of_the_payload_and_not_of_the_delivery() -> None:
    """A duplicate from the producer, under another message id, has the same key."""
    event = make_event(message_id="a")
    again = make_event(message_id="b")
    other = make_event(body={"submission_id": "13"})

    assert event.key == again.key
    assert event.key != other.key
    assert len(event.key) == 64


def test_the_key_does_not_depend_on_the_order_of_fields() -> None:
    """Nor on white space: it is made of the canonical form."""
    event = make_event()
    metadata, body = event.payload["metadata"], event.payload["body"]
    turned = replace(event, payload={"body": body, "metadata": dict(reversed(metadata.items()))})

    assert turned.key == event.key


@for_each("text", ['"\\ud800"', "1e400", "NaN", '"\\u0000"', "9" * 400])
def test_any_payload_has_a_key(text: str) -> None:
    """Lone surrogates, numbers beyond all measure, control characters."""
    event = replace(make_event(), payload={"value": json.loads(text)})

    assert len(event.key) == 64


def test_a_payload_that_can_not_be_written_is_keyed_by_its_text() -> None:
    """Nesting beyond what the encoder takes."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    event = replace(make_event(), payload={"deep": deep})

    assert len(event.key) == 64


def test_a_given_key_is_kept() -> None:
    """Caliper events bring their own."""
    assert replace(make_event(), _key="urn:uuid:1").key == "urn:uuid:1"


def test_events_of_a_batch_are_told_apart() -> None:
    """Equal content is not the same event: a BatchFailure names one of them."""
    one, two = make_event(), make_event()

    assert len({one, two}) == 2


@for_each(
    "event, by_job",
    [
        (make_event(job_id="1"), True),
        (make_event(), False),
        (make_event(format="caliper"), False),
        (replace(make_event(format="caliper"), body={"extensions": None}), False),
        (replace(make_event(format="caliper"), body={"extensions": {
            "com.instructure.canvas": {"job_id": "1"}}}), True),
        (replace(make_event(format="caliper"), body={"extensions": {
            "com.instructure.canvas": "?"}}), False),
    ],
)  # fmt: skip
def test_what_a_background_job_caused_is_known(event: Event, *, by_job: bool) -> None:
    """In either format."""
    assert event.triggered_by_job is by_job


def test_a_context_asks_at_the_time_of_asking() -> None:
    """What it says of stopping and visibility changes while the handler runs."""
    now = {"stop": False, "lost": False}
    context = Context(
        handler="store",
        message_ids=("a", "b"),
        should_stop=lambda: now["stop"],
        visibility_lost=lambda: now["lost"],
    )
    before = (context.should_stop(), context.visibility_lost)
    now.update(stop=True, lost=True)

    assert before == (False, False)
    assert (context.should_stop(), context.visibility_lost) == (True, True)
    assert (context.message_id, context.message_ids) == ("a", ("a", "b"))
    assert (context.receive_count, context.deadline) == (1, None)


def test_the_logger_of_a_context_carries_message_and_handler() -> None:
    """So that what a handler logs can be found by the message id; and it is one logger."""
    context = Context(handler="store", message_ids=("a",))

    assert context.logger is context.logger
    assert context.logger._context == {"message_id": "a", "handler": "store"}


def test_the_worst_outcome_decides() -> None:
    """A retry before a reject before an ack, the longest delay first, in whatever order."""
    later, soon, plain = Outcome.retry("l", 60), Outcome.retry("s", 0), Outcome.retry("p")
    worst_first = [later, soon, plain, Outcome.reject("no"), Outcome.ack()]

    for start in range(len(worst_first)):
        for outcomes in permutations(worst_first[start:]):
            assert Outcome.worst_of(list(outcomes)) is worst_first[start]


def test_nothing_to_do_is_an_ack() -> None:
    """No handler, no failure."""
    assert Outcome.worst_of([]) == Outcome.ack()


def test_no_repr_has_a_body_or_a_receipt_handle() -> None:
    """Whatever class holds one keeps it out of its repr."""
    shown = [
        f"{module.name} {kind.__name__}.{field.name}"
        for module in pkgutil.walk_packages(consumer.__path__, "consumer.")
        if not module.name.startswith(INVENTED)
        for kind in vars(importlib.import_module(module.name)).values()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind)
        for field in dataclasses.fields(kind)
        if field.repr and (field.name in PRIVATE or "Refused" in str(field.type))
    ]
    assert shown == []

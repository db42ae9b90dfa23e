"""A batch that is refused is taken apart, until the events that are refused are alone."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import Reject, Retry, Unavailable
from consumer.handlers.http.posting import isolate
from consumer.handlers.http.verdicts import Refusal
from consumer.testing import make_event
from tests.handlers.http_rig import numbered, rig
from tests.queues.servers import http

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from consumer.messages import Event
    from tests.queues.servers import Request


class Receiver:
    """Takes events, but no batch with one of some numbers, and no more than so many bytes."""

    def __init__(self, *refused: int, most_bytes: int = 1 << 30) -> None:
        self.refused = set(refused)
        self.refusal = http(b"", 422)
        self.most_bytes = most_bytes
        self.taken: list[int] = []
        self.requests = 0
        #: After so many requests it is busy.
        self.busy_after = 1 << 30
        self.busy = http(b"", 429, Retry_After="9")

    def __call__(self, request: Request) -> Iterator[Any]:
        self.requests += 1
        numbers = [record["payload"]["body"]["number"] for record in json.loads(request.body)]
        if self.requests > self.busy_after:
            yield self.busy
        elif len(request.body) > self.most_bytes:
            yield http(b"", 413)
        elif self.refused & set(numbers):
            yield self.refusal
        else:
            self.taken += numbers
            yield http(b"")


def test_one_bad_event_among_a_hundred_is_rejected_alone() -> None:
    """With few requests; the others land, and none of them twice."""
    receiver = Receiver(42)
    with rig(receiver, batch_size=100) as there:
        verdicts = [ran.verdict for ran in there.land(*numbered(100))]

    assert [n for n, verdict in enumerate(verdicts) if verdict == "reject"] == [42]
    assert verdicts.count("ack") == 99
    assert sorted(receiver.taken) == [n for n in range(100) if n != 42]
    assert receiver.requests <= 15


def test_if_all_are_refused_all_are_rejected() -> None:
    """With less than two requests for each."""
    receiver = Receiver(*range(100))
    with rig(receiver, batch_size=100) as there:
        assert ["reject"] * 100 == [ran.verdict for ran in there.land(*numbered(100))]

    assert receiver.requests == 199


def test_a_batch_that_is_too_large_lands_in_parts() -> None:
    """413 is about this batch; an event that is too large alone is rejected."""
    events = [*numbered(20), make_event(body={"number": 20, "text": "x" * 50_000})]
    receiver = Receiver(most_bytes=10_000)
    with rig(receiver, batch_size=50) as there:
        verdicts = [ran.verdict for ran in there.land(*events)]

    assert ["ack"] * 20 + ["reject"] == verdicts
    assert list(range(20)) == sorted(receiver.taken)


def test_what_landed_before_the_receiver_was_busy_is_done() -> None:
    """The rest is tried later: a limit on requests can't stop a batch for ever."""
    receiver = Receiver(0)
    receiver.busy_after = 6
    with rig(receiver, batch_size=16) as there:
        ran = there.land(*numbered(16))

    done = [n for n, result in enumerate(ran) if result.verdict == "ack"]
    assert done == sorted(receiver.taken)
    assert done
    assert ran[0].verdict == "reject"
    left = [result for result in ran if result.verdict == "retry"]
    assert len(left) == 15 - len(done)
    for result in left:
        error = result.errors["chat"]
        assert isinstance(error, Unavailable)
        assert error.after == 9.0


def test_nothing_is_decided_if_the_receiver_is_busy_at_once() -> None:
    """Then the whole batch is kept."""
    receiver = Receiver(0)
    for receiver.busy_after in (0, 2):
        receiver.requests = 0
        with rig(receiver, batch_size=16) as there:
            ran = there.land(*numbered(16))
        assert {"retry"} == {result.verdict for result in ran}
        assert {Unavailable} == {type(result.errors["chat"]) for result in ran}
        assert len({id(result.errors["chat"]) for result in ran}) == 1


def test_an_event_that_makes_the_receiver_fail_burdens_no_other() -> None:
    """It alone is tried later: with the others it would use up their deliveries, too."""
    for status in (500, 502):
        receiver = Receiver(42)
        receiver.refusal = http(b"", status)
        with rig(receiver, batch_size=100) as there:
            ran = there.land(*numbered(100))

        assert [n for n, result in enumerate(ran) if result.verdict != "ack"] == [42]
        assert isinstance(ran[42].errors["chat"], Retry)
        assert sorted(receiver.taken) == [n for n in range(100) if n != 42]
        assert receiver.requests <= 15


def test_a_receiver_that_fails_for_all_is_soon_left_alone() -> None:
    """Also if it fails in the middle: only one event is then taken for the cause."""
    for busy_after in (0, 4):
        receiver = Receiver(0)
        receiver.busy_after, receiver.busy = busy_after, http(b"", 500)
        receiver.refusal = http(b"", 422)
        with rig(receiver, batch_size=100) as there:
            ran = there.land(*numbered(100))

        errors = [result.errors["chat"] for result in ran if result.verdict != "ack"]
        assert sum(isinstance(error, Retry) for error in errors) <= 1
        assert sum(isinstance(error, Unavailable) for error in errors) >= len(errors) - 2
        assert receiver.requests <= 16


def test_a_stop_ends_the_search() -> None:
    """What is not decided is delivered again."""
    events = list(numbered(8))
    asked: list[int] = []

    def post(part: Sequence[Event]) -> Refusal | None:
        asked.append(len(part))
        return Refusal("refused") if events[0] in part else None

    failures = isolate(events, post, should_stop=lambda: len(asked) >= 4)

    assert asked == [8, 4, 2, 1]
    assert isinstance(failures.pop(events[0]), Reject)
    assert set(events[1:]) == set(failures)
    assert {Retry} == {type(error) for error in failures.values()}


def test_each_event_is_decided_once() -> None:
    """Whatever is refused, and whatever position the receiver names: also a wrong one."""
    rng = random.Random(7)
    events = list(numbered(13))
    for _ in range(300):
        bad = set(rng.sample(events, rng.randrange(len(events) + 1)))
        landed: list[Event] = []
        requests = 0

        def post(
            part: Sequence[Event], bad: set[Event] = bad, landed: list[Event] = landed
        ) -> Refusal | None:
            nonlocal requests
            requests += 1
            if bad & set(part):
                return Refusal("refused", rng.choice([None, 0, 1, 5, -1, 99]))
            landed += part
            return None

        failures = isolate(events, post, should_stop=lambda: False)

        assert bad == set(failures)
        assert sorted(landed, key=id) == sorted(set(events) - bad, key=id)
        assert requests < 2 * len(events)


def test_no_events_are_no_request() -> None:
    """And no failure."""
    assert isolate([], lambda _: pytest.fail("it posts"), should_stop=lambda: False) == {}

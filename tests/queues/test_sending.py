"""How messages are sent: batches that SQS takes, at a pace, and again what was refused."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import pytest

from consumer.errors import AccessDeniedError, TransportError
from consumer.queues.sending import Outgoing, send_all
from consumer.queues.transport import EntryFailure
from consumer.sqs_limits import PORTABLE_BATCH_BYTES, batches
from consumer.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Sequence

Answer = list[EntryFailure | None] | TransportError
BUSY = EntryFailure("RequestThrottled")


class Recorder:
    """A `Sender` with scripted answers; then it takes everything."""

    def __init__(self, clock: ManualClock, *answers: Answer) -> None:
        self.clock = clock
        self.answers = list(answers)
        self.requests: list[tuple[float, list[str]]] = []

    def send(self, batch: Sequence[Outgoing]) -> list[EntryFailure | None]:
        self.requests.append((self.clock.monotonic(), [message.body for message in batch]))
        answer: Answer = self.answers.pop(0) if self.answers else [None] * len(batch)
        if isinstance(answer, TransportError):
            raise answer
        return answer

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock()


def messages(count: int) -> list[Outgoing]:
    return [Outgoing(str(number)) for number in range(count)]


def test_ten_go_in_one_request(clock: ManualClock) -> None:
    """As SQS requires; each yields how many it brought."""
    sender = Recorder(clock)

    assert list(send_all(messages(25), sender, clock=clock)) == [10, 10, 5]
    assert [body for _, bodies in sender.requests for body in bodies] == list(map(str, range(25)))


def test_no_request_is_too_large() -> None:
    """Together they count, with their attributes; one that is too large alone is alone."""
    third = Outgoing("x" * (PORTABLE_BATCH_BYTES // 3 - 40), {"event_name": "logged_in"})
    huge = Outgoing("é" * PORTABLE_BATCH_BYTES)

    cut = list(batches([third] * 4 + [huge] + [third]))

    assert [len(batch) for batch in cut] == [3, 1, 1, 1]
    assert cut[2] == [huge]
    half = Outgoing("é" * (PORTABLE_BATCH_BYTES // 4))
    assert [len(batch) for batch in batches([half] * 4)] == [2, 2]
    more = Outgoing("é" * (PORTABLE_BATCH_BYTES // 4) + "e")
    assert [len(batch) for batch in batches([half, more])] == [1, 1]
    assert third.size == len(third.body) + len("event_name") + len("String") + len("logged_in")


def test_what_was_refused_is_sent_again(clock: ManualClock) -> None:
    """That alone, after a pause that grows."""
    sender = Recorder(clock, [None, BUSY, None], [BUSY])

    assert list(send_all(messages(3), sender, clock=clock)) == [2, 0, 1]

    assert [bodies for _, bodies in sender.requests] == [["0", "1", "2"], ["1"], ["1"]]
    first, second = (b - a for (a, _), (b, _) in itertools.pairwise(sender.requests))
    assert 0.3 <= first <= 0.5
    assert 0.6 <= second <= 1.0


def test_a_request_that_fails_is_made_again(clock: ManualClock) -> None:
    """With all of its messages."""
    sender = Recorder(clock, TransportError("reset", code="ConnectionClosed"))

    assert list(send_all(messages(2), sender, clock=clock)) == [2]
    assert [bodies for _, bodies in sender.requests] == [["0", "1"], ["0", "1"]]


def test_four_times_is_enough(clock: ManualClock) -> None:
    """The error has SQS's code and how many it refused; those it accepted are counted."""
    sender = Recorder(clock, [None, BUSY], [BUSY], [BUSY], [BUSY])
    counted: list[int] = []

    with pytest.raises(TransportError, match=r"1 of 2 messages .*RequestThrottled") as caught:
        counted.extend(send_all(messages(2), sender, clock=clock))

    assert caught.value.code == "RequestThrottled"
    assert not caught.value.fatal
    assert len(sender.requests) == 4
    assert counted == [1, 0, 0, 0]


def test_a_request_that_fails_four_times_is_an_error(clock: ManualClock) -> None:
    """As it failed last; nothing after it is sent."""
    faults = [TransportError(f"fault {number}", code="Reset") for number in range(4)]
    sender = Recorder(clock, *faults)

    with pytest.raises(TransportError, match="fault 3"):
        list(send_all(messages(20), sender, clock=clock))

    assert {tuple(bodies) for _, bodies in sender.requests} == {tuple(map(str, range(10)))}


def test_what_waiting_does_not_mend_is_told_at_once(clock: ManualClock) -> None:
    """No permission stays no permission."""
    sender = Recorder(clock, AccessDeniedError("denied", code="AccessDenied"))

    with pytest.raises(AccessDeniedError):
        list(send_all(messages(2), sender, clock=clock))
    assert len(sender.requests) == 1
    assert clock.waits == []


def most_in_a_second(sender: Recorder) -> int:
    """Of the messages that were sent, in any second."""
    return max(
        sum(len(bodies) for at, bodies in sender.requests if first <= at < first + 1 - 1e-6)
        for first, _ in sender.requests
    )


@pytest.mark.parametrize("rate", [0.5, 1, 2.5, 3, 10, 15, 35, 50, 97, 1234.5])
def test_the_pace_is_kept(clock: ManualClock, rate: float) -> None:
    """Never more in any second, and not less either; ten at a time at most."""
    sender, count = Recorder(clock), max(20, int(3 * rate))
    began = clock.monotonic()

    assert sum(send_all(messages(count), sender, clock=clock, rate=rate)) == count

    assert most_in_a_second(sender) <= math.ceil(rate)
    spent, longest = sender.requests[-1][0] - began, max(1, 1 / rate)
    assert count / rate - longest - 1e-6 <= spent <= count / rate + 1e-6
    assert max(len(bodies) for _, bodies in sender.requests) <= 10
    sent = [body for _, bodies in sender.requests for body in bodies]
    assert sent == list(map(str, range(count)))


@pytest.mark.parametrize(
    ("rate", "pause", "sizes"),
    [
        (0.5, 2.0, [1, 1, 1]),
        (2, 0.5, [1, 1, 1]),
        (2.5, 0.4, [1, 1, 1]),
        (6, 0.25, [2, 1, 2]),
        (15, 0.25, [4, 4, 4]),
        (100, 0.1, [10, 10, 10]),
        (105, 1 / 11, [10, 10, 9]),
    ],
)
def test_a_pace_is_even(clock: ManualClock, rate: float, pause: float, sizes: list[int]) -> None:
    """Four requests a second, or as many as there must be, the same time apart."""
    sender = Recorder(clock)

    list(send_all(messages(40), sender, clock=clock, rate=rate))

    times = [at for at, _ in sender.requests]
    assert [b - a for a, b in itertools.pairwise(times)] == pytest.approx(
        [pause] * (len(times) - 1)
    )
    assert [len(bodies) for _, bodies in sender.requests][:3] == sizes


def test_what_was_late_is_not_caught_up_with(clock: ManualClock) -> None:
    """After SQS was slow, or refused some for a while, there is no burst."""
    sender = Recorder(clock, [None] * 10, [BUSY] * 10, [BUSY] * 10, [BUSY] * 10)

    sent = 0
    for number in send_all(messages(300), sender, clock=clock, rate=100):
        sent += number
        if sent == 100:
            clock.advance(30)

    assert sent == 300
    assert most_in_a_second(sender) <= 100


def test_a_pace_goes_by_messages_though_they_are_large(clock: ManualClock) -> None:
    """What does not fit in one request goes in two, one after the other."""
    sender = Recorder(clock)
    large = [Outgoing("x" * 100_000) for _ in range(8)]

    assert list(send_all(large, sender, clock=clock, rate=16)) == [2, 2, 2, 2]
    assert clock.monotonic() - sender.requests[0][0] == pytest.approx(0.25)


def test_nothing_to_send_is_no_request(clock: ManualClock) -> None:
    """At any pace."""
    sender = Recorder(clock)

    assert list(send_all([], sender, clock=clock)) == []
    assert list(send_all([], sender, clock=clock, rate=5)) == []
    assert sender.requests == []


def test_no_content_is_in_a_repr() -> None:
    """It may be a real one."""
    assert "secret" not in repr(Outgoing("secret", {}))

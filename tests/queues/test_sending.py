"""How messages are sent: batches that SQS takes, at a pace, and again what was refused."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from consumer.errors import AccessDeniedError, TransportError
from consumer.queues.sending import MAX_BATCH_BYTES, Outgoing, batches, send_all
from consumer.queues.transport import EntryFailure
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
    """As SQS has it; told is how many each brought."""
    sender = Recorder(clock)

    assert list(send_all(messages(25), sender, clock=clock)) == [10, 10, 5]
    assert [body for _, bodies in sender.requests for body in bodies] == list(map(str, range(25)))


def test_no_request_is_too_large() -> None:
    """Together they count, with their attributes; one that is too large alone is alone."""
    third = Outgoing("x" * (MAX_BATCH_BYTES // 3 - 40), {"event_name": "logged_in"})
    huge = Outgoing("é" * MAX_BATCH_BYTES)

    cut = list(batches([third] * 4 + [huge] + [third]))

    assert [len(batch) for batch in cut] == [3, 1, 1, 1]
    assert cut[2] == [huge]
    assert third.size == len(third.body) + len("event_name") + len("String") + len("logged_in")


def test_what_was_refused_is_sent_again(clock: ManualClock) -> None:
    """That alone, after a pause that grows."""
    sender = Recorder(clock, [None, BUSY, None], [BUSY])

    assert list(send_all(messages(3), sender, clock=clock)) == [3]

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
    """Then it is told what SQS said, and how many it did not take."""
    sender = Recorder(clock, [None, BUSY], [BUSY], [BUSY], [BUSY])

    with pytest.raises(TransportError, match=r"1 of 2 messages .*RequestThrottled") as caught:
        list(send_all(messages(2), sender, clock=clock))
    assert caught.value.code == "RequestThrottled"
    assert len(sender.requests) == 4


def test_what_waiting_does_not_mend_is_told_at_once(clock: ManualClock) -> None:
    """No permission stays no permission."""
    sender = Recorder(clock, AccessDeniedError("denied", code="AccessDenied"))

    with pytest.raises(AccessDeniedError):
        list(send_all(messages(2), sender, clock=clock))
    assert len(sender.requests) == 1


@pytest.mark.parametrize("rate", [0.5, 3, 10, 35])
def test_the_pace_is_kept(clock: ManualClock, rate: float) -> None:
    """Never ahead of it, at no moment, and not behind it either."""
    sender = Recorder(clock)
    began = clock.monotonic()

    list(send_all(messages(40), sender, clock=clock, rate=rate))

    sent = 0
    for at, bodies in sender.requests:
        assert sent / rate <= at - began + 1e-9
        sent += len(bodies)
        assert len(bodies) <= max(1, rate)
    assert sender.requests[-1][0] - began <= 40 / rate


def test_no_content_is_in_a_repr() -> None:
    """It may be a real one."""
    assert "secret" not in repr(Outgoing("secret", {}))

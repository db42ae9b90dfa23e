"""What becomes of each entry of a batch call: only failed ones are sent again, bad ones alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.handlers.aws import remembered
from consumer.testing import make_event, run_batch
from tests.cases import for_each
from tests.handlers.aws_handlers import answering, close, error, events, land, made
from tests.queues.servers import http

if TYPE_CHECKING:
    import pytest


def answer_of(kind: str, *codes: str | None) -> bytes:
    """The answer to one call: for each entry the code of its failure, None for a success."""
    if kind == "eventbridge":
        failed = [code for code in codes if code]
        entries = [{"ErrorCode": code} if code else {"EventId": "e"} for code in codes]
        return http({"FailedEntryCount": len(failed), "Entries": entries})
    # As SQS does, which calls throttling the sender's fault.
    numbered = list(enumerate(codes))
    failures = [{"Id": str(n), "Code": c, "SenderFault": True} for n, c in numbered if c]
    return http({"Successful": [{"Id": str(n)} for n, c in numbered if not c], "Failed": failures})


def sent(request: Any) -> int:
    """How many entries a request has."""
    return len(request.asked["Entries"])


KINDS = ("sqs", "eventbridge")


@for_each("kind", KINDS)
def test_each_entry_has_its_outcome(kind: str) -> None:
    """AWS may take one later, refuses one for good, and says nothing of the last."""
    codes = (None, "InternalFailure", "InvalidArgument", None)
    with answering(answer_of(kind, *codes)) as (server, url):
        found = land(made(kind, url), events(5))
    assert ["ack", "retry", "reject", "ack", "retry"] == [verdict for verdict, _ in found]
    assert found[2][1].endswith(": AWS refuses this event (InvalidArgument)")
    assert found[1][1].endswith(": AWS has not taken it, but may take it later")
    assert [5] == [sent(request) for request in server.requests]


@for_each("kind", KINDS)
def test_throttled_entries_open_the_breaker(kind: str) -> None:
    """The whole call comes again, so no delivery is used up; what AWS took is not sent again."""
    first = answer_of(kind, None, "ThrottlingException", None)
    with answering(first, answer_of(kind, None)) as (server, url):
        registry, batch = made(kind, url), events(3)
        for ran in run_batch(registry, batch):
            assert ran.outcome.down_seconds is not None, ran.reason
            assert ran.reason.endswith(": AWS asks for fewer requests (ThrottlingException)")
        # As the engine does it: one event alone is the probe, and then the others come.
        assert ["ack"] == [ran.verdict for ran in run_batch(registry, batch[:1])]
        assert ["ack", "ack"] == [ran.verdict for ran in run_batch(registry, batch[1:])]
        close(registry)
    assert [3, 1] == [sent(request) for request in server.requests]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events that never come again do not fill the memory; the newest are remembered."""
    monkeypatch.setattr(remembered, "_MOST", 3)
    memory = remembered.Remembered[int]()
    for number in range(5):
        memory.keep({f"{number}": number})
    assert [None, None, 2, 3, 4] == [memory.take(f"{number}") for number in range(5)]
    assert memory.take("4") is None


def test_an_entry_that_is_confirmed_and_failed() -> None:
    """The failure counts: to send it twice is better than never."""
    both = {"EventId": "e", "ErrorCode": "InternalFailure"}
    with answering(http({"FailedEntryCount": 1, "Entries": [both]})) as (_, url):
        assert ["retry"] == [verdict for verdict, _ in land(made("eventbridge", url), events(1))]


@for_each("kind", KINDS)
def test_a_code_that_is_no_events_fault(kind: str) -> None:
    """Such as of the account of a bus: nothing is rejected for it."""
    codes = (None, "InvalidAccountIdException", None)
    with answering(answer_of(kind, *codes)) as (_, url):
        registry = made(kind, url)
        for ran in run_batch(registry, events(3)):
            assert ran.outcome.down_seconds is not None, ran.reason
        close(registry)


@for_each("kind", KINDS)
def test_an_outage_between_two_calls_of_a_batch(kind: str) -> None:
    """The ten that were taken are not sent again."""
    down = error("InternalException", 500)
    good = [answer_of(kind, *[None] * count) for count in (10, 2)]
    with answering(good[0], down, good[1]) as (server, url):
        registry, batch = made(kind, url), events(12)
        verdicts = [ran.outcome.down_seconds is not None for ran in run_batch(registry, batch)]
        assert [True] * 12 == verdicts
        assert {"ack"} == {ran.verdict for ran in run_batch(registry, batch)}
        close(registry)
    assert [10, 2, 2] == [sent(request) for request in server.requests]


@for_each("kind", KINDS)
def test_a_call_that_is_refused_as_a_whole(kind: str) -> None:
    """Each entry is sent alone; only the bad one is rejected."""
    refused, good = error("ValidationException"), answer_of(kind, None)
    with answering(refused, good, refused, good) as (server, url):
        found = land(made(kind, url), events(3))
    assert ["ack", "reject", "ack"] == [verdict for verdict, _ in found]
    assert [3, 1, 1, 1] == [sent(request) for request in server.requests]


@for_each("kind", KINDS)
def test_nothing_is_rejected_before_something_was_taken(kind: str) -> None:
    """It may be how the handler is configured that AWS refuses: then all events would be lost."""
    refused = error("ValidationException")
    with answering(refused, refused, refused, answer_of(kind, None), refused) as (_, url):
        registry, (one, other) = made(kind, url), events(2)
        for ran in run_batch(registry, [one, other]):
            assert ran.outcome.down_seconds is not None
            assert ran.reason.endswith("and has taken none so far: check the handler")
        assert ["ack"] == [ran.verdict for ran in run_batch(registry, [one])]
        assert ["reject"] == [ran.verdict for ran in run_batch(registry, [other])]
        close(registry)


@for_each("kind", KINDS)
def test_large_events_have_calls_of_their_own(kind: str) -> None:
    """A call has at most 256 KiB, unless one event is larger; one beyond 1 MiB is rejected."""
    batch = [
        make_event(body={"text": "x" * size})
        for size in (100_000, 100_000, 100_000, 500_000, 1_100_000, 10)
    ]

    def answer(asked: Any) -> bytes:
        return answer_of(kind, *[None] * len(asked["Entries"]))

    with answering(*[answer] * 4) as (server, url):
        found = land(made(kind, url), batch)
    assert ["ack", "ack", "ack", "ack", "reject", "ack"] == [verdict for verdict, _ in found]
    assert "larger than 1048576 bytes" in found[4][1]
    assert [2, 1, 1, 1] == [sent(request) for request in server.requests]

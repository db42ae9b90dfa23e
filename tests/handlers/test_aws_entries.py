"""What becomes of each entry of a batch call: only failed ones are sent again, bad ones alone."""

from __future__ import annotations

from typing import Any

from consumer.testing import make_event, run_batch
from tests.cases import for_each
from tests.handlers.aws_handlers import answering, close, error, events, land, made
from tests.queues.servers import http


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
    """They use up no delivery; what AWS took is handled."""
    with answering(answer_of(kind, None, "ThrottlingException", None)) as (_, url):
        registry = made(kind, url)
        taken, throttled, last = run_batch(registry, events(3))
        close(registry)
    assert ("ack", "ack") == (taken.verdict, last.verdict)
    assert throttled.outcome.down_seconds is not None
    assert throttled.reason.endswith(": AWS asks for fewer requests (ThrottlingException)")


@for_each("kind", KINDS)
def test_an_outage_in_an_answer_that_is_no_error(kind: str) -> None:
    """AWS takes none of them, and blames none: they use up no delivery."""
    with answering(answer_of(kind, *["InternalFailure"] * 3)) as (_, url):
        registry = made(kind, url)
        found = run_batch(registry, events(3))
        close(registry)
    assert all(ran.outcome.down_seconds is not None for ran in found)
    assert found[0].reason.endswith(": AWS has taken no event, but may take them later")


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
        downs = [ran.outcome.down_seconds for ran in run_batch(registry, events(3))]
        close(registry)
    assert [False, True, False] == [down is not None for down in downs]


@for_each("kind", KINDS)
def test_an_outage_between_two_calls_of_a_batch(kind: str) -> None:
    """The ten that were taken are handled; the others find it down."""
    with answering(answer_of(kind, *[None] * 10), error("InternalException", 500)) as (_, url):
        registry = made(kind, url)
        found = run_batch(registry, events(12))
        close(registry)
    assert ["ack"] * 10 + ["retry"] * 2 == [ran.verdict for ran in found]
    assert all(ran.outcome.down_seconds is not None for ran in found[10:])


@for_each("kind", KINDS)
def test_an_outage_while_each_is_sent_alone(kind: str) -> None:
    """One is rejected and one taken; the rest finds it down."""
    refused, down = error("ValidationException"), error("InternalException", 500)
    with answering(refused, refused, answer_of(kind, None), down) as (server, url):
        registry = made(kind, url)
        found = run_batch(registry, events(4))
        close(registry)
    assert ["reject", "ack", "retry", "retry"] == [ran.verdict for ran in found]
    assert all(ran.outcome.down_seconds is not None for ran in found[2:])
    assert [4, 1, 1, 1] == [sent(request) for request in server.requests]


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

"""The exit codes, the table from exception to outcome, and what may be logged of an exception."""

from __future__ import annotations

import math
import ssl
from datetime import timedelta
from typing import Any
from urllib.error import URLError

from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import (
    AccessDeniedError,
    BatchFailure,
    ConfigurationError,
    ConsumerError,
    DecodeError,
    QueueMissingError,
    Reject,
    Retry,
    TransportError,
    describe,
    outcome_of,
    reason_without_url,
)
from consumer.messages import Outcome
from consumer.testing import make_event
from tests.cases import for_each


@for_each(
    "kind, code",
    [
        (ConfigurationError, 78),
        (AccessDeniedError, 77),
        (QueueMissingError, 69),
        (TransportError, 75),
        (ConsumerError, 70),
        (DecodeError, 70),
    ],
)
def test_exit_codes_are_a_contract(kind: type[ConsumerError], code: int) -> None:
    """Units and scripts are written against these numbers."""
    assert kind.exit_code == code


def test_only_what_waiting_does_not_mend_is_fatal() -> None:
    """Everything else of the transport is transient."""
    assert [AccessDeniedError.fatal, QueueMissingError.fatal, TransportError.fatal] == [
        True, True, False,
    ]  # fmt: skip


def test_a_transport_error_has_a_code() -> None:
    """AWS's own, else the name of the error."""
    assert TransportError("x", code="RequestThrottled").code == "RequestThrottled"
    assert QueueMissingError("x").code == "QueueMissingError"


@for_each(
    "error, outcome",
    [
        (None, Outcome("ack")),
        (Retry(), Outcome("retry", "retry requested", None)),
        (Retry("busy", after=5), Outcome("retry", "busy", 5.0)),
        (Reject("not ours"), Outcome("reject", "not ours")),
        (DecodeError("no JSON"), Outcome("reject", "undecodable: no JSON")),
        (TransportError("x"), Outcome("retry", "TransportError")),
        (KeyError("jane@example.edu"), Outcome("retry", "KeyError")),
        (SystemExit("jane@example.edu"), Outcome("retry", "SystemExit")),
    ],
)
def test_the_table_from_exception_to_outcome(error: BaseException | None, outcome: Outcome) -> None:
    """Anything unknown is a retry, and its text is not in the reason."""
    assert outcome_of(error) == outcome


@for_each(
    "after, seconds",
    [
        (0, 0),
        (0.5, 0.5),
        (-1, 0),
        (43_200, 43_200),
        (10**400, None),
        (1e300, 43_200),
        (math.inf, 43_200),
        (-math.inf, 0),
        ("15", 15),
        (True, 1),
    ],
)
def test_a_delay_is_brought_into_the_range_of_the_queue(after: Any, seconds: float | None) -> None:
    """What handlers compute may be out of it, or already past."""
    assert outcome_of(Retry("busy", after=after)).delay_seconds == seconds


@for_each("after", [math.nan, "soon", timedelta(seconds=5), object(), []])
def test_a_wrong_delay_is_left_to_the_backoff(after: Any) -> None:
    """The reason has the type of the value, not the value."""
    outcome = outcome_of(Retry("busy", after=after))

    assert outcome == Outcome.retry("busy (its `after` is not a number of seconds)")


@given(after=st.floats(allow_nan=True, allow_infinity=True) | st.integers() | st.text())
def test_no_delay_can_break_the_table(after: Any) -> None:
    """Any value becomes None, or a number from 0 to 43,200."""
    seconds = outcome_of(Retry("busy", after=after)).delay_seconds

    assert seconds is None or 0 <= seconds <= 43_200


def test_a_subclass_that_does_not_call_ours_is_complete() -> None:
    """People write exceptions of their own, and forget."""

    class Busy(Retry):
        def __init__(self) -> None:
            pass

    class Foreign(Reject):
        def __init__(self) -> None:
            pass

    class Partial(BatchFailure):
        def __init__(self) -> None:
            pass

    assert outcome_of(Busy()) == Outcome.retry("retry requested")
    assert outcome_of(Foreign()) == Outcome.reject("rejected")
    assert dict(Partial().failures) == {}


def test_a_batch_failure_keeps_its_own_copy() -> None:
    """And says how many, not which."""
    event = make_event()
    failures: dict[Any, BaseException] = {event: ValueError("jane@example.edu")}
    failure = BatchFailure(failures)
    failures.clear()

    assert list(failure.failures) == [event]
    assert str(failure) == "1 events of the batch failed"


def test_a_description_is_type_and_place() -> None:
    """Where it passed through this file, where it was raised, and no text of it."""
    try:
        int("jane@example.edu")
    except ValueError as error:
        facts = describe(error)

    assert facts["error_type"] == "ValueError"
    assert facts["error_at"].startswith("test_errors.py:")
    assert facts["error_at"].endswith("in test_a_description_is_type_and_place")
    assert "jane" not in str(facts)


def test_a_description_of_a_deeper_error_has_both_ends() -> None:
    """Where the handler was, and where in a library it broke."""

    def raising() -> None:
        raise LookupError

    def handler() -> None:
        raising()

    try:
        handler()
    except LookupError as error:
        first, last = describe(error)["error_at"].split(" > ")

    assert first.endswith("in test_a_description_of_a_deeper_error_has_both_ends")
    assert last.endswith("in raising")


def test_an_error_that_was_never_raised_has_no_place() -> None:
    """One that was returned, or put into a BatchFailure."""
    assert describe(ValueError("x")) == {"error_type": "ValueError", "error_at": ""}


def test_a_reason_has_nothing_of_the_url() -> None:
    """The host of a certificate that is not valid for it is left out."""
    wrong = ssl.SSLCertVerificationError(1, "certificate is not valid for 'sesame.example'")
    wrong.verify_message = "Hostname mismatch, certificate is not valid for 'sesame.example'."
    old = ssl.SSLCertVerificationError(1, "certificate verify failed")
    old.verify_message = "certificate has expired"
    reasons = [
        reason_without_url(error)
        for error in (URLError(wrong), wrong, URLError(old), OSError(111, "refused"), KeyError(1))
    ]
    assert reasons == [
        "Hostname mismatch", "Hostname mismatch", "certificate has expired", "refused", "KeyError",
    ]  # fmt: skip

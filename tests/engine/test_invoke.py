"""Calling what others wrote: whatever it does, the outcome is one of three."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from consumer import log_events
from consumer.engine import forks
from consumer.engine.call import Call
from consumer.engine.inflight import InFlight
from consumer.engine.invoke import Invoker
from consumer.engine.stats import Stats
from consumer.errors import BatchFailure, DecodeError, Reject, Retry, Unavailable
from consumer.handlers.registering.registry import Handler, Registry
from consumer.messages import DECLINED, Context, Event, Outcome
from consumer.testing import make_event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.engine.call import Entry
    from consumer.engine.inflight import InFlightMessage
    from consumer.testing import ManualClock

ACK = Outcome.ack()
EVENT = make_event()


class Bench:
    """An invoker, and the messages whose events it hands over."""

    def __init__(self, clock: ManualClock, messages: list[InFlightMessage]) -> None:
        self.clock = clock
        self.stats = Stats()
        self.stopping = threading.Event()
        self.messages = messages
        self.invoker = Invoker(self.stats, clock=clock, stopping=self.stopping)

    def call(self, handler: Handler) -> Outcome:
        """What becomes of one event, of the first message."""
        (outcome,) = self.invoker.call(Call(handler, self.entries([EVENT])))
        return outcome

    def call_batch(self, handler: Handler, events: list[Event]) -> list[Outcome]:
        """What becomes of several events, each of another message."""
        return list(self.invoker.call(Call(handler, self.entries(events))))

    def entries(self, events: list[Event]) -> list[Entry]:
        """Each event with its message."""
        return list(zip(self.messages, events, strict=False))


@pytest.fixture(name="bench")
def _bench(clock: ManualClock, make_held: Callable[..., InFlightMessage]) -> Bench:
    in_flight = InFlight(max_messages=10, max_bytes=1 << 40)
    return Bench(clock, [make_held(in_flight) for _ in range(3)])


def single(function: Callable[..., object], **options: Any) -> Handler:
    """The handler that a registry makes of a function."""
    registry = Registry()
    registry.add(function, "*", name="store", **options)
    return registry.handlers[0]


def raising(error: BaseException, **options: Any) -> Handler:
    """A handler that raises."""

    def fail(_given: object) -> None:
        raise error

    return single(fail, **options)


def returning(value: object) -> Handler:
    """A handler that returns something."""
    return single(lambda _event: value)


class ForgetfulRetry(Retry):
    """A subclass that does not call ours."""

    def __init__(self) -> None:
        pass


class ForgetfulReject(Reject):
    """A subclass that does not call ours."""

    def __init__(self) -> None:
        pass


class OddRetry(Retry):
    """A subclass whose reason can't be asked for."""

    @property
    def reason(self) -> str:
        """Whatever it wanted to say."""
        raise RuntimeError

    @reason.setter
    def reason(self, reason: str) -> None:
        """It is not kept."""


class Unspeakable(Exception):  # noqa: N818 - what is wrong with it is its text
    """An exception whose text can't be had."""

    def __str__(self) -> str:
        """As some foreign ones do that were not made by their own constructor."""
        raise RuntimeError


class OddBatchFailure(BatchFailure):
    """A subclass that has a list of what failed."""

    def __init__(self) -> None:
        self.failures = [EVENT]  # type: ignore[assignment]


class ForgetfulBatchFailure(BatchFailure):
    """A subclass that does not call ours."""

    def __init__(self) -> None:
        pass


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ValueError("secret"), Outcome.retry("ValueError")),
        (Retry("busy", after=60), Outcome.retry("busy", 60)),
        (Retry("now", after=0), Outcome.retry("now", 0)),
        (Reject("not ours"), Outcome.reject("not ours")),
        (DecodeError("no JSON"), Outcome.reject("undecodable: no JSON")),
        (SystemExit(1), Outcome.retry("SystemExit")),
        (KeyboardInterrupt(), Outcome.retry("KeyboardInterrupt")),
        (GeneratorExit(), Outcome.retry("GeneratorExit")),
        (MemoryError(), Outcome.retry("MemoryError")),
        (RecursionError(), Outcome.retry("RecursionError")),
        (StopIteration(), Outcome.retry("StopIteration")),
        (BatchFailure({EVENT: ValueError()}), Outcome.retry("BatchFailure")),
        (ForgetfulRetry(), Outcome.retry("retry requested")),
        (ForgetfulReject(), Outcome.reject("rejected")),
        (OddRetry("busy"), Outcome.retry("(NoneType)")),
        (Retry(Unspeakable()), Outcome.retry("(Unspeakable)")),  # type: ignore[arg-type]
        (Reject(ValueError("secret")), Outcome.reject("(ValueError)")),  # type: ignore[arg-type]
        (Reject("x" * 1_000_000), Outcome.reject("x" * 500)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_handler_raises_becomes_an_outcome(
    bench: Bench, error: BaseException, outcome: Outcome
) -> None:
    """Nothing that it raises gets through to the thread, and no foreign text into the reason."""
    assert bench.call(raising(error)) == outcome


@pytest.mark.parametrize("value", [None, False, 0, "reject", [], {}, object()])
def test_an_ordinary_return_value_is_ignored(bench: Bench, value: object) -> None:
    """A handler that returns has succeeded, whatever it returns."""
    assert bench.call(returning(value)) == ACK


async def _coroutine() -> None:
    """Work that is never awaited."""


@pytest.mark.parametrize(
    ("make", "verdict"),
    [
        (lambda: ValueError("x"), "retry"),
        (lambda: Retry, "retry"),
        (lambda: Reject("x"), "reject"),
        (lambda: Outcome.reject("x"), "retry"),
        (_coroutine, "retry"),
        (lambda: (letter for letter in ""), "retry"),
    ],
    ids=["exception", "class", "reject", "outcome", "coroutine", "generator"],
)
def test_a_return_value_that_says_it_is_not_done_is_no_success(
    bench: Bench, make: Callable[[], object], verdict: str
) -> None:
    """No message is deleted by accident: an error that was returned, or work that has not run."""
    handler = single(lambda _event: make())

    assert bench.call(handler).verdict == verdict


def test_a_predicate_that_says_no_is_a_success_without_a_run(bench: Bench) -> None:
    """The handler did not ask for this event."""
    handler = raising(ValueError(), when=lambda event: event.name != "submission_created")

    assert bench.call(handler) == DECLINED


@pytest.mark.parametrize("error", [KeyError("user_id"), SystemExit()])
def test_a_predicate_that_raises_is_a_failure(bench: Bench, error: BaseException) -> None:
    """Whether the handler wants the event is not known: the message must stay."""

    def when(_event: Event) -> bool:
        raise error

    ran: list[Event] = []
    handler = single(ran.append, when=when)

    outcome = bench.call(handler)

    assert outcome == Outcome.retry(type(error).__name__)
    assert ran == []


def test_the_context_describes_the_delivery(bench: Bench) -> None:
    """Message, receive count, handler, deadline, and what changes while the handler runs."""
    seen: list[tuple[bool, bool]] = []
    contexts: list[Context] = []

    def look(_event: Event, context: Context) -> None:
        contexts.append(context)
        seen.append((context.should_stop(), context.visibility_lost))
        bench.messages[0].visibility_lost = True
        bench.stopping.set()
        seen.append((context.should_stop(), context.visibility_lost))

    began = bench.clock.monotonic()
    bench.call(single(look, timeout_seconds=7))

    (context,) = contexts
    assert (context.message_id, context.handler, context.receive_count) == (
        "message-1", "store", 1,
    )  # fmt: skip
    assert context.deadline == began + 7
    assert seen == [(False, False), (True, True)]


def test_a_handler_without_a_timeout_has_no_deadline(bench: Bench) -> None:
    """It may run as long as it likes; its visibility is renewed meanwhile."""
    deadlines: list[float | None] = []

    def look(_event: Event, context: Context) -> None:
        deadlines.append(context.deadline)

    bench.call(single(look))

    assert deadlines == [None]


def test_a_call_past_its_timeout_is_stuck_until_it_returns(bench: Bench, logs: list[Any]) -> None:
    """It is asked to stop, logged once, no longer renewed; its result counts after all."""
    seen: list[tuple[bool, bool, int]] = []

    def hang(_event: Event, context: Context) -> None:
        for seconds in (9.9, 0.1, 60):
            bench.clock.advance(seconds)
            bench.invoker.runs.find_stuck()
            seen.append(
                (context.should_stop(), bench.messages[0].stuck, bench.invoker.runs.stuck())
            )

    outcome = bench.call(single(hang, timeout_seconds=10))

    assert seen == [(False, False, 0), (True, True, 1), (True, True, 1)]
    assert outcome == ACK
    assert not bench.messages[0].stuck
    assert bench.invoker.runs.stuck() == 0
    assert bench.stats["handlers_stuck"] == 1
    names = [line["event"] for line in logs]
    assert names == [log_events.HANDLER_STUCK, log_events.HANDLER_UNSTUCK]


def test_the_default_timeout_is_for_handlers_without_their_own(bench: Bench) -> None:
    """An engine-wide limit, which a handler may stretch."""
    bench.invoker.runs._default_timeout = 5
    deadlines: list[float | None] = []

    def look(_event: Event, context: Context) -> None:
        deadlines.append(context.deadline)

    bench.call(single(look))
    bench.call(single(look, timeout_seconds=50))

    assert deadlines == [bench.clock.monotonic() + 5, bench.clock.monotonic() + 50]


def test_a_message_that_two_handlers_are_stuck_on_is_stuck_until_both_return(bench: Bench) -> None:
    """The first of them to return does not free it."""
    stuck: list[bool] = []

    def inner(_events: Sequence[Event]) -> None:
        bench.clock.advance(20)
        bench.invoker.runs.find_stuck()

    def outer(_event: Event) -> None:
        batch = single(inner, batch=5, timeout_seconds=10)
        bench.call_batch(batch, [EVENT])
        bench.invoker.runs.find_stuck()
        stuck.append(bench.messages[0].stuck)

    bench.call(single(outer, timeout_seconds=10))

    assert stuck == [True]
    assert not bench.messages[0].stuck


def test_a_batch_that_returns_has_handled_all_its_events(bench: Bench) -> None:
    """One call, one outcome for each event, and a context that names every message."""
    events = [make_event(), make_event(), make_event()]
    seen: list[tuple[list[Event], tuple[str, ...]]] = []

    def store(batch: Sequence[Event], context: Context) -> None:
        seen.append((list(batch), context.message_ids))

    outcomes = bench.call_batch(single(store, batch=3), events)

    assert outcomes == [ACK, ACK, ACK]
    assert seen == [(events, ("message-1", "message-2", "message-3"))]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (OSError(28, "No space left"), Outcome.retry("OSError")),
        (Retry("full", after=30), Outcome.retry("full", 30)),
        (Reject("no"), Outcome.reject("no")),
        (SystemExit(), Outcome.retry("SystemExit")),
        (BatchFailure({}), Outcome.retry("BatchFailure")),
        (BatchFailure({make_event(): ValueError()}), Outcome.retry("BatchFailure")),
        (BatchFailure({"message-1": ValueError()}), Outcome.retry("BatchFailure")),  # type: ignore[dict-item]
        (ForgetfulBatchFailure(), Outcome.retry("BatchFailure")),
        (OddBatchFailure(), Outcome.retry("BatchFailure")),
    ],
    ids=[
        "any", "retry", "reject", "exit", "names none", "names a stranger", "names an id",
        "forgetful", "has a list",
    ],
)  # fmt: skip
def test_a_batch_that_does_not_say_which_failed_has_failed_whole(
    bench: Bench, error: BaseException, outcome: Outcome
) -> None:
    """None of its events can be taken as handled."""

    def store(_events: Sequence[Event]) -> None:
        raise error

    events = [make_event(), make_event(), make_event()]
    outcomes = bench.call_batch(single(store, batch=3), events)

    assert [found.verdict for found in outcomes] == [outcome.verdict] * 3
    assert outcomes[0].delay_seconds == outcome.delay_seconds


def test_a_batch_can_fail_in_part(bench: Bench) -> None:
    """Each event it names has the outcome it names, the others succeeded."""
    events = [make_event(), make_event(), make_event()]

    def store(batch: Sequence[Event]) -> None:
        raise BatchFailure({batch[0]: Reject("bad"), batch[2]: Retry("busy", after=9)})

    outcomes = bench.call_batch(single(store, batch=3), events)

    assert outcomes == [Outcome.reject("bad"), ACK, Outcome.retry("busy", 9)]


def test_of_an_outage_in_the_middle_of_a_batch_there_is_one_line(bench: Bench) -> None:
    """With the number of its events, and the longest time that one of them asks for."""
    events = [make_event(), make_event(), make_event()]

    def store(batch: Sequence[Event]) -> None:
        raise BatchFailure({
            batch[0]: Reject("bad"),
            batch[1]: Unavailable("down", after=1),
            batch[2]: Unavailable("down", after=60),
        })  # fmt: skip

    with capture_logs() as logs:
        outcomes = bench.call_batch(single(store, batch=3), events)

    assert [outcome.verdict for outcome in outcomes] == ["reject", "retry", "retry"]
    assert [outcome.down_seconds for outcome in outcomes] == [None, 60, 60]
    lines = [(entry["reason"], entry.get("events")) for entry in logs]
    assert lines == [("down", 2), ("bad", None)]


@pytest.mark.parametrize("failure", [None, "disk full", ValueError, Retry, False])
def test_an_event_named_as_failed_has_failed_whatever_stands_beside_it(
    bench: Bench, failure: Any
) -> None:
    """Also when that is no exception: it must not be deleted, nor end the thread."""
    events = [make_event(), make_event(), make_event()]

    def store(batch: Sequence[Event]) -> None:
        raise BatchFailure({batch[1]: failure})

    outcomes = bench.call_batch(single(store, batch=3), events)

    assert [outcome.verdict for outcome in outcomes] == ["ack", "retry", "ack"]


def test_a_batch_past_its_timeout_makes_all_its_messages_stuck(bench: Bench) -> None:
    """One call holds them all; they are free again when it returns."""
    seen: list[list[bool]] = []

    def hang(_events: Sequence[Event]) -> None:
        bench.clock.advance(10)
        bench.invoker.runs.find_stuck()
        seen.append([message.stuck for message in bench.messages])

    events = [make_event(), make_event(), make_event()]
    bench.call_batch(single(hang, batch=3, timeout_seconds=10), events)

    assert seen == [[True, True, True]]
    assert not any(message.stuck for message in bench.messages)


def test_a_failure_is_logged_by_type_and_place_and_not_by_text(
    bench: Bench, logs: list[Any]
) -> None:
    """The text of a foreign exception quotes the data that broke it."""
    bench.call(raising(ValueError("jane@example.edu")))

    (line,) = logs
    error = line.pop("exc_info")
    assert isinstance(error, ValueError)
    assert line.pop("error_at").startswith("test_invoke.py:")
    assert line == {
        "event": log_events.HANDLER_FAILED,
        "log_level": "warning",
        "handler": "store",
        "event_name": "submission_created",
        "message_id": "message-1",
        "receive_count": 1,
        "error_type": "ValueError",
    }


def test_an_unwanted_event_is_known_before_it_is_collected(bench: Bench) -> None:
    """An event that no one asked for takes no place in a batch: it is declined at once."""
    never = single(lambda _events: None, batch=3, when=lambda _event: False)
    always = single(lambda _events: None, batch=3, when=lambda _event: True)
    anything = single(lambda _events: None, batch=3)
    (entry,) = bench.entries([EVENT])

    outcomes = [bench.invoker.unwanted(handler, entry) for handler in (never, always, anything)]

    assert outcomes == [DECLINED, None, None]


@pytest.mark.parametrize("error", [KeyError("user_id"), SystemExit()])
def test_a_predicate_of_a_batch_handler_that_raises_fails_its_event_alone(
    bench: Bench, error: BaseException
) -> None:
    """The others of the batch are not asked for it."""

    def when(_event: Event) -> bool:
        raise error

    handler = single(lambda _events: None, batch=3, when=when)
    (entry,) = bench.entries([EVENT])

    assert bench.invoker.unwanted(handler, entry) == Outcome.retry(type(error).__name__)


def test_what_a_predicate_answers_must_be_true_or_false(bench: Bench) -> None:
    """An answer that can be neither is a failure of the predicate, not of the thread."""

    class Neither:
        def __bool__(self) -> bool:
            raise ValueError

    handler = raising(AssertionError(), when=lambda _event: Neither())

    assert bench.call(handler) == Outcome.retry("ValueError")


@pytest.mark.parametrize(
    "handler",
    [
        single(lambda _event: None),
        raising(SystemExit(3)),
        single(lambda _events: None, batch=3),
        raising(SystemExit(3), batch=3),
        single(lambda _event: None, when=lambda _event: False),
    ],
    ids=["returns", "raises", "batch returns", "batch raises", "predicate"],
)
def test_after_each_call_of_foreign_code_it_is_asked_whether_it_forked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, handler: Handler
) -> None:
    """A child that the handler made must not come back into the engine."""

    class Ended(BaseException):
        """Stands for the end of the child."""

    def end(_code: int) -> None:
        raise Ended

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(forks, "_forks", forks._forks + 1)

    with pytest.raises(Ended):
        bench.call_batch(handler, [EVENT])

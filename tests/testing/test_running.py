"""Users test their handlers with this: the result is what the daemon would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer import BatchFailure, Registry, Reject, Retry
from consumer.events.decode import decode
from consumer.testing import make_context, make_event, make_message, run, run_batch
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.messages import Context, Event, Format


def test_the_result_has_what_each_handler_did() -> None:
    """Those that ran, those that declined, and the worst of them for the message."""
    registry = Registry()
    registry.add(lambda _event: None, "grade_change", name="fine")
    registry.add(lambda _event: None, "quiz_*", name="other")
    registry.add(lambda _event: None, "*", name="picky", when=lambda _event: False)

    @registry.on("grade_*")
    def later(event: Event) -> None:
        raise Retry("not yet", after=60)

    @registry.on("*")
    def never(event: Event) -> None:
        raise Reject("no user")

    ran = run(registry, make_event("grade_change"))

    assert {"fine": "ack", "later": "retry", "never": "reject"} == {
        name: outcome.verdict for name, outcome in ran.handlers.items()
    }
    assert ("picky",) == ran.declined
    assert ("retry", "not yet", 60) == (ran.verdict, ran.reason, ran.outcome.delay_seconds)
    assert {"later", "never"} == ran.errors.keys()


def test_an_event_that_no_handler_asked_for_is_unmatched() -> None:
    """Also if every predicate declined it."""
    registry = Registry()
    registry.add(lambda _event: None, "quiz_*", name="other")
    registry.add(lambda _event: None, "*", name="picky", when=lambda _event: False)

    ran = run(registry, make_event("grade_change"))

    assert ran.unmatched
    assert "ack" == ran.verdict


def test_the_result_has_the_exceptions() -> None:
    """Also of predicates, and with middleware."""
    registry = Registry()
    seen: list[str] = []
    broken = KeyError("user_id")

    @registry.use
    def middleware(event: Event, context: Context, call_next: object) -> None:
        seen.append(context.handler)
        raise broken

    def when(event: Event) -> bool:
        raise broken

    registry.add(lambda _event: None, "*", name="one")
    registry.add(lambda _event: None, "*", name="two", when=when)

    ran = run(registry, make_event())

    assert ("retry", "KeyError") == (ran.verdict, ran.reason)
    assert {"one": broken, "two": broken} == ran.errors
    assert ["one"] == seen


def test_batch_handlers_get_events_together() -> None:
    """As many as they take; each event has its own outcome."""
    registry = Registry()
    batches: list[int] = []
    events = [make_event(message_id=f"m{n}") for n in range(5)]

    @registry.on("*", batch=2, when=lambda event: event.message_id != "m4")
    def store(given: Sequence[Event]) -> None:
        batches.append(len(given))
        if events[1] in given:
            raise BatchFailure({events[1]: Reject("odd")})
        if events[2] in given:
            raise OSError

    ran = run_batch(registry, events)

    assert [2, 2] == batches
    assert ["ack", "reject", "retry", "retry", "ack"] == [r.verdict for r in ran]
    assert isinstance(ran[1].errors["store"], Reject)
    assert isinstance(ran[2].errors["store"], OSError)
    assert not ran[0].errors
    assert ran[4].unmatched
    assert "ack" == run(registry, events[0]).verdict


def test_a_predicate_that_fails_for_one_event_is_not_an_error_of_the_next() -> None:
    """Each event has its own errors."""
    registry = Registry()
    first, second = make_event(message_id="1"), make_event(message_id="2")

    def when(event: Event) -> bool:
        if event is first:
            raise KeyError
        return True

    registry.add(lambda _events: None, "*", name="store", batch=5, when=when)

    failed, fine = run_batch(registry, [first, second])

    assert ("retry", "ack") == (failed.verdict, fine.verdict)
    assert isinstance(failed.errors["store"], KeyError)
    assert not fine.errors


def test_a_context_is_what_a_test_says() -> None:
    """By default a first delivery without trouble."""
    context = make_context()
    late = make_context(should_stop=True, visibility_lost=True, receive_count=3)

    assert (1, False, False) == (
        context.receive_count, context.should_stop(), context.visibility_lost,
    )  # fmt: skip
    assert (3, True, True) == (late.receive_count, late.should_stop(), late.visibility_lost)
    assert context.message_id == make_event().message_id


@for_each(
    "name, format",
    [
        ("submission_created", "canvas"), ("submission_created", "caliper"),
        ("grade_change", "canvas"), ("grade_change", "caliper"),
        ("enrollment_state_created", "caliper"), ("asset_accessed", "caliper"),
        ("quizzes.quiz_created", "canvas"), ("not_in_the_catalog", "canvas"),
        ("not_in_the_catalog", "caliper"),
    ],
)  # fmt: skip
def test_an_event_is_what_the_daemon_would_decode(name: str, format: Format) -> None:  # noqa: A002
    """In both formats, with data that fits its model."""
    event = make_event(name, format=format, message_id="m")
    attributes = {"event_name": name}
    (decoded,) = decode(make_message(event.raw, message_id="m", message_attributes=attributes))

    assert (name, format) == (event.name, event.format)
    for field in ("name", "format", "time", "metadata", "body", "payload", "key", "time_text"):
        assert getattr(decoded, field) == getattr(event, field), field
    assert event.data is not None
    assert (event.format == "caliper") == ("actor" in event.body)
    assert event.key == make_event(name, format=format).key
    if "catalog" not in name and not name.startswith("quizzes"):
        assert event.subject.user_id is not None
        (unnamed,) = decode(make_message(event.raw))
        assert name == unnamed.name


def test_an_event_can_be_changed_in_both_formats() -> None:
    """A body is taken as it is given; the key follows the content."""
    canvas, caliper = make_event("grade_change"), make_event("grade_change", format="caliper")
    changed = make_event("grade_change", body={**canvas.body, "score": 5})
    other = make_event(
        "grade_change", format="caliper", body={**caliper.body, "action": "Modified"}
    )

    assert 5 == changed.data.score
    assert changed.key != canvas.key
    assert "Modified" == other.body["action"]
    assert "grade_change" == other.name

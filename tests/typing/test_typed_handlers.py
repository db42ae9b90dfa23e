"""What mypy knows of handlers and their events. The pins are mypy's to check; the rest runs, too.

Where a line says `type: ignore[...]`, mypy must complain: if it did not, it would complain of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

import pytest

from consumer import Context, Event, Registry
from consumer.errors import ConfigurationError
from consumer.events.catalog import (
    EventData,
    SubmissionCommentCreated,
    SubmissionCreated,
    SubmissionUpdated,
    caliper,
)
from consumer.events.catalog.submission import Submission
from consumer.subject import CanvasId, Subject
from consumer.testing import make_event

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTEXT = Context(handler="h", message_ids=("m-1",))
SUBMISSION = make_event(body={"submission_id": "21070000000000123", "score": 7.5})


def patterns(registry: Registry) -> list[tuple[str, ...]]:
    return [handler.patterns for handler in registry.handlers]


def test_a_model_types_the_data() -> None:
    """With `@registry.on(Model)` the data is of the model, and the function stays what it is."""
    registry = Registry()
    got: list[object] = []

    @registry.on(SubmissionCreated)
    def grade(event: Event[SubmissionCreated]) -> str:
        assert_type(event.data, SubmissionCreated)
        assert_type(event.data.submission_id, str | int | None)
        assert_type(event.data.score, int | float | None)
        got.append(event.data.submission_id)
        return "done"

    assert_type(grade(event=SUBMISSION), str)
    assert got == ["21070000000000123"]
    assert patterns(registry) == [("submission_created",)]


def test_the_annotation_alone_types_the_data() -> None:
    """`@registry.on`, and `@registry.on()` with options: the annotation says what comes."""
    registry = Registry()

    @registry.on
    def bare(event: Event[SubmissionCreated]) -> int:
        assert_type(event.data.attempt, int | None)
        return 1

    @registry.on(timeout_seconds=5)
    def with_options(event: Event[SubmissionUpdated], context: Context) -> None:
        assert_type(event.data, SubmissionUpdated)
        assert_type(context.message_id, str)

    assert_type(bare(event=SUBMISSION), int)
    with_options(event=SUBMISSION, context=CONTEXT)
    assert patterns(registry) == [("submission_created",), ("submission_updated",)]


def test_several_models_make_a_union() -> None:
    """Common fields can be read directly; `isinstance` narrows the union."""
    registry = Registry()

    @registry.on(SubmissionCreated, SubmissionUpdated)
    def two(event: Event[SubmissionCreated | SubmissionUpdated]) -> None:
        assert_type(event.data, SubmissionCreated | SubmissionUpdated)
        assert_type(event.data.submission_id, str | int | None)
        if isinstance(event.data, SubmissionUpdated):
            assert_type(event.data, SubmissionUpdated)

    @registry.on(SubmissionCreated, SubmissionUpdated, SubmissionCommentCreated, name="three")
    def three(
        event: Event[SubmissionCreated | SubmissionUpdated | SubmissionCommentCreated],
        context: Context,
    ) -> None:
        assert_type(event.data.submission_id, str | int | None)
        assert_type(context.receive_count, int)

    @registry.on(SubmissionCreated, SubmissionUpdated)
    def base(event: Event[Submission]) -> None:
        assert_type(event.data.submission_id, str | int | None)

    assert issubclass(SubmissionUpdated, Submission)
    two(SUBMISSION)
    three(SUBMISSION, CONTEXT)
    base(SUBMISSION)
    assert [len(found) for found in patterns(registry)] == [2, 3, 2]


def test_a_batch_is_a_sequence_of_typed_events() -> None:
    """With `batch=` the function takes a sequence, with or without the context."""
    registry = Registry()

    @registry.on(SubmissionCreated, batch=10)
    def store(events: Sequence[Event[SubmissionCreated]]) -> None:
        assert_type(events[0].data.submission_id, str | int | None)

    @registry.on(SubmissionCreated, SubmissionUpdated, batch=10, linger_seconds=0)
    def both(
        events: Sequence[Event[SubmissionCreated | SubmissionUpdated]], context: Context
    ) -> None:
        assert_type([event.data.workflow_state for event in events], list[str | None])
        assert_type(context.message_ids, tuple[str, ...])

    @registry.on(batch=10)
    def annotated(events: Sequence[Event[SubmissionCommentCreated]]) -> None:
        assert_type(events[0].data.submission_comment_id, str | int | None)

    store([SUBMISSION])
    both([SUBMISSION], CONTEXT)
    assert patterns(registry)[2] == ("submission_comment_created",)


def test_the_other_format_has_its_own_models() -> None:
    """Under the same name, with Caliper's fields; both together are a union."""
    registry = Registry()

    @registry.on(caliper.SubmissionCreated, format="caliper")
    def one(event: Event[caliper.SubmissionCreated]) -> None:
        assert_type(event.data, caliper.SubmissionCreated)

    @registry.on(SubmissionCreated, caliper.SubmissionCreated)
    def both(event: Event[SubmissionCreated | caliper.SubmissionCreated]) -> None:
        if isinstance(event.data, SubmissionCreated):
            assert_type(event.data.submission_id, str | int | None)
        else:
            assert_type(event.data, caliper.SubmissionCreated)

    both(SUBMISSION)
    assert patterns(registry) == [("submission_created",)] * 2
    assert one.__name__ == "one"


def test_an_event_without_a_model_has_data_of_any_type() -> None:
    """Names and globs say nothing about the data: mypy accepts all that is read."""
    registry = Registry()

    @registry.on("submission_created", "quiz_*")
    def handle(event: Event) -> None:
        assert_type(event.data, Any)
        assert_type(event.body["submission_id"], Any)

    @registry.on("*", batch=5)
    def store(events: Sequence[Event], context: Context) -> None:
        assert_type(events[0].data, Any)

    @registry.on(SubmissionCreated, "grade_change")
    def mixed(event: Event[EventData]) -> None:
        assert_type(event.data, EventData)

    @registry.on(SubmissionCreated)
    def anything(event: Event) -> None: ...

    handle(event=SUBMISSION)
    store(events=[SUBMISSION], context=CONTEXT)
    mixed(SUBMISSION)
    anything(SUBMISSION)
    assert len(registry.handlers) == 4


def test_the_subject_has_ids_in_both_forms() -> None:
    """`event.subject` reads the same whatever the model is."""

    def read(event: Event[SubmissionCreated]) -> None:
        assert_type(event.subject, Subject)
        assert_type(event.subject.user_id, CanvasId | None)
        if event.subject.course_id:
            assert_type(event.subject.course_id.local_id, int)
            assert_type(event.subject.course_id.global_id, int | None)

    registry = Registry()
    registry.add(read, SubmissionCreated)
    registry.add(read, [SubmissionCreated, "submission_created"], name="again")
    assert patterns(registry) == [("submission_created",)] * 2


def test_mypy_refuses_an_annotation_that_does_not_match() -> None:
    """And so does the registration, without mypy."""
    registry = Registry()

    with pytest.raises(ConfigurationError, match=r"annotated as Event\[SubmissionUpdated\]"):

        @registry.on(SubmissionCreated)  # type: ignore[call-overload]
        def other(event: Event[SubmissionUpdated]) -> None: ...

    with pytest.raises(ConfigurationError, match=r"annotated as Event\[SubmissionCreated\]"):

        @registry.on(SubmissionCreated, SubmissionUpdated)  # type: ignore[call-overload]
        def one_of_two(event: Event[SubmissionCreated]) -> None: ...

    with pytest.raises(ConfigurationError, match=r"annotated as Event\[SubmissionCreated\]"):

        @registry.on(caliper.SubmissionCreated)  # type: ignore[call-overload]
        def format_(event: Event[SubmissionCreated]) -> None: ...

    with pytest.raises(ConfigurationError, match="takes one event, but has a batch size"):

        @registry.on(SubmissionCreated, batch=5)  # type: ignore[call-overload]
        def single(event: Event[SubmissionCreated]) -> None: ...

    with pytest.raises(ConfigurationError, match="takes a sequence of events"):

        @registry.on(SubmissionCreated)  # type: ignore[call-overload]
        def many(events: Sequence[Event[SubmissionCreated]]) -> None: ...

    with pytest.raises(ConfigurationError, match="but has 3 parameters"):

        @registry.on("submission_created")  # type: ignore[call-overload]
        def three(event: Event, context: Context, more: str) -> None: ...

    assert registry.handlers == ()


def test_mypy_refuses_fields_that_the_model_does_not_have() -> None:
    """A misspelt field is found before any event comes."""

    def read(event: Event[SubmissionCreated]) -> object:
        return event.data.sumbission_id  # type: ignore[attr-defined]

    with pytest.raises(AttributeError):
        read(SUBMISSION)


def test_mypy_refuses_other_arguments() -> None:
    """Only names and models can be registered."""
    registry = Registry()

    with pytest.raises(ConfigurationError, match="dict is a class, but not a model"):
        registry.on(dict)  # type: ignore[type-var]
    with pytest.raises(ConfigurationError, match="5 is not the name of an event"):
        registry.on(5)(print)  # type: ignore[call-overload]

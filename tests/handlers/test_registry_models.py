"""Models of the catalog at registration: what they mean, and which events never reach user code."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from consumer.errors import ConfigurationError, describe, outcome_of
from consumer.events.catalog import (
    CanvasBody,
    EventData,
    GradeChange,
    Record,
    SubmissionCommentCreated,
    SubmissionCreated,
    SubmissionUpdated,
    UserCreated,
    caliper,
)
from consumer.events.catalog.submission import Submission
from consumer.handlers.registering.models import UnexpectedEventError
from consumer.handlers.registering.registry import Registry
from consumer.messages import Context, Event
from consumer.testing import make_event, run, run_batch

CONTEXT = Context(handler="h", message_ids=("m-1",))
CANVAS, CALIPER = make_event(), make_event(format="caliper")


class OwnSubmission(SubmissionCreated):
    """A user's own model, which `event.data` never has."""


class Taken:
    """A registry with one handler `grade`, and the events that reached its function."""

    def __init__(self, *patterns: Any, function: Any = None, **options: Any) -> None:
        self.got: list[Event] = []
        self.registry = Registry()
        take = self.got.extend if options.get("batch") else self.got.append
        self.registry.add(function or take, patterns, name="grade", **options)
        (self.handler,) = self.registry.handlers

    def refuses(self, event: Event) -> str:
        """The reason of the refusal."""
        before = list(self.got)
        ran = run(self.registry, event)
        assert isinstance(ran.errors["grade"], UnexpectedEventError)
        assert (ran.verdict, self.got) == ("retry", before)
        return ran.reason


def refused(*patterns: Any, function: Any = lambda event: None, **options: Any) -> str:
    """The sentence with which a registration of `grade` is refused."""
    registry = Registry()
    with pytest.raises(ConfigurationError) as caught:
        registry.add(function, patterns, name="grade", **options)
    assert registry.handlers == ()
    return str(caught.value)


def test_a_model_means_the_name_of_its_event() -> None:
    """Alone, with others, among names and globs; one name once."""
    registry = Registry()
    registry.add(lambda event: None, SubmissionCreated, name="one")
    registry.add(lambda event: None, [GradeChange, "quiz_*", SubmissionCreated], name="mixed")
    registry.add(lambda event: None, [GradeChange, caliper.GradeChange, "grade_change"], name="all")

    assert [handler.patterns for handler in registry.handlers] == [
        ("submission_created",),
        ("grade_change", "quiz_*", "submission_created"),
        ("grade_change",),
    ]


def test_the_format_of_the_model_gets_through() -> None:
    """The event as it is, and its data of the model."""
    taken = Taken(SubmissionCreated)

    run(taken.registry, CANVAS)

    assert taken.got == [CANVAS]
    assert isinstance(taken.got[0].data, SubmissionCreated)


def test_the_other_format_is_routed_and_fails_before_the_function_runs() -> None:
    """It is not lost silently: the message comes again, and the log has the whole reason."""
    taken = Taken(SubmissionCreated)

    assert taken.registry.route("submission_created", "caliper") == (taken.handler,)
    sentence = taken.refuses(CALIPER)
    assert sentence == (
        "handler 'grade' takes submission_created in Canvas format, not in Caliper format: "
        "register consumer.events.catalog.caliper.SubmissionCreated, too, or say "
        'format="canvas" to leave such events out'
    )
    outcome = outcome_of(UnexpectedEventError(sentence))
    assert (outcome.verdict, outcome.reason) == ("retry", sentence)


def test_it_is_the_same_the_other_way_round() -> None:
    """A model of Caliper's is not given Canvas's data."""
    assert Taken(caliper.SubmissionCreated).refuses(CANVAS) == (
        "handler 'grade' takes submission_created in Caliper format, not in Canvas format: "
        "register consumer.events.catalog.SubmissionCreated, too, or say "
        'format="caliper" to leave such events out'
    )


def test_a_form_that_the_catalog_does_not_have_can_only_be_left_out() -> None:
    """The catalog has no other model to register."""
    sentence = Taken(UserCreated).refuses(make_event("user_created", format="caliper"))

    assert sentence.endswith('in Caliper format: say format="canvas" to leave such events out')


def test_models_of_both_formats_take_both() -> None:
    """Then every event reaches the function."""
    taken = Taken(SubmissionCreated, caliper.SubmissionCreated)

    run(taken.registry, CANVAS)
    run(taken.registry, CALIPER)

    assert taken.got == [CANVAS, CALIPER]


def test_an_explicit_format_leaves_the_other_one_out() -> None:
    """Then such events are not routed, as the author said."""
    taken = Taken(SubmissionCreated, format="canvas")

    assert taken.registry.route("submission_created", "canvas") == (taken.handler,)
    assert taken.registry.route("submission_created", "caliper") == ()


def test_names_next_to_a_model_take_both_formats() -> None:
    """Only a model says which format is expected."""
    taken = Taken(SubmissionCreated, "quiz_*")
    quiz = make_event("quiz_updated", format="caliper")

    run(taken.registry, quiz)

    assert taken.got == [quiz]
    taken.refuses(CALIPER)


def test_in_a_batch_only_the_unexpected_events_fail() -> None:
    """The others are handed over, and what becomes of them counts."""
    taken = Taken(SubmissionCreated, batch=5)

    canvas, caliper_ = run_batch(taken.registry, [CANVAS, CALIPER])

    assert taken.got == [CANVAS]
    assert (canvas.verdict, caliper_.verdict) == ("ack", "retry")
    assert isinstance(caliper_.errors["grade"], UnexpectedEventError)


def test_the_predicate_is_user_code_too() -> None:
    """It would read the data as the function does, and might let the event be lost."""
    taken = Taken(SubmissionCreated, when=lambda event: event.data.submission_id is None)

    assert run(taken.registry, CANVAS).declined == ("grade",)
    taken.refuses(CALIPER)


@pytest.mark.parametrize("batch", [None, 5])
def test_a_failure_is_reported_where_the_function_is(batch: int | None) -> None:
    """The frames around it are ours, and say nothing about the cause."""

    def fail(events: object) -> None:
        raise KeyError("x")

    handler = Taken(SubmissionCreated, function=fail, batch=batch).handler
    call: Any = handler.call or handler.call_batch
    with pytest.raises(KeyError) as caught:
        call(CANVAS, CONTEXT)

    inside = caught.tb.tb_next  # without this function: as if the engine had called
    place = describe(caught.value.with_traceback(inside))["error_at"]
    assert place.startswith("test_registry_models.py:")
    assert place.endswith(" in fail")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (EventData, "EventData is not one event: give"),
        (CanvasBody, "CanvasBody is not one event: give"),
        (caliper.CaliperEvent, "CaliperEvent is not one event: give"),
        (Submission, "is not one event: give one such as SubmissionCreated"),
        (Record, "Record is a class, but not a model of an event: give one such as"),
        (dict, "dict is a class, but not a model"),
        (OwnSubmission, r"not the catalog's model of submission_created, so event\.data is never"),
        (OwnSubmission, r"register consumer\.events\.catalog\.SubmissionCreated"),
    ],
)
def test_a_class_that_is_not_the_model_of_an_event_is_refused(wrong: Any, sentence: str) -> None:
    """With the remedy; by the decorator at once, because it may be decorating a class."""
    with pytest.raises(ConfigurationError, match=sentence):
        Registry().add(lambda event: None, [wrong], name="grade")
    with pytest.raises(ConfigurationError, match=sentence):
        Registry().on(wrong)
    with pytest.raises(ConfigurationError, match=sentence):
        Registry().on("grade_change", wrong)


def test_a_model_of_an_unknown_event_is_refused() -> None:
    """`event.data` of an unknown event never has a user's model."""

    class Invented(CanvasBody):
        event_name = "submission_flagged"

    assert "register its name, and annotate Event" in refused(Invented)


def test_a_format_that_the_model_is_not_of_is_refused() -> None:
    """No event would ever get through."""
    assert refused(SubmissionCreated, format="caliper") == (
        "handler 'grade' takes submission_created in Canvas format, not in Caliper format: "
        "register consumer.events.catalog.caliper.SubmissionCreated, too, or say "
        'format="canvas" to leave such events out'
    )


def test_a_format_around_an_included_handler_is_refused_likewise() -> None:
    """A configuration with the wrong format is an error before anything is received."""
    inner = Registry()
    inner.add(lambda event: None, [SubmissionCreated, "quiz_*"], name="grade")

    with pytest.raises(
        ConfigurationError, match="takes submission_created in Canvas format, not in"
    ):
        Registry().include(inner, format="caliper")
    outer = Registry()
    outer.include(inner, format="caliper", patterns="quiz_*", prefix="quiz.")
    outer.include(inner, format="canvas")
    assert [handler.name for handler in outer.handlers] == ["quiz.grade", "grade"]


def test_no_model_is_loaded_for_names() -> None:
    """Most daemons name no model, and must not wait for the models to load."""
    code = (
        "import sys\n"
        "from consumer import Registry, Event\n"
        "registry = Registry()\n"
        "@registry.on('grade_change', 'quiz_*', timeout_seconds=5)\n"
        "def grade(event: Event): ...\n"
        "assert registry.route('grade_change', 'canvas')\n"
        "assert 'pydantic' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stderr == ""


def test_the_annotation_may_take_more_but_not_less() -> None:
    """A base of the models is enough; one of several models is not."""

    def base(event: Event[Submission]) -> None: ...
    def more(event: Event[SubmissionCreated | caliper.SubmissionCreated]) -> None: ...
    def less(event: Event[SubmissionCreated]) -> None: ...

    Taken(SubmissionCreated, SubmissionUpdated, function=base)
    assert "not in Caliper format" in Taken(SubmissionCreated, function=more).refuses(CALIPER)
    assert refused(SubmissionCreated, SubmissionUpdated, function=less) == (
        "handler 'grade' is registered for consumer.events.catalog.SubmissionUpdated, but "
        "annotated as Event[SubmissionCreated]: register only what it takes, or annotate it as "
        "Event"
    )
    both = (SubmissionCreated, caliper.SubmissionCreated)
    assert "is registered for consumer.events.catalog.caliper" in refused(*both, function=less)


def test_an_annotation_must_allow_what_is_registered() -> None:
    """Names and globs, too; it may allow more."""

    def one(event: Event[SubmissionCreated]) -> None: ...
    def two(event: Event[SubmissionCreated | SubmissionCommentCreated]) -> None: ...

    Taken("submission_created", function=one)
    Taken("submission_c[or][em]*d", function=two)
    Taken("submission_created", function=two)
    assert "registered for grade_change, but annotated as Event[SubmissionCreated]" in refused(
        "submission_created", "grade_change", function=one
    )
    assert "registered for submission_comment_created, but" in refused("submission_*", function=one)
    assert "registered for submission_flagged" in refused(
        "submission_created", "submission_flagged", function=one
    )
    assert "takes submission_created in Canvas format, not in Caliper format" in refused(
        "submission_created", function=one, format="caliper"
    )


def test_a_glob_does_not_bring_unknown_events_to_typed_code() -> None:
    """They fail; the reason does not repeat their name, which came from outside."""

    def two(event: Event[SubmissionCreated | SubmissionCommentCreated]) -> None: ...

    sentence = Taken("submission_c[or][em]*d", function=two).refuses(make_event("submission_coed"))

    assert "is registered for events of other names, but annotated as Event[Submission" in sentence
    assert "submission_coed" not in sentence


def test_a_base_as_annotation_takes_unknown_events_of_its_format() -> None:
    """New names are ordinary; a handler that is annotated with a base is ready for them."""
    got: list[Event] = []

    def base(event: Event[CanvasBody]) -> None:
        got.append(event)

    taken = Taken("submission_*", function=base)
    run(taken.registry, make_event("submission_flagged"))

    assert len(got) == 1
    assert "not in Caliper format" in taken.refuses(
        make_event("submission_flagged", format="caliper")
    )
    assert "not in Caliper format" in taken.refuses(CALIPER)
    Taken("submission_flagged", function=base)

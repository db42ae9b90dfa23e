"""What is read from the annotation of a handler's first parameter."""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import ConfigurationError
from consumer.events import catalog
from consumer.events.catalog import EventData, SubmissionCreated, SubmissionUpdated
from consumer.events.catalog.submission import Submission
from consumer.handlers.registering.models import annotation_of
from consumer.handlers.registering.registry import Registry
from consumer.messages import Context, Event
from consumer.testing import make_event, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.events.catalog import SubmissionCommentCreated

Data = typing.TypeVar("Data")
Either = SubmissionCreated | SubmissionUpdated
CONTEXT = Context(handler="h", message_ids=("m-1",))


class HasCourse(typing.Protocol):
    course_id: str


def annotated(annotation: Any) -> Callable[[Any], None]:
    """A function whose parameter has this annotation: an object, or a text as in its module."""

    def function(event: Any) -> None: ...

    function.__annotations__ = {"event": annotation}
    return function


@pytest.mark.parametrize(
    ("annotation", "classes", "batched"),
    [
        ("Event", (), False),
        ("Event[SubmissionCreated]", (SubmissionCreated,), False),
        (Event[SubmissionCreated], (SubmissionCreated,), False),
        (Event["SubmissionCreated"], (SubmissionCreated,), False),
        ("Event['SubmissionCreated']", (SubmissionCreated,), False),
        ("Event[Either]", (SubmissionCreated, SubmissionUpdated), False),
        ("Event[typing.Union[SubmissionCreated, SubmissionUpdated]]",
         (SubmissionCreated, SubmissionUpdated), False),
        ("typing.Annotated[Event[SubmissionCreated], 'x']", (SubmissionCreated,), False),
        ("Sequence[Event[Either]]", (SubmissionCreated, SubmissionUpdated), True),
        ("list[Event[SubmissionCreated]]", (SubmissionCreated,), True),
        ("tuple[Event[SubmissionCreated], ...]", (SubmissionCreated,), True),
        (Iterable[Event], (), True),
        ("Event[Any]", (), False),
        ("Event[SubmissionCreated | Any]", (), False),
        ("Event[object]", (), False),
        ("Event[Data]", (), False),
        ("Event[HasCourse]", (), False),
        ("Event[Submission]", (Submission,), False),
        ("Event[EventData]", (EventData,), False),
        ("Event | Sequence[Event]", (), None),
        ("Event[SubmissionCreated] | Event[SubmissionUpdated]", (), None),
        ("list[list[Event]]", (), None),
        ("Any", (), None),
        ("list[str]", (), None),
        ("list", (), None),
        ("str", (), None),
        (5, (), None),
    ],
)  # fmt: skip
def test_the_models_are_between_the_brackets(
    annotation: Any, classes: tuple[type, ...], batched: bool | None
) -> None:
    """In every notation; what leaves the data open names no model."""
    found = annotation_of(annotated(annotation))

    assert (found.classes, found.batched) == (classes, batched)


class Shapes:
    """The same parameter, in all that can be called."""

    def method(self, event: Event[SubmissionCreated], context: Context) -> None: ...

    def __call__(self, event: Event[SubmissionCreated]) -> None: ...

    @classmethod
    def of_class(cls, event: Event[SubmissionCreated]) -> None: ...

    @staticmethod
    def static(event: Event[SubmissionCreated]) -> None: ...

    def bound(self, first: int, event: Event[SubmissionCreated]) -> None: ...


@functools.wraps(Shapes.static)
def _wrapped(*arguments: Any) -> None: ...


@pytest.mark.parametrize(
    "function",
    [
        Shapes().method,
        Shapes(),
        Shapes.of_class,
        Shapes().static,
        functools.partial(Shapes().bound, 1),
        functools.partial(functools.partial(Shapes().bound, 1)),
        _wrapped,
    ],
)
def test_everything_callable_is_read(function: Any) -> None:
    """Methods, partials, callable objects, wrapped functions."""
    registry = Registry()
    registry.add(function, name="h")

    assert registry.handlers[0].patterns == ("submission_created",)


@pytest.mark.parametrize("function", [print, lambda event: None, len, [].append, int, 5, None])
def test_what_has_no_annotation_names_no_model(function: Any) -> None:
    """Reading raises nothing for any object; `problem` says what is wrong."""
    found = annotation_of(function)

    assert (found.classes, found.batched) == ((), None)


def test_names_for_type_checkers_only_are_reported() -> None:
    """`Event` and `Sequence` are known without an import at run time; a model must be imported."""

    def grade(event: Event[SubmissionCommentCreated]) -> None: ...
    def store(events: Sequence[Event[SubmissionCreated]], context: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(
        ConfigurationError,
        match=r"can't be resolved \(NameError: name 'SubmissionCommentCreated' is not defined\); "
        r"import the names in it at run time, too, not only under TYPE_CHECKING\): write",
    ):
        Registry().add(grade)
    registry = Registry()
    registry.add(store, batch=10)
    registry.add(grade, "grade_change")  # the name is enough; nothing is checked
    assert [h.patterns for h in registry.handlers] == [("submission_created",), ("grade_change",)]


@pytest.mark.parametrize(
    ("annotation", "sentence"),
    [
        ("Event", r"names no event, and neither does its annotation: write @registry\.on\("),
        ("Event[Any]", r"annotate its first parameter as Event\[SubmissionCreated\], with a model"),
        ("Event[SubmissionCreatd]", "NameError: name 'SubmissionCreatd' is not defined"),
        ("Event[", r"can't be resolved \(SyntaxError\)"),
        ("Event[1 / 0]", r"can't be resolved \(ZeroDivisionError\)"),
        ("Event[dict]", "dict is a class, but not a model of an event"),
        ("Event[SubmissionCreated | None]", "NoneType is a class, but not a model"),
        ("Event[dict[str, Any]]", "dict is a class, but not a model"),
        ("Event[typing.Literal['x']]", "Literal is a class, but not a model"),
        (Event[catalog.CanvasBody], "CanvasBody is not one event: give"),
        ("Event[EventData]", "EventData is not one event: give"),
        ("Event[Submission]", "Submission is not one event: give one such as SubmissionCreated"),
    ],
)
def test_an_annotation_that_names_no_model_is_reported(annotation: Any, sentence: str) -> None:
    """If nothing else names the events, the error says what is wrong and what to write."""
    with pytest.raises(ConfigurationError, match=f"handler 'grade'.*{sentence}"):
        Registry().on(name="grade")(annotated(annotation))


@pytest.mark.parametrize("annotation", ["Event[dict]", "Event[SubmissionCreated | int]"])
def test_an_annotation_that_can_never_be_true_is_an_error_with_names_too(annotation: str) -> None:
    """`event.data` never has such a class."""
    with pytest.raises(ConfigurationError, match="the annotation of handler 'grade': "):
        Registry().add(annotated(annotation), "submission_created", name="grade")


def test_a_function_without_any_annotation_needs_names() -> None:
    """The sentence says so."""
    with pytest.raises(ConfigurationError, match="its first parameter has no annotation"):
        Registry().on(lambda event: None)


@pytest.mark.parametrize("patterns", ["*", "submission_created", SubmissionCreated, ()])
def test_one_or_many_is_checked_against_the_batch_size(patterns: Any) -> None:
    """A sequence needs a batch size, and one event can't have one."""

    def one(event: Event[SubmissionCreated]) -> None: ...
    def many(events: Sequence[Event[SubmissionCreated]]) -> None: ...

    with pytest.raises(ConfigurationError, match="takes one event, but has a batch size"):
        Registry().add(one, patterns, batch=5)
    with pytest.raises(ConfigurationError, match="such as batch=100"):
        Registry().add(many, patterns)


def test_the_decorator_alone_returns_the_function() -> None:
    """`@registry.on` without brackets, and with options only."""
    registry = Registry()

    def grade(event: Event[SubmissionCreated]) -> None: ...

    assert registry.on(grade) is grade
    assert registry.on(name="again")(grade) is grade
    assert [h.name.rpartition(".")[2] for h in registry.handlers] == ["grade", "again"]


def test_a_model_in_the_annotation_takes_only_its_own_format() -> None:
    """The same as with a model given to the decorator."""
    registry = Registry()
    got: list[Event] = []

    @registry.on
    def grade(event: Event[SubmissionCreated]) -> None:
        got.append(event)

    assert run(registry, make_event()).verdict == "ack"
    refused = run(registry, make_event(format="caliper"))

    assert refused.reason.startswith("handler ")
    assert "not in Caliper format: register consumer.events.catalog.caliper" in refused.reason
    assert len(got) == 1

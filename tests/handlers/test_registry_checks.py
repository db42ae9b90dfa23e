"""What is refused at registration, with a sentence that helps."""

from __future__ import annotations

from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import ConfigurationError
from consumer.handlers.registering.registry import Registry
from consumer.retry import RetryPolicy
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.messages import Context, Event


async def _async(event: Event) -> None: ...


async def _async_generator(event: Event) -> Any:
    yield event


def _generator(event: Event) -> Any:
    yield event


class _Async:
    async def __call__(self, event: Event) -> None: ...


class _Generator:
    def __call__(self, event: Event) -> Any:
        yield event


class _Method:
    def handle(self, event: Event) -> None: ...

    def __call__(self, event: Event) -> None: ...


class _Unsigned:
    """As some callables that are written in C."""

    __signature__ = "none"

    def __call__(self, event: Event) -> None: ...


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda: None, r"must accept \(event\) or \(event, context\), but has no parameters"),
        (lambda a, b, c: None, "but has 3 parameters"),
        (
            lambda event, *, key: None,
            "needs the keyword argument 'key', which it is not called with",
        ),
        (lambda **options: None, "but has no parameters"),
        (_async, r"is async: .* lost; write it with def, .* asyncio\.run"),
        (partial(_async), "is async"),
        (_Async(), "is async"),
        (_async_generator, "is async"),
        (_generator, "is a generator: .* leave out the yield"),
        (_Generator(), "is a generator"),
        (_Method, r"is a class: register an object of it, _Method\(\)$"),
        (_Method.handle, "is a method without its object"),
        (None, "can't be called: it is None, not a function"),
        ("my_handlers:on_grade", "can't be called: it is a str, not a function"),
        ([print], "can't be called: it is a list, not a function"),
        (_Unsigned(), "must be wrapped in a function: Python can't find out which parameters"),
    ],
)
def test_what_cannot_be_a_handler_is_refused(function: Any, sentence: str) -> None:
    """Each with its remedy, when it is registered."""
    registry = Registry()

    with pytest.raises(ConfigurationError, match=rf"(?s)^handler 'h'.*{sentence}"):
        registry.add(function, "*", name="h")

    assert registry.handlers == ()


class _Secret:
    def __repr__(self) -> str:
        return "hunter2"


def _add(registry: Registry, /, **options: Any) -> None:
    registry.add(**{"function": lambda event: None, "patterns": "*", "name": "h", **options})


@for_each(
    "register",
    [
        *[
            partial(_add, **{option: _Secret()})
            for option in (
                "function", "patterns", "name", "when", "format", "batch", "concurrency",
                "timeout_seconds", "linger_seconds", "retry",
            )
        ],
        partial(_add, function=[_Secret()]),
        partial(_add, patterns=[[_Secret()]]),
        lambda registry: registry.use(_Secret()),
        lambda registry: registry.include(Registry(), patterns=[_Secret()]),
        lambda registry: RetryPolicy(_Secret()),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_no_error_shows_an_object(register: Callable[[Registry], None]) -> None:
    """Its repr may hold a secret, so the error names only its type."""
    with pytest.raises(ConfigurationError) as caught:
        register(Registry())

    assert "hunter2" not in str(caught.value)


def test_an_error_shows_the_shape_of_a_batch_handler() -> None:
    """The sentence says (events), not (event)."""
    with pytest.raises(ConfigurationError, match=r"must accept \(events\) or \(events, context\)"):
        Registry().add(lambda: None, "*", name="h", batch=5)


def test_a_builtin_of_python_can_be_a_handler() -> None:
    """Such as a queue's put, if Python knows its parameters."""
    registry = Registry()
    got: list[Event] = []
    queue: SimpleQueue[Event] = SimpleQueue()
    registry.add(got.append, "*", name="list")
    registry.add(queue.put_nowait, "*", name="queue")

    assert [h.name for h in registry.handlers] == ["list", "queue"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"batch": 0}, "batch must be a whole number from 1 to 10000, not 0"),
        ({"batch": 10_001}, "not 10001"),
        ({"batch": 1.5}, r"not 1\.5"),
        ({"batch": True}, "not True"),
        ({"batch": "5"}, "not '5'"),
        ({"timeout_seconds": -1}, "timeout_seconds must be a number of seconds, more than 0"),
        ({"timeout_seconds": 0}, "more than 0, not 0"),
        ({"timeout_seconds": float("nan")}, "not nan"),
        ({"timeout_seconds": float("inf")}, "not inf"),
        ({"timeout_seconds": True}, "not True"),
        ({"timeout_seconds": "5"}, "not '5'"),
        ({"linger_seconds": -0.1}, r"linger_seconds must be .* 0 or more, not -0\.1"),
        ({"linger_seconds": None}, "linger_seconds"),
        ({"concurrency": 0}, "concurrency must be a whole number of at least 1, not 0"),
        ({"concurrency": False}, "not False"),
        ({"format": "json"}, 'format must be "canvas", "caliper" or left out, not \'json\''),
        ({"format": "auto"}, "not 'auto'"),
        ({"retry": 5}, r"retry must be RetryPolicy\(base_seconds=\.\.\., max_seconds=\.\.\.\)"),
        ({"when": 5}, "its predicate can't be called"),
        ({"when": lambda: True}, r"its predicate must accept \(event\)"),
        ({"when": lambda event, context: True}, r"must accept \(event\)"),
        ({"when": _async}, "its predicate is async"),
        ({"name": ""}, "a handler's name must be a text that is not blank"),
        ({"name": "  "}, "not blank"),
        ({"name": 5}, "not 5"),
        ({"timeout": 5}, 'no option "timeout": did you mean "timeout_seconds"'),
        ({"zzz": 5}, "there are batch, check_destination, close, coalesce"),
        ({"call": print}, 'no option "call"'),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], sentence: str) -> None:
    """The sentence names the option, its range and the value."""
    options = {"name": "h", **options}

    with pytest.raises(ConfigurationError, match=sentence):
        Registry().add(lambda subject: None, "*", **options)


@pytest.mark.parametrize("batch", [1, 10_000])
def test_the_ends_of_the_range_are_accepted(batch: int) -> None:
    """A batch has from 1 to 10,000 events."""
    registry = Registry()
    registry.add(lambda events: None, "*", name="h", batch=batch, linger_seconds=0)

    assert registry.handlers[0].batch == batch


@pytest.mark.parametrize(
    ("patterns", "sentence"),
    [
        ([], "names no event"),
        ("", "'' is not the name of an event"),
        ([""], "is not the name of an event"),
        (["grade_change "], "'grade_change ' is not the name of an event"),
        ([5], "5 is not the name"),
        ([None], "None is not the name"),
        (5, "patterns must be texts or models, not 5"),
        ([["a", "b"]], "a list is not the name"),
    ],
)
def test_patterns_that_match_nothing_are_refused(patterns: Any, sentence: str) -> None:
    """A handler that can never be called is a mistake."""
    with pytest.raises(ConfigurationError, match=sentence):
        Registry().add(lambda event: None, patterns, name="h")


def test_a_text_is_one_pattern_and_not_its_letters() -> None:
    """`add(f, "grade_change")` is one event, and a pattern given twice is one."""
    registry = Registry()
    registry.add(lambda event: None, "grade_change", name="one")
    registry.add(lambda event: None, ["a", "a"], name="two")

    assert [h.patterns for h in registry.handlers] == [("grade_change",), ("a",)]


def test_a_decorator_without_events_says_how_it_is_written() -> None:
    """`@registry.on` without brackets, with empty ones, and with a function among names."""
    registry = Registry()

    def handler(event: Event) -> None: ...

    with pytest.raises(ConfigurationError, match=r'@registry\.on\("submission_created"\)'):
        registry.on(handler)
    with pytest.raises(ConfigurationError, match="names no event"):
        registry.on()(handler)
    with pytest.raises(ConfigurationError, match=r'@registry\.on\("grade_change"\)'):
        registry.on("quiz_*", handler)  # type: ignore[call-overload]


def test_two_handlers_of_one_name_are_refused() -> None:
    """The ledger distinguishes handlers by name; two functions of one name need `name=`."""
    registry = Registry()

    def handler(event: Event, context: Context) -> None: ...

    registry.add(handler, "a")
    with pytest.raises(ConfigurationError, match="two handlers are named 'handler'"):
        registry.add(handler, "b")
    registry.add(handler, "b", name="other")

    assert [h.name for h in registry.handlers] == ["handler", "other"]

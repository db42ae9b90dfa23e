"""The registry: who gets which event, and what a call does."""

from __future__ import annotations

import asyncio
import functools
import threading
import timeit
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, get_args

import pytest

from consumer.errors import BatchFailure, Reject, Retry
from consumer.handlers.registry import Registry, RetryPolicy
from consumer.messages import Context, Event, Format, Outcome
from consumer.testing import make_event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.handlers.handler import Call

CONTEXT = Context(handler="h", message_ids=("m-1",))


def names(registry: Registry, event_name: str, event_format: Format = "canvas") -> list[str]:
    return [handler.name for handler in registry.route(event_name, event_format)]


def call_of(registry: Registry, position: int = 0) -> Call:
    call = registry.handlers[position].call
    assert call is not None
    return call


def test_decorator_returns_the_function_unchanged() -> None:
    """A decorated function can still be called and tested as a function."""
    registry = Registry()

    def grade(event: Event, context: Context) -> None: ...

    assert registry.on("grade_change")(grade) is grade
    assert [h.name for h in registry.handlers] == ["grade"]


@pytest.mark.parametrize(
    ("patterns", "matching", "other"),
    [
        (
            ["grade_change"],
            ["grade_change"],
            ["grade_changed", "Grade_change", "xgrade_change", ""],
        ),
        (["submission_*"], ["submission_created", "submission_"], ["submission", "a_submission_x"]),
        (["user_?"], ["user_1"], ["user_12", "user_"]),
        (["quiz_[cu]*"], ["quiz_created", "quiz_updated"], ["quiz_submitted"]),
        (["a", "b"], ["a", "b"], ["ab", "c"]),
        (["*"], ["a", "", "quizzes.item_created", "a\nb"], []),
        (["quizzes.*"], ["quizzes.item_created"], ["quizzesXitem"]),
        (["[a"], ["[a"], ["a"]),
    ],
)
def test_patterns_are_exact_names_or_globs(
    patterns: list[str], matching: list[str], other: list[str]
) -> None:
    """A name matches as a whole and by case; a dot in it is a dot."""
    registry = Registry()
    registry.add(lambda event: None, patterns, name="h")

    assert [names(registry, name) for name in matching] == [["h"]] * len(matching)
    assert [names(registry, name) for name in other] == [[]] * len(other)


def test_an_event_goes_to_all_that_match_in_their_order() -> None:
    """Several handlers may ask for one event, and one handler gets it once only."""
    registry = Registry()
    registry.add(lambda event: None, ["a", "a*", "*"], name="first")
    registry.add(lambda event: None, "b", name="second")
    registry.add(lambda event: None, "*", name="third")

    assert names(registry, "a") == ["first", "third"]
    assert names(registry, "b") == ["first", "second", "third"]


def test_a_format_narrows() -> None:
    """A handler for one format gets no event of the other."""
    registry = Registry()
    registry.add(lambda event: None, "*", name="canvas", format="canvas")
    registry.add(lambda event: None, "*", name="caliper", format="caliper")
    registry.add(lambda event: None, "*", name="both")

    assert names(registry, "a", "canvas") == ["canvas", "both"]
    assert names(registry, "a", "caliper") == ["caliper", "both"]
    assert set(get_args(Format)) == {"canvas", "caliper"}


def test_all_options_reach_the_handler() -> None:
    """What is given at registration is what the engine reads."""
    registry = Registry()
    retry = RetryPolicy(base_seconds=1, max_seconds=60)

    def when(event: Event) -> bool:
        return True

    def close() -> None: ...

    def store(events: Sequence[Event], context: Context) -> None: ...

    registry.add(
        store, ["a", "b_*"], name="n", format="caliper", when=when, timeout_seconds=3, retry=retry,
        concurrency=2, batch=500, linger_seconds=0.25, close=close,
    )  # fmt: skip

    (handler,) = registry.handlers
    assert (handler.name, handler.patterns, handler.format) == ("n", ("a", "b_*"), "caliper")
    assert (handler.when, handler.close, handler.retry) == (when, close, retry)
    assert (handler.timeout_seconds, handler.concurrency) == (3, 2)
    assert (handler.batch, handler.linger_seconds) == (500, 0.25)
    assert handler.call is None
    assert handler.call_batch is not None


def test_defaults_leave_everything_open() -> None:
    """Without options a handler gets single events of both formats, without limits."""
    registry = Registry()
    registry.add(lambda event: None, "*", name="n")

    (handler,) = registry.handlers
    assert handler.call is not None
    assert handler.call_batch is None
    assert handler.close is None
    assert handler.batch is None
    assert handler.retry is None
    assert handler.when is None
    assert handler.timeout_seconds is None
    assert handler.concurrency is None
    assert handler.linger_seconds == 1.0


class Callers:
    """Everything that can be called."""

    def __init__(self) -> None:
        self.got: list[tuple[Any, ...]] = []

    def bound(self, event: Event, context: Context) -> None:
        self.got.append((event, context))

    def __call__(self, event: Event) -> None:
        self.got.append((event,))

    def three(self, extra: str, event: Event, context: Context) -> None:
        self.got.append((event, context))

    def anything(self, *arguments: Any) -> None:
        self.got.append(arguments)

    def optional(self, event: Event, context: Context | None = None) -> None:
        self.got.append((event, context))

    def other_default(self, event: Event, dry_run: bool = False) -> None:
        self.got.append((event, dry_run))

    def keyword(self, event: Event, *, dry_run: bool = False) -> None:
        self.got.append((event, dry_run))


@pytest.mark.parametrize(
    ("choose", "context", "rest"),
    [
        (lambda c: c.bound, True, ()),
        (lambda c: c, False, ()),
        (lambda c: functools.partial(c.three, "x"), True, ()),
        (lambda c: c.anything, True, ()),
        (lambda c: c.optional, True, ()),
        (lambda c: c.other_default, False, (False,)),
        (lambda c: c.keyword, False, (False,)),
        (lambda c: functools.partial(c.keyword, dry_run=True), False, (True,)),
        (lambda c: lambda e, ctx: c.bound(e, ctx), True, ()),
    ],
)
def test_anything_callable_gets_the_event_and_the_context_if_it_wants_it(
    choose: Callable[[Callers], Callable[..., None]], context: bool, rest: tuple[Any, ...]
) -> None:
    """Two parameters or one; a second one with a default of its own is not taken for the context."""
    callers = Callers()
    registry = Registry()
    registry.add(choose(callers), "*", name="n")
    event = make_event()

    call_of(registry)(event, CONTEXT)

    assert callers.got == [(event, CONTEXT) if context else (event, *rest)]


def test_names_come_from_the_function() -> None:
    """Functions, methods, partials and callable objects have names that say what they are."""
    registry = Registry()
    callers = Callers()
    for function in (callers.bound, callers, functools.partial(callers.three, "x")):
        registry.add(function, "*")

    assert [h.name for h in registry.handlers] == ["Callers.bound", "Callers", "Callers.three"]


def test_a_batch_handler_gets_the_sequence() -> None:
    """`batch` hands over all events of a batch in one call, with or without the context."""
    got: list[Any] = []
    registry = Registry()
    registry.add(lambda events: got.append(list(events)), "*", name="one", batch=2)
    registry.add(lambda events, context: got.append(context), "*", name="two", batch=2)
    events = [make_event(), make_event()]

    for handler in registry.handlers:
        assert handler.call_batch is not None
        handler.call_batch(events, CONTEXT)

    assert got == [events, CONTEXT]


@pytest.mark.parametrize("error", [Retry("later", after=3), Reject("never"), KeyError("x")])
def test_what_a_handler_raises_comes_out_as_it_is(error: Exception) -> None:
    """The registry neither wraps nor swallows: the engine decides by the exception."""
    registry = Registry()

    @registry.on("*")
    def fail(event: Event) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        call_of(registry)(make_event(), CONTEXT)

    assert caught.value is error


@pytest.mark.parametrize("error", [Retry("later"), Reject("never"), ValueError("x"), Retry])
def test_an_exception_that_is_returned_is_raised(error: Any) -> None:
    """`return Retry()` instead of `raise Retry()` must not delete the message."""
    registry = Registry()
    registry.add(lambda event: error, "*", name="one")
    registry.add(lambda events: error, "*", name="many", batch=2)

    with pytest.raises((Retry, Reject, ValueError)):
        call_of(registry)(make_event(), CONTEXT)
    call_batch = registry.handlers[1].call_batch
    assert call_batch is not None
    with pytest.raises((Retry, Reject, ValueError)):
        call_batch([make_event()], CONTEXT)


def test_a_class_that_cannot_be_raised_as_it_is_still_raises() -> None:
    """`return Reject`, which lacks its reason, is an error and no success."""
    registry = Registry()
    registry.add(lambda event: BatchFailure, "*", name="n")

    with pytest.raises(TypeError):
        call_of(registry)(make_event(), CONTEXT)


async def _coroutine() -> None: ...


def _results() -> dict[str, Callable[[], Any]]:
    return {
        "coroutine": _coroutine,
        "generator": lambda: (x for x in [1]),
        "Future": Future,
        "Outcome": Outcome.ack,
    }


@pytest.mark.parametrize("kind", ["coroutine", "generator", "Future", "Outcome"])
def test_work_that_is_not_done_is_no_success(kind: str) -> None:
    """A lambda that returns a coroutine, a generator or a future has not done its work."""
    registry = Registry()
    make = _results()[kind]
    registry.add(lambda event: make(), "*", name="n")

    with pytest.raises(TypeError, match=f"handler 'n' returned a {kind}"):
        call_of(registry)(make_event(), CONTEXT)


def test_an_awaitable_of_another_kind_is_no_success() -> None:
    """Also what asyncio makes of a coroutine: a task that runs on, with nobody waiting."""
    registry = Registry()
    loop = asyncio.new_event_loop()
    try:
        future = loop.create_future()
        registry.add(lambda event: future, "*", name="n")
        with pytest.raises(TypeError, match="wait for it"):
            call_of(registry)(make_event(), CONTEXT)
    finally:
        loop.close()


@pytest.mark.parametrize("value", [False, True, 0, 1, "", "failed", [], {}, object()])
def test_every_other_return_value_is_ignored(value: Any) -> None:
    """A return value decides nothing: neither that a message is deleted, nor that it stays."""
    registry = Registry()
    registry.add(lambda event: value, "*", name="n")

    call_of(registry)(make_event(), CONTEXT)  # raises nothing: that is all there is to see


def test_handlers_are_the_same_objects_until_one_is_added() -> None:
    """The engine keeps things by handler, so asking again must not make new ones."""
    registry = Registry()
    registry.add(lambda event: None, "*", name="one")
    registry.use(lambda event, context, call_next: call_next(event, context))

    before = registry.handlers

    assert registry.handlers is before
    assert registry.route("a", "canvas")[0] is before[0]
    assert registry.route("a", "canvas") is registry.route("a", "canvas")


def test_what_is_added_later_is_routed_although_the_route_was_known() -> None:
    """Adding a handler makes the remembered routes void."""
    registry = Registry()
    registry.add(lambda event: None, "*", name="one")
    assert names(registry, "a") == ["one"]

    registry.add(lambda event: None, "a", name="two")

    assert names(registry, "a") == ["one", "two"]


def test_remembered_routes_are_bounded() -> None:
    """Names come from outside: a million of them must not fill the memory, and all are routed."""
    registry = Registry()
    registry.add(lambda event: None, "x_*", name="h")

    found = [names(registry, f"x_{i}") for i in range(5_000)]

    assert found == [["h"]] * 5_000
    assert len(registry._routes) == 4_096


def test_a_known_route_is_a_lookup() -> None:
    """Routing costs well under a microsecond an event (generous here: the machine is shared)."""
    registry = Registry()
    registry.add(lambda event: None, "*", name="h")
    route = registry.route
    route("a", "canvas")

    best = min(timeit.repeat(lambda: route("a", "canvas"), number=10_000, repeat=5)) / 10_000

    assert best < 2e-6


def test_any_thread_may_ask() -> None:
    """Threads that ask for the first time at once get the same handlers."""
    registry = Registry()
    registry.use(lambda event, context, call_next: call_next(event, context))
    registry.add(lambda event: None, "*", name="h")
    barrier = threading.Barrier(4, timeout=10)
    got: list[object] = []

    def ask() -> None:
        barrier.wait()
        got.append(registry.route("a", "canvas")[0])

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert got == [registry.handlers[0]] * 4

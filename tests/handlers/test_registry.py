"""The registry: which handler gets which event, and what a call does."""

from __future__ import annotations

import threading
import timeit
from typing import TYPE_CHECKING, get_args

import pytest

from consumer.handlers.registering.registry import Registry
from consumer.messages import Context, Event, Format
from consumer.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.handlers.registering.options import Call

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

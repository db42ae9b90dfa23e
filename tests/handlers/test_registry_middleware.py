"""Middleware, and registries inside registries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import ConfigurationError, Retry
from consumer.handlers.registry import Registry, RetryPolicy
from consumer.messages import Context, Event
from consumer.testing import make_event

if TYPE_CHECKING:
    from consumer.handlers.handler import Call
    from consumer.handlers.registry import Middleware

CONTEXT = Context(handler="h", message_ids=("m-1",))


def tracing(name: str, trace: list[str]) -> Middleware:
    def middleware(event: Event, context: Context, call_next: Call) -> None:
        trace.append(f"{name} in")
        call_next(event, context)
        trace.append(f"{name} out")

    return middleware


def run(registry: Registry, position: int = 0) -> None:
    call = registry.handlers[position].call
    assert call is not None
    call(make_event(), CONTEXT)


def names(registry: Registry) -> list[str]:
    return [handler.name for handler in registry.handlers]


def test_the_first_middleware_is_outermost() -> None:
    """What is added first goes in first and comes out last."""
    trace: list[str] = []
    registry = Registry()
    registry.use(tracing("a", trace))
    registry.add(lambda event: trace.append("handler"), "*", name="h")
    registry.use(tracing("b", trace))

    run(registry)

    assert trace == ["a in", "b in", "handler", "b out", "a out"]


def test_a_middleware_sees_and_may_change_what_is_raised() -> None:
    """It stands between the handler and the engine."""
    registry = Registry()

    @registry.on("*")
    def fail(event: Event) -> None:
        raise KeyError("x")

    @registry.use
    def later(event: Event, context: Context, call_next: Call) -> None:
        try:
            call_next(event, context)
        except KeyError as error:
            raise Retry("later") from error

    with pytest.raises(Retry, match="later"):
        run(registry)


def test_a_middleware_that_does_not_go_on_has_handled_the_event() -> None:
    """It may decide that there is nothing to do."""
    called: list[Event] = []
    registry = Registry()
    registry.add(called.append, "*", name="h")
    registry.use(lambda event, context, call_next: None)

    run(registry)

    assert called == []


def test_a_middleware_can_hand_on_another_event() -> None:
    """What it passes to call_next is what the handler gets."""
    called: list[Event] = []
    other = make_event("other")
    registry = Registry()
    registry.add(called.append, "*", name="h")
    registry.use(lambda event, context, call_next: call_next(other, context))

    run(registry)

    assert called == [other]


def test_a_middleware_that_returns_an_exception_or_a_coroutine_fails() -> None:
    """Its slip must not delete a message either, wherever it stands."""

    async def not_run() -> None: ...

    for result, error in ((Retry("x"), Retry), (None, TypeError)):
        registry = Registry()
        registry.add(lambda event: None, "*", name="h")
        registry.use(tracing("outer", []))
        registry.use(lambda event, context, call_next, r=result: r or not_run())
        with pytest.raises(error):
            run(registry)


def test_batch_handlers_are_not_wrapped() -> None:
    """A middleware is about one event."""
    trace: list[Any] = []
    registry = Registry()
    registry.use(tracing("a", []))
    registry.add(trace.extend, "*", name="h", batch=2)
    event = make_event()

    call_batch = registry.handlers[0].call_batch
    assert call_batch is not None
    call_batch([event], CONTEXT)

    assert trace == [event]


@pytest.mark.parametrize(
    "middleware",
    [
        5,
        lambda: None,
        lambda event, context: None,
        lambda event, context, call_next, more: None,
        Registry,
    ],
)
def test_what_cannot_be_a_middleware_is_refused(middleware: Any) -> None:
    """Told when it is added, not at the first event."""
    with pytest.raises(ConfigurationError, match="middleware"):
        Registry().use(middleware)


def test_an_async_middleware_is_refused() -> None:
    """Calling it would do nothing, and every event would be deleted."""

    async def middleware(event: Event, context: Context, call_next: Call) -> None: ...

    with pytest.raises(ConfigurationError, match="async.*asyncio.run"):
        Registry().use(middleware)


def test_included_handlers_keep_their_middleware_inside_ours() -> None:
    """Ours is outermost, whenever it was added."""
    trace: list[str] = []
    inner, outer = Registry(), Registry()
    inner.use(tracing("inner", trace))
    inner.add(lambda event: trace.append("handler"), "*", name="h")
    outer.include(inner)
    outer.use(tracing("outer", trace))

    run(outer)

    assert trace == ["outer in", "inner in", "handler", "inner out", "outer out"]


def test_a_prefix_makes_names_distinct() -> None:
    """One registry can be included twice, and others may use the same names."""
    inner, outer = Registry(), Registry()
    inner.add(lambda event: None, "*", name="h")

    outer.include(inner, prefix="a.")
    outer.include(inner, prefix="b.")

    assert names(outer) == ["a.h", "b.h"]
    with pytest.raises(ConfigurationError, match=r"two handlers are named 'a\.h'"):
        outer.include(inner, prefix="a.")


def test_patterns_and_format_narrow_what_is_included() -> None:
    """An event must have been asked for by the handler and by whoever includes it."""
    inner, outer = Registry(), Registry()
    inner.add(lambda event: None, ["*_created", "login"], name="created")
    inner.add(lambda event: None, "*", name="all")
    inner.add(lambda event: None, "*", name="caliper", format="caliper")
    outer.include(inner, patterns=["submission_*", "login"], format="canvas")

    def routed(name: str) -> list[str]:
        return [h.name for h in outer.route(name, "canvas")]

    assert names(outer) == ["created", "all"]
    assert routed("submission_created") == ["created", "all"]
    assert routed("submission_updated") == ["all"]
    assert routed("login") == ["created", "all"]
    assert routed("user_created") == []
    assert outer.route("login", "caliper") == ()
    assert outer.handlers[1].patterns == ("submission_*", "login")


def test_narrowing_twice_narrows_further() -> None:
    """Each level of inclusion has its say."""
    inner, middle, outer = Registry(), Registry(), Registry()
    inner.add(lambda event: None, "*_created", name="h")
    middle.include(inner, patterns="sub*")
    outer.include(middle, patterns="*mission*")

    found = [n for n in ("submission_created", "subject_created", "permission_created")
             if outer.route(n, "canvas")]  # fmt: skip

    assert found == ["submission_created"]


def test_limits_replace_those_of_the_registration() -> None:
    """What an administrator configures wins over what the code says; the rest stays."""
    inner, outer = Registry(), Registry()
    retry = RetryPolicy(2, 4)
    inner.add(lambda events: None, "*", name="h", batch=10, timeout_seconds=5, concurrency=3)
    outer.include(inner, batch=20, linger_seconds=0, timeout_seconds=7, retry=retry)

    (handler,) = outer.handlers
    assert (handler.batch, handler.linger_seconds, handler.timeout_seconds) == (20, 0, 7)
    assert (handler.retry, handler.concurrency) == (retry, 3)


@pytest.mark.parametrize(
    "limits", [{"batch": 0}, {"timeout_seconds": -1}, {"concurrency": 0}, {"linger_seconds": -1}]
)
def test_limits_are_checked_when_they_replace_others(limits: Any) -> None:
    """The same ranges as at registration."""
    inner = Registry()
    inner.add(lambda events: None, "*", name="h", batch=10)

    with pytest.raises(ConfigurationError, match="handler 'h'"):
        Registry().include(inner, **limits)


def test_a_batch_size_needs_a_batch_handler() -> None:
    """A function that takes one event can't be made to take many from outside."""
    inner = Registry()
    inner.add(lambda event: None, "*", name="h")

    with pytest.raises(ConfigurationError, match="takes one event at a time"):
        Registry().include(inner, batch=10)


def test_nothing_can_be_added_to_an_included_registry() -> None:
    """It would never be called, and its events would be deleted without it."""
    inner, outer = Registry(), Registry()
    inner.add(lambda event: None, "*", name="h")
    outer.include(inner)

    for change in (
        lambda: inner.add(lambda event: None, "*", name="late"),
        lambda: inner.use(lambda event, context, call_next: None),
        lambda: inner.include(Registry()),
    ):
        with pytest.raises(ConfigurationError, match="include it after its last handler"):
            change()
    assert names(inner) == ["h"]


def test_a_registry_cannot_include_itself() -> None:
    """It would have every handler twice."""
    registry = Registry()

    with pytest.raises(ConfigurationError, match="itself"):
        registry.include(registry)


def test_a_failed_inclusion_changes_nothing() -> None:
    """Either all handlers are taken over or none."""
    inner, outer = Registry(), Registry()
    for name in ("a", "b"):
        inner.add(lambda event: None, "*", name=name)
    outer.add(lambda event: None, "*", name="b")

    with pytest.raises(ConfigurationError):
        outer.include(inner)

    assert names(outer) == ["b"]
    inner.add(lambda event: None, "*", name="c")  # it was not included, so it is still open

"""Middleware around handlers."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import ConfigurationError, Retry
from consumer.handlers.registering.registry import Registry
from consumer.testing import make_event
from tests.handlers.calls import CONTEXT, call_first, tracing

if TYPE_CHECKING:
    from consumer.handlers.registering.options import Call
    from consumer.messages import Context, Event


def test_the_first_middleware_is_outermost() -> None:
    """What is added first goes in first and comes out last."""
    trace: list[str] = []
    registry = Registry()
    registry.use(tracing("a", trace))
    registry.add(lambda event: trace.append("handler"), "*", name="h")
    registry.use(tracing("b", trace))

    call_first(registry)

    assert trace == ["a in", "b in", "handler", "b out", "a out"]


def test_a_middleware_sees_and_may_change_what_is_raised() -> None:
    """It is between the handler and the engine."""
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
        call_first(registry)


def test_a_middleware_that_does_not_go_on_has_handled_the_event() -> None:
    """It may decide that there is nothing to do."""
    called: list[Event] = []
    registry = Registry()
    registry.add(called.append, "*", name="h")
    registry.use(lambda event, context, call_next: None)

    call_first(registry)

    assert called == []


def test_a_middleware_can_hand_on_another_event() -> None:
    """What it passes to call_next is what the handler gets."""
    called: list[Event] = []
    other = make_event("other")
    registry = Registry()
    registry.add(called.append, "*", name="h")
    registry.use(lambda event, context, call_next: call_next(other, context))

    call_first(registry)

    assert called == [other]


def test_a_middleware_that_returns_an_exception_or_a_coroutine_fails() -> None:
    """Such a mistake must not delete a message, in any position."""

    async def not_run() -> None: ...

    def slip(result: object, event: Event, context: Context, call_next: Call) -> object:
        return result or not_run()

    for result, error in ((Retry("x"), Retry), (None, TypeError)):
        registry = Registry()
        registry.add(lambda event: None, "*", name="h")
        registry.use(tracing("outer", []))
        registry.use(functools.partial(slip, result))
        with pytest.raises(error):
            call_first(registry)


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
    """When it is added, not at the first event."""
    with pytest.raises(ConfigurationError, match="middleware"):
        Registry().use(middleware)


def test_an_async_middleware_is_refused() -> None:
    """Calling it would do nothing, and every event would be deleted."""

    async def middleware(event: Event, context: Context, call_next: Call) -> None: ...

    with pytest.raises(ConfigurationError, match=r"async.*asyncio\.run"):
        Registry().use(middleware)

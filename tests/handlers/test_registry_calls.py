"""What a call of a handler does: what it hands over, and what becomes of results."""

from __future__ import annotations

import asyncio
import copy
import functools
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import BatchFailure, Reject, Retry
from consumer.handlers.registering.registry import Registry
from consumer.messages import Context, Event, Outcome
from consumer.testing import make_event, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.handlers.registering.options import Call

CONTEXT = Context(handler="h", message_ids=("m-1",))


def call_of(registry: Registry, position: int = 0) -> Call:
    call = registry.handlers[position].call
    assert call is not None
    return call


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
        (lambda c: lambda e, ctx: c.bound(context=ctx, event=e), True, ()),
    ],
)
def test_anything_callable_gets_the_event_and_the_context_if_it_wants_it(
    choose: Callable[[Callers], Callable[..., None]], context: bool, rest: tuple[Any, ...]
) -> None:
    """Two parameters or one; a second one with a default of its own is not for the context."""
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
    """`return Reject`, which lacks its reason, is an error."""
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
def test_work_that_is_not_done_is_a_failure(kind: str) -> None:
    """A lambda that returns a coroutine, a generator or a future has not done its work."""
    registry = Registry()
    make = _results()[kind]
    registry.add(lambda event: make(), "*", name="n")

    with pytest.raises(TypeError, match=f"handler 'n' returned an? {kind}"):
        call_of(registry)(make_event(), CONTEXT)


def test_an_awaitable_of_another_kind_is_a_failure() -> None:
    """Also what asyncio makes of a coroutine: a task that nothing waits for."""
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
    """A return value neither deletes nor keeps a message."""
    registry = Registry()
    registry.add(lambda event: value, "*", name="n")

    assert run(registry, make_event()).outcome == Outcome.ack()


def test_what_a_handler_changes_in_an_event_the_next_one_sees() -> None:
    """All get the same object, as the README says; a copy of what is changed keeps it whole."""
    registry = Registry()
    seen: list[object] = []

    def careless(event: Event) -> None:
        event.body["grade"] = "F"  # type: ignore[index]

    def careful(event: Event) -> None:
        body = copy.deepcopy(dict(event.body))
        body["nested"].append("mine")

    registry.add(careful, "*", name="careful")
    registry.add(careless, "*", name="careless")
    registry.add(lambda event: seen.append(dict(event.body)), "*", name="next")
    event = make_event("grade_change", body={"grade": "A", "nested": []})

    untouched = make_event("grade_change", body={"grade": "A", "nested": []})

    run(registry, event)

    assert untouched.key != event.key
    assert [{"grade": "F", "nested": []}] == seen
    assert '"grade": "A"' in event.raw  # which is what the archive writes

"""Makes a handler of a function: checks what is registered, and wraps the call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from consumer.did_you_mean import did_you_mean
from consumer.errors import ConfigurationError
from consumer.handlers.registering import checks
from consumer.handlers.registering.handler import Call, Handler, Options
from consumer.handlers.registering.models import annotation_of, patterns_and_expected
from consumer.messages import Context, Event, Outcome
from consumer.printable import type_of

#: `middleware(event, context, call_next)`.
Middleware = Callable[[Event, Context, Call], object]


def handler_of(function: Callable[..., object], patterns: object, options: Options) -> Handler:
    """The handler that `Registry.add` registers. Raises ConfigurationError."""
    _check_options(options)
    given = options.get("name")
    name = checks.check_name(checks.default_name(function) if given is None else given)
    batched = options.get("batch") is not None
    wants_context = checks.check_function(name, function, batched=batched)
    checks.check_format(name, options.get("format"))
    when = options.get("when")
    if when is not None:
        label = f"handler {name!r}: its predicate"
        checks.check_callable(label, when, "(event)", least=1, most=1)
    annotation = annotation_of(function)
    checks.check_batched(name, annotation.batched, batched=batched)
    named, expected = patterns_and_expected(name, patterns, annotation)
    parts = {
        "name": name,
        "patterns": named,
        "when": expected.predicate(when) if expected else when,
        "call_batch" if batched else "call": _call(name, function, wants_context=wants_context),
        "expected": expected,
        "function": function,
    }
    handler = Handler(**{**options, **parts})
    handler.check()
    return handler


# The frames of this closure are between the engine and the user's function: they only pass on.
def _call(name: str, function: Callable[..., object], *, wants_context: bool = True) -> Any:
    def call(subject: Any, context: Context) -> None:
        result = function(subject, context) if wants_context else function(subject)
        if result is not None:
            _refuse_result(name, result)

    return call


def in_middleware(handler: Handler, middleware: Sequence[Middleware]) -> Handler:
    """The handler with middleware around its call, the first one outermost."""
    call = handler.call
    if call is None:
        return handler
    for layer in reversed(middleware):
        call = _layer(handler.name, layer, call)
    return replace(handler, call=call)


def _layer(name: str, middleware: Middleware, call_next: Call) -> Call:
    call: Call = _call(name, lambda event, context: middleware(event, context, call_next))
    return call


def _refuse_result(name: str, result: Any) -> None:
    """Ignore a return value, unless it means that the work was not done: then raise.

    So no message is deleted by accident: an exception that was returned is raised; a coroutine, a
    generator or a future is work that nothing waits for.
    """
    if isinstance(result, BaseException) or (
        inspect.isclass(result) and issubclass(result, BaseException)
    ):
        raise result
    if isinstance(result, Outcome):
        remedy = "raise Retry(...) or Reject(...) instead"
    elif inspect.isgenerator(result) or inspect.isasyncgen(result):
        remedy = "its body has not run: leave out the yield"
    elif inspect.isawaitable(result) or isinstance(result, Future):
        remedy = "it is not finished: wait for it, and return nothing"
    else:
        return
    if inspect.iscoroutine(result) or inspect.isgenerator(result):
        result.close()  # else Python warns later, elsewhere, that it was never awaited
    raise TypeError(f"handler {name!r} returned {type_of(result)}: {remedy}")


def _check_options(options: Options) -> None:
    known = Options.__optional_keys__
    for key in options:
        if key not in known:
            hint = did_you_mean(key, known) or f"there are {', '.join(sorted(known))}"
            raise ConfigurationError(f'a handler has no option "{key}": {hint}')

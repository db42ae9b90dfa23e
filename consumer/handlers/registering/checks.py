"""What may be registered: a mistake is an error at once, not when the first event comes."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from consumer.errors import ConfigurationError
from consumer.printable import shown, type_of

MAX_BATCH: Final = 10_000
#: A second parameter that has a default gets the context only if it has one of these names.
_CONTEXT_NAMES: Final = frozenset({"context", "ctx", "_context", "_ctx"})
_NOTHING_DONE: Final = "calling it does nothing by itself, so its events would be lost"


def without_partials(function: Any) -> Any:
    """What is called in the end."""
    while isinstance(function, partial):
        function = function.func
    return function


def default_name(function: object) -> str:
    """The name of a handler that was given none: its function's, without the scopes around it."""
    function = without_partials(function)
    qualified = getattr(function, "__qualname__", None) or type(function).__qualname__
    return str(qualified).rpartition("<locals>.")[2]


def inner_function(function: Any) -> Any:
    """What a user wrote: the function inside partials, callable objects, decorators and methods."""
    function = without_partials(function)
    if not inspect.isroutine(function):
        function = getattr(type(function), "__call__", function)  # noqa: B004 - the function
    function = inspect.unwrap(function)
    return getattr(function, "__func__", function)


def each(name: str, patterns: object) -> tuple[object, ...]:
    """Patterns and models, one or several, as a tuple."""
    if isinstance(patterns, str) or inspect.isclass(patterns):
        return (patterns,)
    if not isinstance(patterns, Iterable):
        raise ConfigurationError(
            f"handler {name!r}: patterns must be texts or models, not {shown(patterns)}"
        )
    return tuple(patterns)


def check_patterns(name: str, patterns: Iterable[object]) -> tuple[str, ...]:
    """Event names or globs, at least one; each once."""
    found: dict[str, None] = {}
    for pattern in patterns:
        if not isinstance(pattern, str) or not pattern or pattern != pattern.strip():
            raise ConfigurationError(
                f"handler {name!r}: {shown(pattern)} is not the name of an event: "
                'write "grade_change", or a glob such as "submission_*"'
            )
        found[pattern] = None
    if not found:
        raise ConfigurationError(
            f'handler {name!r} names no event: give names, globs, or "*" for every event'
        )
    return tuple(found)


def check_function(name: str, function: object, *, batched: bool) -> bool:
    """Refuse what can't be a handler; True if it wants the context, too."""
    subject = "events" if batched else "event"
    shape = f"({subject}) or ({subject}, context)"
    parameters = check_callable(f"handler {name!r}", function, shape, least=1, most=2)
    last = parameters[:2][-1]
    if last.kind is last.VAR_POSITIONAL:
        return True
    return len(parameters) > 1 and (last.default is last.empty or last.name in _CONTEXT_NAMES)


def check_batched(name: str, annotated: bool | None, *, batched: bool) -> None:
    """Refuse a batch size for a function that takes one event, and the other way round."""
    if annotated and not batched:
        raise ConfigurationError(
            f"handler {name!r} takes a sequence of events: say how many at most, such as "
            "batch=100 (batch_size in a configuration file)"
        )
    if annotated is False and batched:
        raise ConfigurationError(
            f"handler {name!r} takes one event, but has a batch size: leave that out, or annotate "
            "Sequence[Event]"
        )


def check_middleware(middleware: object) -> None:
    """Refuse what can't be called as `middleware(event, context, call_next)`."""
    label = f"middleware {default_name(middleware) if callable(middleware) else shown(middleware)}"
    check_callable(label, middleware, "(event, context, call_next)", least=3, most=3)


def check_format(name: str, value: object) -> None:
    """One of the two formats, or None for both."""
    if value not in (None, "canvas", "caliper"):
        raise ConfigurationError(
            f'handler {name!r}: format must be "canvas", "caliper" or left out, not {shown(value)}'
        )


def check_count(what: str, value: object, *, most: int | None = None) -> None:
    """Refuse what is not a whole number from 1 (to `most`)."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < 1 or (most is not None and value > most):  # type: ignore[operator]
        span = f"from 1 to {most}" if most is not None else "of at least 1"
        raise ConfigurationError(f"{what} must be a whole number {span}, not {shown(value)}")


def check_rate(label: str, value: object) -> None:
    """Refuse what is not a number of calls a second, from 0.1 to 10,000."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0.1 <= value <= 10_000:  # type: ignore[operator]
        raise ConfigurationError(
            f"{label}: rate_limit_per_second must be a number from 0.1 to 10000, not {shown(value)}"
        )


def check_callable(
    label: str, function: object, shape: str, *, least: int, most: int
) -> list[inspect.Parameter]:
    """Refuse what can't be called with so many arguments; returns its positional parameters."""
    fault = _fault(function) or _misfit(function, shape, least, most)
    if fault:
        raise ConfigurationError(f"{label} {fault}")
    return _positional(function)


def _fault(function: object) -> str:
    """Why it is not a plain, synchronous callable, as the end of a sentence; "" if it is one."""
    if inspect.isclass(function):
        return f"is a class: register an object of it, {function.__name__}()"
    if not callable(function):
        return f"can't be called: it is {type_of(function)}, not a function"
    for called in (function, type(function).__call__):
        if inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called):
            return (
                f"is async: {_NOTHING_DONE}; write it with def, and run what is async inside it "
                "with asyncio.run(...)"
            )
        if inspect.isgeneratorfunction(called):
            return f"is a generator: {_NOTHING_DONE}; leave out the yield"
    return ""


def _misfit(function: Any, shape: str, least: int, most: int) -> str:
    """Why it can't be called with so many arguments; "" if it can."""
    try:
        every = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return "must be wrapped in a function: Python can't find out which parameters it accepts"
    for parameter in every:
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
            return (
                f"needs the keyword argument {parameter.name!r}, which it is not called with: "
                "give it a default, or use functools.partial"
            )
    found = _positional(function)
    required = [p for p in found if p.default is p.empty]
    if required and required[0].name in {"self", "cls"}:
        return "is a method without its object: use registry.add(thing.method, [...])"
    anything = any(p.kind is p.VAR_POSITIONAL for p in found)
    if len(required) > most or (len(found) < least and not anything):
        return f"must accept {shape}, but has {len(required) or 'no'} parameters"
    return ""


def _positional(function: Any) -> list[inspect.Parameter]:
    every = inspect.signature(function).parameters.values()
    return [p for p in every if p.kind not in {p.KEYWORD_ONLY, p.VAR_KEYWORD}]

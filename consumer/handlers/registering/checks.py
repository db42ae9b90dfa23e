"""What may be registered: a mistake is told at once, not when the first event comes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import Any, NoReturn

from consumer.errors import ConfigurationError
from consumer.messages import Outcome

MAX_BATCH = 10_000
#: A second parameter that has a default gets the context only if it asks for it by such a name.
_CONTEXT_NAMES = frozenset({"context", "ctx", "_context", "_ctx"})
_NOTHING_DONE = "calling it does nothing by itself, so its events would be lost"
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def default_name(function: Callable[..., object]) -> str:
    """The name of a handler that was given none: its function's, less module and outer scopes."""
    while isinstance(function, partial):
        function = function.func
    qualified = getattr(function, "__qualname__", None) or type(function).__qualname__
    return str(qualified).rpartition("<locals>.")[2]


def check_name(name: object) -> str:
    """A handler's name: a text that is not blank."""
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(f"a handler's name must be a text that is not blank, not {name!r}")
    return name


def check_patterns(name: str, patterns: object) -> tuple[str, ...]:
    """Event names or globs, at least one; a text alone is one pattern."""
    found = (patterns,) if isinstance(patterns, str) else patterns
    if not isinstance(found, Iterable):
        raise ConfigurationError(f"handler {name!r}: patterns must be texts, not {patterns!r}")
    found = tuple(found)
    if not found:
        raise ConfigurationError(
            f'handler {name!r} names no event: give names, globs, or "*" for every event'
        )
    for pattern in found:
        if not isinstance(pattern, str) or not pattern or pattern != pattern.strip():
            raise ConfigurationError(
                f"handler {name!r}: {pattern!r} is not the name of an event: "
                'write "grade_change", or a glob such as "submission_*"'
            )
    return tuple(dict.fromkeys(found))


def check_function(name: str, function: object, *, batched: bool) -> bool:
    """Refuse what can't be a handler; True if it also wants the context."""
    subject = "events" if batched else "event"
    parameters = _parameters(f"handler {name!r}", function)
    required = [p for p in parameters if p.default is p.empty]
    if required and required[0].name in {"self", "cls"}:
        raise ConfigurationError(
            f"handler {name!r} is a method without its object: "
            "register it on an object, registry.add(thing.method, [...])"
        )
    if not parameters or len(required) > 2:
        raise ConfigurationError(
            f"handler {name!r} must accept ({subject}) or ({subject}, context), "
            f"but has {len(required) or 'no'} parameters"
        )
    if len(parameters) == 1:
        return parameters[0].kind is inspect.Parameter.VAR_POSITIONAL
    second = parameters[1]
    return (
        second.default is second.empty
        or second.kind is inspect.Parameter.VAR_POSITIONAL
        or second.name in _CONTEXT_NAMES
    )


def check_middleware(middleware: object) -> None:
    """Refuse what can't be called as `middleware(event, context, call_next)`."""
    label = f"middleware {default_name(middleware) if callable(middleware) else middleware!r}"
    parameters = _parameters(label, middleware)
    required = sum(p.default is p.empty for p in parameters)
    anything = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
    if required > 3 or (len(parameters) < 3 and not anything):
        raise ConfigurationError(f"{label} must accept (event, context, call_next)")


def check_predicate(name: str, when: object) -> None:
    """Refuse what can't be called as `when(event)`."""
    if when is None:
        return
    parameters = _parameters(f"handler {name!r}: its predicate", when)
    if not parameters or sum(p.default is p.empty for p in parameters) > 1:
        raise ConfigurationError(f"handler {name!r}: its predicate must accept (event)")


def check_format(name: str, value: object) -> None:
    """One of the two formats, or None for both."""
    if value not in {None, "canvas", "caliper"}:
        raise ConfigurationError(
            f'handler {name!r}: format must be "canvas", "caliper" or left out, not {value!r}'
        )


def check_count(what: str, value: object, *, most: int | None = None) -> None:
    """Refuse what is not a whole number from 1 (to `most`)."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < 1 or (most is not None and value > most):  # type: ignore[operator]
        span = f"from 1 to {most}" if most is not None else "of at least 1"
        raise ConfigurationError(f"{what} must be a whole number {span}, not {value!r}")


def refuse_result(name: str, result: Any) -> None:
    """A return value is ignored, unless it says that the work was not done: then this raises.

    So that no message is deleted by accident: an exception that was returned is raised; a
    coroutine, a generator or a future is work that nobody waits for.
    """
    if isinstance(result, BaseException) or (
        inspect.isclass(result) and issubclass(result, BaseException)
    ):
        raise result
    if isinstance(result, Outcome):
        _unfinished(name, result, "raise Retry(...) or Reject(...) instead")
    if inspect.isgenerator(result) or inspect.isasyncgen(result):
        _unfinished(name, result, "its body has not run: leave out the yield")
    if inspect.isawaitable(result) or isinstance(result, Future):
        _unfinished(name, result, "it has not run to its end: wait for it, and return nothing")


def _unfinished(name: str, result: Any, remedy: str) -> NoReturn:
    if inspect.iscoroutine(result) or inspect.isgenerator(result):
        result.close()  # else Python warns, from some other place, that it was never awaited
    raise TypeError(f"handler {name!r} returned a {type(result).__name__}: {remedy}")


def _parameters(label: str, function: object) -> list[inspect.Parameter]:
    """The positional parameters of a plain, synchronous callable."""
    if inspect.isclass(function):
        raise ConfigurationError(f"{label} is a class: register an object of it, {label}()")
    if not callable(function):
        raise ConfigurationError(f"{label} can't be called: it is {function!r:.80}, not a function")
    for called in (function, type(function).__call__):
        if inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called):
            raise ConfigurationError(
                f"{label} is async: {_NOTHING_DONE}; write it with def, and run what is async "
                "inside it with asyncio.run(...)"
            )
        if inspect.isgeneratorfunction(called):
            raise ConfigurationError(
                f"{label} is a generator: {_NOTHING_DONE}; leave out the yield"
            )
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"{label}: Python can't tell which parameters it accepts; wrap it in a function"
        ) from None
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
            raise ConfigurationError(
                f"{label} needs the keyword argument {parameter.name!r}, which nobody gives it: "
                "give it a default, or use functools.partial"
            )
    variable = inspect.Parameter.VAR_POSITIONAL
    return [p for p in parameters if p.kind in _POSITIONAL or p.kind is variable]

"""A handler: which events it asked for, how it is called, its limits; and how it is made."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from consumer.did_you_mean import did_you_mean
from consumer.errors import ConfigurationError
from consumer.handlers.registering import checks
from consumer.handlers.registering.models import Expected, annotation_of, patterns_and_expected
from consumer.handlers.registering.options import (
    BatchCall,
    Call,
    Coalesce,
    Limits,
    Middleware,
    Options,
    Predicate,
)
from consumer.messages import Context, Event, Format, Outcome
from consumer.printable import shown, type_of
from consumer.retry import RetryPolicy, check_seconds

_ALL = ("*",)


@dataclass(frozen=True, slots=True, eq=False)
class Handler:
    """One handler, ready to be called: it has either `call` or `call_batch`.

    Both take two parameters, also if the function takes one, and raise what the function raises.
    Any thread may call them, and several at once: the engine keeps to the limits.
    """

    name: str
    patterns: tuple[str, ...]
    call: Call | None = None
    call_batch: BatchCall | None = None
    format: Format | None = None
    when: Predicate | None = None
    timeout_seconds: float | None = None
    retry: RetryPolicy | None = None
    concurrency: int | None = None
    #: The most calls that begin in a second, on average.
    rate_limit_per_second: float | None = None
    #: Only for a handler that takes one event at a time.
    coalesce: Coalesce | None = None
    #: Most events in one batch; None for a handler that takes one event at a time.
    batch: int | None = None
    linger_seconds: float = 1.0
    #: Called once, after the last event. A second call does nothing.
    close: Callable[[], None] | None = None
    #: Asks what it lands events in, without changing it, whether it could: for `consume check`.
    #: Returns what it found, as a sentence; raises what the handler raises.
    check_destination: Callable[[], str] | None = None
    #: What it gets of an event, if that is not the event itself: set by redaction.
    view: Callable[[Event], Event] | None = None
    #: Further sets of patterns; one of each must match, too (see `Registry.include`).
    within: tuple[tuple[str, ...], ...] = ()
    #: What it takes, if it was registered with models; the predicate checks it.
    expected: Expected | None = None
    #: What the user registered.
    function: Callable[..., object] | None = None
    #: It gets only what no other handler asked for.
    unmatched: bool = False

    def matches(self, name: str, event_format: Format) -> bool:
        """True if it asked for events of this name in this format."""
        return (
            not self.unmatched
            and self.format in {None, event_format}
            and all(
                any(fnmatchcase(name, pattern) for pattern in patterns)
                for patterns in (self.patterns, *self.within)
            )
        )

    @property
    def collects(self) -> bool:
        """True if an event waits for others before it is called."""
        return self.call_batch is not None or self.coalesce is not None

    @property
    def takes_all(self) -> bool:
        """True if it asked for every event."""
        narrowed = self.unmatched or self.format is not None or self.when is not None
        return not narrowed and all("*" in found for found in (self.patterns, *self.within))

    def check(self) -> None:
        """Raise ConfigurationError for a limit or a format that it can't have."""
        label = f"handler {self.name!r}"
        if self.timeout_seconds is not None:
            check_seconds(f"{label}: timeout_seconds", self.timeout_seconds)
        if self.concurrency is not None:
            checks.check_count(f"{label}: concurrency", self.concurrency)
        if self.rate_limit_per_second is not None:
            checks.check_rate(label, self.rate_limit_per_second)
        if self.coalesce is not None:
            self._check_coalesce(label, self.coalesce)
        if self.batch is not None:
            checks.check_count(f"{label}: batch", self.batch, most=checks.MAX_BATCH)
        check_seconds(f"{label}: linger_seconds", self.linger_seconds, zero=True)
        if self.retry is not None and not isinstance(self.retry, RetryPolicy):
            raise ConfigurationError(
                f"{label}: retry must be RetryPolicy(base_seconds=..., max_seconds=...)"
            )
        if self.expected is not None:
            self.expected.check(self.patterns, self.matches)

    def _check_coalesce(self, label: str, coalesce: object) -> None:
        if not isinstance(coalesce, Coalesce):
            raise ConfigurationError(f"{label}: coalesce must be Coalesce(key=..., seconds=...)")
        check_seconds(f"{label}: coalesce: seconds", coalesce.seconds)
        checks.check_callable(f"{label}: coalesce: key", coalesce.key, "(event)", least=1, most=1)
        if self.call_batch is not None:
            raise ConfigurationError(
                f"{label} takes batches of events: coalesce is for handlers that take one event"
            )

    def narrowed(
        self, *, prefix: str, within: tuple[str, ...], only: Format | None, limits: Limits
    ) -> Handler | None:
        """With a longer name, fewer events and other limits; None if no format is left."""
        if None not in {self.format, only} and self.format != only:
            return None
        name = prefix + self.name
        if limits.get("batch") is not None and self.call_batch is None:
            raise ConfigurationError(
                f"handler {name!r} takes one event at a time: leave out batch_size, "
                "or register the function with batch=... and let it take a sequence of events"
            )
        changes: dict[str, Any] = {k: value for k, value in limits.items() if value is not None}
        narrowed = replace(
            self,
            name=name,
            format=self.format or only,
            patterns=within if self.patterns == _ALL else self.patterns,
            within=self.within if _ALL in {within, self.patterns} else (*self.within, within),
            **changes,
        )
        narrowed.check()
        return narrowed


def handler_of(function: Callable[..., object], patterns: object, options: Options) -> Handler:
    """The handler that `Registry.add` registers. Raises ConfigurationError."""
    _check_options(options)
    name: object = options.get("name")
    if name is None:
        name = checks.default_name(function)
    if not isinstance(name, str) or not name.strip():
        fault = f"must be a text that is not blank, not {shown(name)}"
        raise ConfigurationError(f"a handler's name {fault}")
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

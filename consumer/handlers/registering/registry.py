"""Which handler gets which event: an explicit object that is filled once, and then only asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from consumer.errors import ConfigurationError
from consumer.handlers.registering import checks
from consumer.handlers.registering.annotations import annotation_of
from consumer.handlers.registering.decorator import Decorator
from consumer.handlers.registering.expecting import check_batched, patterns_and_expected
from consumer.handlers.registering.handler import (
    Call,
    Handler,
    check_limits,
    check_options,
    guarded,
    narrowed,
)
from consumer.handlers.registering.remembered import remember

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, Unpack

    from consumer.events.catalog.base import EventData
    from consumer.handlers.registering.handler import Limits, Options
    from consumer.messages import Context, Event, Format

__all__ = ["Handler", "Middleware", "Registry"]

#: `middleware(event, context, call_next)`.
Middleware = Callable[["Event", "Context", Call], object]

#: Names of events come from outside, so what is remembered about them is bounded.
_MAX_ROUTES = 4096


class Registry(Decorator):
    """Handlers, and the middleware around them.

    One thread fills it, before the daemon starts; any thread may ask it. What registers raises
    ConfigurationError for what could not work, in a sentence that says what would.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._added: dict[str, Handler] = {}
        self._middleware: list[Middleware] = []
        self._included = False
        self._handlers: tuple[Handler, ...] | None = None
        self._unmatched: tuple[Handler, ...] = ()
        self._routes: dict[tuple[str, str], tuple[Handler, ...]] = {}

    def add(
        self,
        function: Callable[..., object],
        patterns: Iterable[str | type[EventData]] | str | type[EventData] = (),
        **options: Unpack[Options],
    ) -> None:
        """Register `f(event[, context])`; with `batch`, `f(events[, context])`.

        It says by raising what went wrong (`Retry`, `Reject`, `BatchFailure`, anything else). What
        it returns is ignored; but an exception that is returned is raised, and a coroutine, a
        generator or a future is a TypeError: the work is not done, so the message must stay.

        Args:
            function: anything that can be called, but no class, no coroutine, no generator.
            patterns: exact names of events, globs (`*`, `?`, `[...]`; case counts), or models of
                `consumer.events.catalog`. A model stands for the name of its event; should that
                come in the other format, the call fails before the function runs. If there are
                none, the annotation says them: `event: Event[GradeChange]`.
            **options: all of them may be left out.
                name: in logs and in the ledger, unique; by default the function's own.
                format: only events that came as "canvas", or as "caliper".
                when: only events for which `when(event)` is true. If it raises, the handler failed.
                timeout_seconds: then `context.should_stop()` is true, and the call counts as stuck.
                retry: how long a failed message waits; by default as the engine is configured.
                concurrency: at most so many calls at a time in this process.
                batch: collect up to so many events (1 to 10,000) for one call.
                linger_seconds: how long the first event of a batch waits for others (1.0).
                close: called when the daemon has drained; may be called more than once.
        """
        check_options(options)
        given = options.get("name")
        name = checks.check_name(checks.default_name(function) if given is None else given)
        batched = options.get("batch") is not None
        wants_context = checks.check_function(name, function, batched=batched)
        checks.check_format(name, options.get("format"))
        checks.check_predicate(name, options.get("when"))
        annotation = annotation_of(function)
        check_batched(name, annotation, batched=batched)
        found, expected = patterns_and_expected(name, patterns, annotation, options.get("format"))
        call = _call(name, function, wants_context=wants_context)
        handler = Handler(
            **{
                **options,
                "name": name,
                "patterns": found,
                "expected": expected,
                "call_batch" if batched else "call": call,
                "function": function,
            }
        )
        check_limits(handler)
        self.adopt([guarded(handler)])
        remember(function, self)

    def use(self, middleware: Middleware) -> Middleware:
        """Put `middleware(event, context, call_next)` around every per-event handler.

        Around those added later, too; the first one added is outermost. `call_next(event, context)`
        goes on inwards; a middleware that returns without calling it has handled the event. Batch
        handlers are not wrapped: a middleware is about one event. Returns it, to be a decorator.
        """
        checks.check_middleware(middleware)
        with self._lock:
            self._change()
            self._middleware.append(middleware)
        return middleware

    def include(
        self,
        other: Registry,
        *,
        prefix: str = "",
        patterns: Iterable[str] | str = "*",
        format: Format | None = None,  # noqa: A002 - DESIGN's word
        **limits: Unpack[Limits],
    ) -> None:
        """Take over the handlers of another registry, in its middleware, and that in ours.

        From then on nothing can be added to `other`, because it would not be taken over any more.

        Args:
            prefix: put before each name.
            patterns: of what a handler asked for, only this.
            format: likewise; a handler for the other format is left out.
            **limits: timeout_seconds, retry, concurrency, batch, linger_seconds, each instead of
                what was given when the handler was added; the last two for batch handlers only.
        """
        within = checks.check_patterns(prefix or "include", patterns)
        checks.check_format(prefix or "include", format)
        if other is self:
            raise ConfigurationError("a registry can't include itself")
        found = [
            narrowed(handler, prefix=prefix, within=within, event_format=format, limits=limits)
            for handler in other.handlers
        ]
        self.adopt([handler for handler in found if handler is not None])
        other._included = True

    @property
    def handlers(self) -> tuple[Handler, ...]:
        """All of them, in the order of their adding; the same objects until one is added."""
        handlers = self._handlers
        if handlers is None:
            with self._lock:
                handlers = self._compose()
        return handlers

    @property
    def unmatched(self) -> tuple[Handler, ...]:
        """Those that get what no other handler asked for; none, if it is to be deleted."""
        return self._unmatched

    def route(self, name: str, format: Format) -> tuple[Handler, ...]:  # noqa: A002
        """The handlers that asked for events of this name in this format."""
        try:
            return self._routes[name, format]
        except KeyError:
            return self._find(name, format)

    def _find(self, name: str, event_format: Format) -> tuple[Handler, ...]:
        with self._lock:
            found = tuple([h for h in self._compose() if h.matches(name, event_format)])
            if len(self._routes) < _MAX_ROUTES:
                self._routes[name, event_format] = found
        return found

    def _compose(self) -> tuple[Handler, ...]:
        if self._handlers is None:
            self._handlers = tuple([_wrapped(h, self._middleware) for h in self._added.values()])
        return self._handlers

    def adopt(self, handlers: Sequence[Handler]) -> None:
        """Take over handlers as they are, in the middleware of the registry that made them."""
        with self._lock:
            self._change()
            added = dict(self._added)
            for handler in handlers:
                if handler.name in added:
                    raise ConfigurationError(
                        f"two handlers are named {handler.name!r}: give one of them another name"
                    )
                added[handler.name] = handler
            self._added = added
            self._unmatched = tuple([h for h in added.values() if h.unmatched])

    def _change(self) -> None:
        if self._included:
            raise ConfigurationError(
                "this registry has been included in another one, which would not learn of the "
                "change: include it after its last handler"
            )
        self._handlers = None
        self._routes.clear()


# The frames of these three stand between the engine and a handler; they cost a call each, no more.


def _call(name: str, function: Callable[..., object], *, wants_context: bool) -> Any:
    def with_context(subject: Any, context: Context) -> None:
        result = function(subject, context)
        if result is not None:
            checks.refuse_result(name, result)

    def without_context(subject: Any, _context: Context) -> None:
        result = function(subject)
        if result is not None:
            checks.refuse_result(name, result)

    return with_context if wants_context else without_context


def _wrapped(handler: Handler, middleware: Sequence[Middleware]) -> Handler:
    call = handler.call
    if call is None:
        return handler
    for layer in reversed(middleware):
        call = _layer(handler.name, layer, call)
    return replace(handler, call=call)


def _layer(name: str, middleware: Middleware, call_next: Call) -> Call:
    def call(event: Event, context: Context) -> None:
        result = middleware(event, context, call_next)
        if result is not None:
            checks.refuse_result(name, result)

    return call

"""Which handler gets which event: an explicit object that is filled once, and then only read."""

from __future__ import annotations

from inspect import isclass
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, overload

from consumer.errors import ConfigurationError
from consumer.handlers.registering import checks
from consumer.handlers.registering.handler import Handler, handler_of, in_middleware
from consumer.handlers.registering.models import check_class
from consumer.handlers.registering.options import Middleware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Unpack

    from consumer.events.catalog.base import EventData
    from consumer.handlers.registering.decorator import A, B, C, EventFunction, Register
    from consumer.handlers.registering.options import BatchOptions, EventOptions, Limits, Options
    from consumer.messages import Event, Format

__all__ = ["Handler", "Middleware", "Registry"]

#: An attribute of functions: the registries that the function was added to.
REGISTRIES: Final = "_consumer_registries"
#: Names of events come from outside, so the number of remembered routes is bounded.
_MAX_ROUTES: Final = 4096


class Registry:
    """Handlers, and the middleware around them.

    One thread fills it before the daemon starts; then any thread may read it. Registering what
    could not work raises ConfigurationError, with the remedy.
    """

    def __init__(self) -> None:
        self._added: dict[str, Handler] = {}
        self._middleware: list[Middleware] = []
        self._included = False
        self._handlers: tuple[Handler, ...] = ()
        self._unmatched: tuple[Handler, ...] = ()
        self._routes: dict[tuple[str, str], tuple[Handler, ...]] = {}

    def add(
        self,
        function: Callable[..., object],
        patterns: Iterable[str | type[EventData]] | str | type[EventData] = (),
        **options: Unpack[Options],
    ) -> None:
        """Register `f(event[, context])`; with `batch`, `f(events[, context])`.

        The function fails by raising (`Retry`, `Reject`, `BatchFailure`, any other exception). Its
        return value is ignored; but a returned exception is raised, and a coroutine, a generator or
        a future is a TypeError: the work is not done, so the message must stay.

        Args:
            function: any callable except classes, coroutine functions and generator functions.
            patterns: exact names of events, globs (`*`, `?`, `[...]`; case counts), or models of
                `consumer.events.catalog`. A model means the name of its event; if that comes in
                the other format, the call fails before the function runs. Without patterns, the
                annotation names the models: `event: Event[GradeChange]`.
            **options: all optional.
                name: in logs and in the ledger, unique; by default the function's own.
                format: only events that came as "canvas", or as "caliper".
                when: only events for which `when(event)` is true. If it raises, the handler failed.
                timeout_seconds: then `context.should_stop()` is true, and the call counts as stuck.
                retry: how long a failed message waits; by default as the engine is configured.
                concurrency: the most calls at a time in this process.
                rate_limit_per_second: the most calls that begin in a second, on average.
                coalesce: `Coalesce(key, seconds)`: of the events with the same key, the newest is
                    handled for all; `context.is_stale` says that a newer one was before.
                batch: collect up to so many events (1 to 10,000) for one call.
                linger_seconds: how long the first event of a batch waits for others (1.0).
                close: called when the daemon has drained, or a reload has left the handler out;
                    may be called more than once.
                check_destination: called by `consume check`; returns a sentence about what the
                    handler lands events in, or raises what the handler would raise.
        """
        self.adopt([handler_of(function, patterns, options)])
        plain = getattr(function, "__func__", function)
        if isinstance(plain, FunctionType):
            vars(plain).setdefault(REGISTRIES, []).append(self)

    # Up to three models are checked against the function. The overlaps: a class is callable, too.
    @overload
    def on(  # type: ignore[overload-overlap]
        self, a: type[A], /, **options: Unpack[EventOptions]
    ) -> Register[Event[A]]: ...
    @overload
    def on(
        self, a: type[A], b: type[B], /, **options: Unpack[EventOptions]
    ) -> Register[Event[A | B]]: ...
    @overload
    def on(
        self, a: type[A], b: type[B], c: type[C], /, **options: Unpack[EventOptions]
    ) -> Register[Event[A | B | C]]: ...
    @overload
    def on(
        self, a: type[A], /, **options: Unpack[BatchOptions]
    ) -> Register[Sequence[Event[A]]]: ...
    @overload
    def on(
        self, a: type[A], b: type[B], /, **options: Unpack[BatchOptions]
    ) -> Register[Sequence[Event[A | B]]]: ...
    @overload
    def on(
        self, a: type[A], b: type[B], c: type[C], /, **options: Unpack[BatchOptions]
    ) -> Register[Sequence[Event[A | B | C]]]: ...
    @overload
    def on(  # type: ignore[overload-overlap]
        self, function: EventFunction, /
    ) -> EventFunction: ...
    @overload
    def on(self, *patterns: str | type[EventData], **options: Unpack[Options]) -> Register[Any]: ...
    def on(self, *patterns: Any, **options: Any) -> Any:
        """Register the decorated function, which stays as it is; for the rest, see `add`.

        `@registry.on("grade_change", "quiz_*")`, `@registry.on(GradeChange)`, or `@registry.on`
        alone or with options if the annotation names the models.
        """
        functions = [p for p in patterns if callable(p) and not isclass(p)]
        if functions and (len(patterns) > 1 or options):
            raise ConfigurationError(
                'registry.on needs the names of events: @registry.on("grade_change")'
            )
        if functions:
            self.add(functions[0])
            return functions[0]
        for model in filter(isclass, patterns):  # at once: a decorated class would be lost
            check_class("registry.on", model)

        def register(function: Any) -> Any:
            self.add(function, patterns, **options)
            return function

        return register

    def use(self, middleware: Middleware) -> Middleware:
        """Put `middleware(event, context, call_next)` around every per-event handler.

        Also around those added later; the first middleware added is outermost. One that returns
        without calling `call_next(event, context)` has handled the event. Batch handlers are not
        wrapped. Returns the middleware, so it is a decorator.
        """
        checks.check_middleware(middleware)
        self._update(self._added, [*self._middleware, middleware])
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
        """Take over the handlers of another registry, inside its middleware and then ours.

        Then nothing can be added to `other`, because this registry would not see it.

        Args:
            prefix: put before each name.
            patterns: of what a handler asked for, only this.
            format: likewise; a handler for the other format is left out.
            **limits: timeout_seconds, retry, concurrency, rate_limit_per_second, coalesce, and for
                batch handlers batch and linger_seconds; each replaces what was given when the
                handler was added.
        """
        label = prefix or "include"
        within = checks.check_patterns(label, checks.each(label, patterns))
        checks.check_format(label, format)
        if other is self:
            raise ConfigurationError("a registry can't include itself")
        found = [
            handler.narrowed(prefix=prefix, within=within, only=format, limits=limits)
            for handler in other.handlers
        ]
        self.adopt([handler for handler in found if handler is not None])
        other._included = True

    @property
    def handlers(self) -> tuple[Handler, ...]:
        """All handlers in the order they were added; the same objects until one is added."""
        return self._handlers

    @property
    def unmatched(self) -> tuple[Handler, ...]:
        """Those that get what no other handler asked for; none if that is to be deleted."""
        return self._unmatched

    def route(self, name: str, format: Format) -> tuple[Handler, ...]:  # noqa: A002
        """The handlers that asked for events of this name in this format."""
        found = self._routes.get((name, format))
        if found is None:
            found = tuple([h for h in self._handlers if h.matches(name, format)])
            if len(self._routes) < _MAX_ROUTES:
                self._routes[name, format] = found
        return found

    def adopt(self, handlers: Iterable[Handler]) -> None:
        """Take over handlers as they are, inside the middleware of the registry they come from."""
        added = dict(self._added)
        for handler in handlers:
            if handler.name in added:
                raise ConfigurationError(
                    f"two handlers are named {handler.name!r}: give one of them another name"
                )
            added[handler.name] = handler
        self._update(added, self._middleware)

    def _update(self, added: dict[str, Handler], middleware: list[Middleware]) -> None:
        if self._included:
            raise ConfigurationError(
                "this registry has been included in another one, which would not see the change: "
                "include it after its last handler"
            )
        self._added = added
        self._middleware = middleware
        self._handlers = tuple([in_middleware(handler, middleware) for handler in added.values()])
        self._unmatched = tuple([handler for handler in self._handlers if handler.unmatched])
        self._routes.clear()

"""`@registry.on`, as type checkers see it: a handler must take what it is registered for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from inspect import isclass
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, overload

from consumer.errors import ConfigurationError
from consumer.handlers.registering.models import check_class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Unpack

    from consumer.events.catalog.base import EventData
    from consumer.handlers.registering.handler import BatchOptions, EventOptions, Options
    from consumer.messages import Context, Event

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)
#: A function that takes one event.
EventFunction = TypeVar(
    "EventFunction",
    bound="Callable[[Event[Any]], object] | Callable[[Event[Any], Context], object]",
)
A = TypeVar("A", bound="EventData")
B = TypeVar("B", bound="EventData")
C = TypeVar("C", bound="EventData")
#: What a handler is given: an event, or a sequence of them.
Given_co = TypeVar("Given_co", covariant=True)
Given_contra = TypeVar("Given_contra", contravariant=True)


class Takes(Protocol[Given_contra, Parameters, Result_co]):
    """A function that can be called so. It fits both overloads: the second one keeps its type."""

    @overload
    def __call__(self, given: Given_contra, /) -> Result_co: ...
    @overload
    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result_co: ...


class TakesWithContext(Protocol[Given_contra, Parameters, Result_co]):
    """The same, for one that wants the context, too."""

    @overload
    def __call__(self, given: Given_contra, context: Context, /) -> Result_co: ...
    @overload
    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result_co: ...


class Register(Protocol[Given_co]):
    """A decorator for functions that take this; the function stays what it is."""

    @overload
    def __call__(
        self, function: Takes[Given_co, Parameters, Result], /
    ) -> Callable[Parameters, Result]: ...
    @overload
    def __call__(
        self, function: TakesWithContext[Given_co, Parameters, Result], /
    ) -> Callable[Parameters, Result]: ...


class Decorator(ABC):
    """The part of a registry that decorates functions."""

    @abstractmethod
    def add(
        self,
        function: Callable[..., object],
        patterns: Iterable[str | type[EventData]] | str | type[EventData] = (),
        **options: Unpack[Options],
    ) -> None:
        """See `Registry.add`."""

    # With up to three models and nothing else the function is checked against them. A class can be
    # called, too, which is all that the two overlaps are about.
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
        """Register the decorated function, which stays as it is; everything else as in `add`.

        `@registry.on("grade_change", "quiz_*")`, `@registry.on(GradeChange)` with models of
        `consumer.events.catalog`, or `@registry.on` alone (or with options), if the function says
        which events it takes: `def grade(event: Event[GradeChange])`.
        """

        def register(function: Any) -> Any:
            self.add(function, patterns, **options)
            return function

        for model in filter(isclass, patterns):  # at once: a decorated class would be lost
            check_class("registry.on", model)
        functions = [p for p in patterns if callable(p) and not isclass(p)]
        if not functions:
            return register
        if len(patterns) > 1 or options:
            raise ConfigurationError(
                'registry.on needs the names of events: @registry.on("grade_change")'
            )
        function, patterns = functions[0], ()
        return register(function)

"""What `@registry.on` takes, for type checkers: a function that fits what it is registered for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from consumer.events.catalog.base import EventData
from consumer.messages import Context, Event

Parameters = ParamSpec("Parameters")
#: What a handler is called with.
Given = ParamSpec("Given")
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)
#: A function that takes one event.
EventFunction = TypeVar(
    "EventFunction", bound=Callable[[Event[Any]], object] | Callable[[Event[Any], Context], object]
)
A = TypeVar("A", bound=EventData)
B = TypeVar("B", bound=EventData)
C = TypeVar("C", bound=EventData)
#: What a handler is given: an event, or a sequence of events.
Given_co = TypeVar("Given_co", covariant=True)


class Takes(Protocol[Given, Parameters, Result_co]):
    """A function that can be called like this. The second overload keeps its own type."""

    @overload
    def __call__(self, *args: Given.args, **kwargs: Given.kwargs) -> Result_co: ...
    @overload
    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result_co: ...


class Register(Protocol[Given_co]):
    """A decorator for such functions, which does not change them."""

    @overload
    def __call__(
        self, function: Takes[[Given_co], Parameters, Result], /
    ) -> Callable[Parameters, Result]: ...
    @overload
    def __call__(
        self, function: Takes[[Given_co, Context], Parameters, Result], /
    ) -> Callable[Parameters, Result]: ...

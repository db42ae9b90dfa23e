"""Which registries a function was added to, so that its handlers are found by its name."""

from __future__ import annotations

from contextlib import suppress
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.handlers.registering.handler import Handler

#: On the function itself: it is remembered as long as the function is there.
_MARK: Final = "_consumer_registries"


class HasHandlers(Protocol):
    """A registry."""

    @property
    def handlers(self) -> tuple[Handler, ...]:
        """All of them."""


def remember(function: object, registry: HasHandlers) -> None:
    """Note that the function was added to the registry; of other callables nothing is noted."""
    function = getattr(function, "__func__", function)
    if isinstance(function, FunctionType):
        # A new list: functools.wraps gives the old one to functions around this one.
        vars(function)[_MARK] = [*_remembered(function), registry]


def forget(function: object, registry: HasHandlers) -> None:
    """Undo `remember`."""
    function = getattr(function, "__func__", function)
    if isinstance(function, FunctionType):
        vars(function)[_MARK] = [found for found in _remembered(function) if found is not registry]


def handlers_of(function: object, others: Iterable[HasHandlers]) -> list[Handler]:
    """The handlers that were made of a function, or of what decorators have wrapped in it.

    Args:
        others: further registries to look into, for what is not a plain function.
    """
    layers = [function]
    while (inner := getattr(layers[-1], "__wrapped__", None)) is not None and len(layers) < 100:
        layers.append(inner)
    registries = [registry for layer in layers for registry in _remembered(layer)]
    found = dict.fromkeys(h for registry in (*registries, *others) for h in registry.handlers)
    return [handler for handler in found if handler.function in layers]


def _remembered(function: Any) -> list[HasHandlers]:
    found: list[HasHandlers] = []
    with suppress(TypeError):  # it has no attributes
        found += vars(getattr(function, "__func__", function)).get(_MARK, ())
    return found

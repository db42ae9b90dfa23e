"""What the annotation of a handler's first parameter says: which models, one event or several."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from consumer.handlers.registering.checks import inner_function
from consumer.messages import Event

#: What handlers often import for type checkers only.
_FALLBACKS: Final = {"Event": Event, "Iterable": Iterable, "Sequence": Sequence}


@dataclass(frozen=True, slots=True)
class Annotation:
    """What `Event[...]` or `Sequence[Event[...]]` says."""

    #: `event.data` must be of one of these; none if the annotation leaves it open.
    classes: tuple[type, ...] = ()
    #: True for a sequence of events, False for one event, None for anything else.
    batched: bool | None = None
    #: Why it can't be read; "" if it can.
    problem: str = ""


def annotation_of(function: object) -> Annotation:
    """Read the annotation of the first parameter. Raises nothing: `problem` says what is wrong."""
    try:
        first = next(iter(inspect.signature(function).parameters.values()))  # type: ignore[arg-type]
    except (TypeError, ValueError, StopIteration):
        return Annotation(problem="its parameters can't be read")
    if first.annotation is first.empty:
        return Annotation(problem="its first parameter has no annotation")
    try:
        return _read(_resolved(function, first.annotation))
    except Exception as error:  # an annotation is any expression
        # Python's own text about a missing name quotes that name, and nothing else.
        text = f": {error}" if isinstance(error, NameError | AttributeError) else ""
        return Annotation(
            problem="the annotation of its first parameter can't be resolved "
            f"({type(error).__name__}{text}); import the names in it at run time, too, "
            "not only under TYPE_CHECKING"
        )


def _resolved(function: object, annotation: object) -> object:
    """The annotation as an object. Those of other parameters need not be resolvable."""

    def probe() -> None: ...

    probe.__annotations__ = {"event": annotation}
    names = {**_FALLBACKS, **getattr(inner_function(function), "__globals__", {})}
    return get_type_hints(probe, globalns=names)["event"]


def _read(hint: Any, *, batched: bool = False) -> Annotation:
    hint = getattr(hint, "__value__", hint)  # of `type Submissions = Event[...]`
    origin, arguments = get_origin(hint), get_args(hint)
    if Event in {hint, origin}:
        return Annotation(_classes(arguments[0]) if arguments else (), batched)
    if inspect.isclass(origin) and issubclass(origin, Iterable) and arguments and not batched:
        return _read(arguments[0], batched=True)
    return Annotation()


def _classes(hint: Any) -> tuple[type, ...]:
    """The classes of a union; none if data of any class is right."""
    hint = getattr(hint, "__value__", hint)
    if get_origin(hint) in {Union, UnionType}:
        parts = [_classes(part) for part in get_args(hint)]
        return tuple([found for part in parts for found in part]) if all(parts) else ()
    if hint in {Any, object} or isinstance(hint, TypeVar):
        return ()
    hint = get_origin(hint) or hint
    # A protocol says what is needed of the data, not which events have it.
    return () if getattr(hint, "_is_protocol", False) else (hint,)

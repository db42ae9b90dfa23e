"""What the annotation of a handler's first parameter says: which models, one event or several."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from consumer.messages import Context, Event

#: What handlers often import for type checkers only; known here so that it need not be mended.
_FALLBACKS = {"Context": Context, "Event": Event, "Iterable": Iterable, "Sequence": Sequence}


@dataclass(frozen=True, slots=True)
class Annotation:
    """What is between the brackets of `Event[...]`, and around it."""

    #: Of one of these `event.data` must be; none if the annotation leaves it open.
    classes: tuple[type, ...] = ()
    #: True for a sequence of events, False for one event, None if it is about something else.
    batched: bool | None = None
    #: Why nothing could be read; "" if it could.
    problem: str = ""


def annotation_of(function: object) -> Annotation:
    """Read the annotation of the first parameter. It never raises: `problem` says what is wrong."""
    try:
        parameters = iter(inspect.signature(function).parameters.values())  # type: ignore[arg-type]
        written = next(parameters).annotation
    except (TypeError, ValueError, StopIteration):
        return Annotation(problem="it has no parameter that could be read")
    if written is inspect.Parameter.empty:
        return Annotation(problem="its first parameter has no annotation")
    try:
        return _read(_resolved(function, written))
    except Exception as error:  # an annotation is any expression
        # Python's own words for a name that is not there quote that name, and nothing else.
        told = f": {error}" if isinstance(error, NameError | AttributeError) else ""
        return Annotation(
            problem="the annotation of its first parameter can't be resolved "
            f"({type(error).__name__}{told}); what it names must be imported at run time, too, "
            "not only under TYPE_CHECKING"
        )


def _resolved(function: Any, written: object) -> object:
    """The annotation as an object; the other ones are left alone, they may not be resolvable."""
    while isinstance(function, partial):
        function = function.func
    if not inspect.isroutine(function):
        function = type(function).__call__
    function = inspect.unwrap(inspect.unwrap(function), stop=lambda f: hasattr(f, "__globals__"))
    function = getattr(function, "__func__", function)

    def probe() -> None: ...

    probe.__annotations__ = {"event": written}
    found = {**_FALLBACKS, **getattr(function, "__globals__", {})}
    return get_type_hints(probe, globalns=found)["event"]


def _read(hint: Any) -> Annotation:
    hint = getattr(hint, "__value__", hint)  # of `type Submissions = Event[...]`
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Event:
        return Annotation(batched=False)
    if origin is Event:
        return Annotation(classes=_classes(arguments[0]) or (), batched=False)
    if origin in {Union, UnionType}:
        return _either([_read(part) for part in arguments if part is not NoneType])
    if inspect.isclass(origin) and issubclass(origin, Iterable) and arguments:
        inner = _read(arguments[0])
        return replace(inner, batched=True) if inner.batched is False else Annotation()
    return Annotation()


def _either(parts: list[Annotation]) -> Annotation:
    """`Event[A] | Event[B]` is `Event[A | B]`; where one part is open, all of it is."""
    if len({part.batched for part in parts}) != 1:
        return Annotation()
    every = [part.classes for part in parts]
    return Annotation(
        classes=tuple([c for classes in every for c in classes]) if all(every) else (),
        batched=parts[0].batched,
    )


def _classes(hint: Any) -> tuple[type, ...] | None:
    """The classes of a union; None if anything is right."""
    hint = getattr(hint, "__value__", hint)
    if get_origin(hint) in {Union, UnionType}:
        parts = [_classes(part) for part in get_args(hint)]
        return None if None in parts else tuple([c for part in parts for c in part or ()])
    if hint is Any or hint is object or isinstance(hint, TypeVar):
        return None
    hint = get_origin(hint) or hint
    # A protocol says what is needed of the data, not which events have it.
    return None if getattr(hint, "_is_protocol", False) else (hint,)

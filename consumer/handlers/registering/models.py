"""Models of the catalog in place of names of events. Without one, no model is loaded."""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from inspect import isclass, signature
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, TypeGuard, TypeVar, Union, get_args, get_origin

from consumer.errors import ConfigurationError, Retry
from consumer.events.catalog import index
from consumer.handlers.registering import checks
from consumer.messages import Event, Format
from consumer.printable import type_of

if TYPE_CHECKING:
    from consumer.events.catalog.base import EventData

    Classes = tuple[type[EventData], ...]

_CATALOG: Final = "consumer.events.catalog"
_FORMATS: Final[tuple[Format, ...]] = get_args(Format)
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
    """Read the annotation of the first parameter; raises nothing."""
    try:
        first = next(iter(signature(function).parameters.values()))  # type: ignore[arg-type]
    except (TypeError, ValueError, StopIteration):
        return Annotation(problem="its parameters can't be read")
    if first.annotation is first.empty:
        return Annotation(problem="its first parameter has no annotation")
    try:
        return _read(_resolved(function, first.annotation))
    except Exception as error:  # an annotation is any expression
        # Python's own text about a missing name quotes that name, and nothing else.
        text = type(error).__name__
        text += f": {error}" if isinstance(error, NameError | AttributeError) else ""
        return Annotation(
            problem=f"the annotation of its first parameter can't be resolved ({text}); import the "
            "names in it at run time, too, not only under TYPE_CHECKING"
        )


def _resolved(function: object, annotation: object) -> object:
    """The annotation as an object. Those of other parameters need not be resolvable."""

    def probe() -> None: ...

    probe.__annotations__ = {"event": annotation}
    names = {**_FALLBACKS, **getattr(checks.inner_function(function), "__globals__", {})}
    return typing.get_type_hints(probe, globalns=names)["event"]


def _read(hint: Any, *, batched: bool = False) -> Annotation:
    hint = getattr(hint, "__value__", hint)  # of `type Submissions = Event[...]`
    origin, arguments = get_origin(hint), get_args(hint)
    if Event in {hint, origin}:
        return Annotation(_classes(arguments[0]) if arguments else (), batched)
    if isclass(origin) and issubclass(origin, Iterable) and arguments and not batched:
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


class UnexpectedEventError(Retry, TypeError):
    """Raised in place of a call: the handler takes other events. Its reason is safe to log."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The events that a handler takes. Any thread may call it."""

    handler: str
    #: It takes an event with one of these names only in the format of the model.
    registered: Classes
    #: It takes only events whose data has one of these classes; with any data if there are none.
    annotated: Classes

    def takes(self, name: str, event_format: Format) -> bool:
        """True if it takes events of this name in this format."""
        model = index.model_of(name, event_format)
        if model not in self.registered and name in {m.event_name for m in self.registered}:
            return False
        if not self.annotated:
            return True
        if model is not None:
            return issubclass(model, self.annotated)
        # A handler that is annotated with a base of models is ready for unknown events.
        bases = {found.event_format for found in self.annotated if not found.event_name}
        return event_format in bases and not index.is_known(name)

    def predicate(self, when: Callable[[Event], object] | None) -> Callable[[Event], object]:
        """A predicate that raises UnexpectedEventError for events that the handler does not take.

        So they are not lost, but are delivered again, and `when` does not see them.
        """
        takes = lru_cache(1024)(self.takes)

        def check(event: Event) -> object:
            if not takes(event.name, event.format):
                # An unknown name came from outside: it is not repeated.
                shown = event.name if index.is_known(event.name) else "events of other names"
                raise UnexpectedEventError(self._refusal(event.name, event.format, shown=shown))
            return when is None or when(event)

        return check

    def check(self, patterns: Iterable[str], matches: Callable[[str, Format], bool]) -> None:
        """Raise ConfigurationError if the handler asks for events that it does not take."""
        for model in self.registered:
            if self.annotated and not issubclass(model, self.annotated):
                raise ConfigurationError(self._contradiction(path_of(model)))
        exact = {pattern for pattern in patterns if not set("*?[") & set(pattern)}
        for name in sorted({*exact, *index.names()}):
            asked = [event_format for event_format in _FORMATS if matches(name, event_format)]
            if asked and not any(self.takes(name, event_format) for event_format in asked):
                raise ConfigurationError(self._refusal(name, asked[0], shown=name))

    def _refusal(self, name: str, event_format: Format, *, shown: str) -> str:
        taken = next((found for found in _FORMATS if self.takes(name, found)), None)
        if taken is None:
            return self._contradiction(shown)
        other = index.model_of(name, event_format)
        return (
            f"handler {self.handler!r} takes {shown} in {taken.capitalize()} format, not in "
            f"{event_format.capitalize()} format: "
            + (f"register {path_of(other)}, too, or " if other else "")
            + f'say format="{taken}" to leave such events out'
        )

    def _contradiction(self, shown: str) -> str:
        classes = [path_of(found).removeprefix(f"{_CATALOG}.") for found in self.annotated]
        return (
            f"handler {self.handler!r} is registered for {shown}, but annotated as "
            f"Event[{' | '.join(classes)}]: register only what it takes, or annotate it as Event"
        )


def patterns_and_expected(
    name: str, given: object, annotation: Annotation
) -> tuple[tuple[str, ...], Expected | None]:
    """The patterns of a handler, and which of their events it takes; None if it takes all.

    If no names, globs or models are given, the annotation names the models. Raises
    ConfigurationError for what is neither a pattern nor a model.
    """
    label = f"handler {name!r}"
    annotated = _annotated(label, annotation)
    given = checks.each(name, given) or annotation.classes
    if not given:
        raise ConfigurationError(
            f"{label} names no event, and neither does its annotation"
            + (f" ({annotation.problem})" if annotation.problem else "")
            + ': write @registry.on("submission_created"), a glob, or "*" for every event; or '
            f"annotate its first parameter as Event[SubmissionCreated], with a model of {_CATALOG}"
        )
    for model in filter(isclass, given):
        check_class(label, model)
    patterns = checks.check_patterns(name, [getattr(found, "event_name", found) for found in given])
    registered = tuple(filter(is_data, given))
    expected = Expected(name, registered, annotated) if registered or annotated else None
    return patterns, expected


def _annotated(label: str, annotation: Annotation) -> Classes:
    """The classes that the annotation names; none if data of any class is right."""
    base = _event_data()
    if base and any(isclass(found) and issubclass(base, found) for found in annotation.classes):
        return ()
    for found in annotation.classes:
        if not is_data(found) or found.event_name:
            check_class(f"the annotation of {label}", found)
    return tuple(filter(is_data, annotation.classes))


def _event_data() -> type[EventData] | None:
    """The base of all models; None if it is not loaded, because then there is no model."""
    return getattr(sys.modules.get(f"{_CATALOG}.base"), "EventData", None)


def is_data(found: object) -> TypeGuard[type[EventData]]:
    """True for a class that the data of an event can have: a model, or a base of some."""
    base = _event_data()
    return base is not None and isclass(found) and issubclass(found, base)


def check_class(label: str, found: Any) -> None:
    """Refuse a class that is not the catalog's model of an event. Raises ConfigurationError."""
    name = getattr(found, "__qualname__", None) or type_of(found)
    if not is_data(found) or not found.event_name:
        problem = "not one event" if is_data(found) else "a class, but not a model of an event"
        raise ConfigurationError(
            f"{label}: {name} is {problem}: give one such as SubmissionCreated of {_CATALOG}, or "
            'the name "submission_created"'
        )
    own = index.model_of(found.event_name, found.event_format or "canvas")
    if own is not found:  # such as a class that is derived from a model
        hint = f"register {path_of(own)}" if own else "register its name, and annotate Event"
        raise ConfigurationError(
            f"{label}: {name} is not the catalog's model of {found.event_name}, so event.data is "
            f"never one: {hint}"
        )


def path_of(model: type[EventData]) -> str:
    """Where to import it from: "consumer.events.catalog.caliper.SubmissionCreated"."""
    part = ".caliper" if model.event_format == "caliper" else ""
    return f"{_CATALOG}{part}.{model.__name__}"

"""Models of the catalog in place of names of events: which events a handler takes.

Without a model nothing of the catalog is loaded.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from inspect import isclass
from typing import TYPE_CHECKING, Any, Final, TypeGuard, get_args

from consumer.errors import ConfigurationError, Retry
from consumer.handlers.registering import checks
from consumer.messages import Format
from consumer.printable import type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from consumer.events.catalog.base import EventData
    from consumer.handlers.registering.annotations import Annotation
    from consumer.messages import Event

    Classes = tuple[type[EventData], ...]

_CATALOG: Final = "consumer.events.catalog"
_FORMATS: Final[tuple[Format, ...]] = get_args(Format)


class UnexpectedEventError(Retry, TypeError):
    """Raised in place of a call: the handler takes events of another type.

    A retry, so that its reason is logged; the reason quotes nothing that came with the event.
    """


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
        from consumer.events.catalog import index, model_of  # noqa: PLC0415 - takes time to load

        model = model_of(name, event_format)
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
        """The handler's predicate, which then is called only with events that it takes.

        For others it raises UnexpectedEventError: they are not lost, but come again.
        """
        from consumer.events.catalog import index  # noqa: PLC0415 - takes time to load

        takes = lru_cache(1024)(self.takes)

        def check(event: Event) -> object:
            name = event.name
            if not takes(name, event.format):
                # An unknown name came from outside: it is not repeated.
                shown = name if index.is_known(name) else "events of other names"
                raise UnexpectedEventError(self._refusal(name, event.format, shown=shown))
            return when is None or when(event)

        return check

    def check(self, patterns: Iterable[str], matches: Callable[[str, Format], bool]) -> None:
        """Raise ConfigurationError if the handler asks for events that it does not take."""
        from consumer.events.catalog import index  # noqa: PLC0415 - takes time to load

        for model in self.registered:
            if self.annotated and not issubclass(model, self.annotated):
                raise ConfigurationError(self._contradiction(path_of(model)))
        exact = {pattern for pattern in patterns if not set("*?[") & set(pattern)}
        for name in sorted({*exact, *index.names()}):
            asked = [event_format for event_format in _FORMATS if matches(name, event_format)]
            if asked and not any(self.takes(name, event_format) for event_format in asked):
                raise ConfigurationError(self._refusal(name, asked[0], shown=name))

    def _refusal(self, name: str, event_format: Format, *, shown: str) -> str:
        from consumer.events.catalog import model_of  # noqa: PLC0415 - takes time to load

        taken = next((found for found in _FORMATS if self.takes(name, found)), None)
        if taken is None:
            return self._contradiction(shown)
        other = model_of(name, event_format)
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

    Args:
        given: names, globs and models, or one; if there are none, the annotation names the models.

    Raises: ConfigurationError for what is neither a pattern nor a model.
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
    if not registered and not annotated:
        return patterns, None
    return patterns, Expected(name, registered, annotated)


def _annotated(label: str, annotation: Annotation) -> Classes:
    """The classes that the annotation names; none if data of any class is right."""
    if any(is_any_data(found) for found in annotation.classes):
        return ()
    for found in annotation.classes:
        if not is_data(found) or found.event_name:
            check_class(f"the annotation of {label}", found)
    return tuple(filter(is_data, annotation.classes))


def is_data(found: object) -> TypeGuard[type[EventData]]:
    """True for a class that the data of an event can have: a model, or a base of some."""
    # If that module is not loaded, there is no such class yet.
    base = sys.modules.get(f"{_CATALOG}.base")
    return base is not None and isclass(found) and issubclass(found, base.EventData)


def is_any_data(found: object) -> bool:
    """True for a class that the data of every event has, also of an unknown one."""
    base = sys.modules.get(f"{_CATALOG}.base")
    return base is not None and isclass(found) and issubclass(base.EventData, found)


def check_class(label: str, found: Any) -> None:
    """Refuse a class that is not the catalog's model of an event. Raises ConfigurationError."""
    name = getattr(found, "__qualname__", None) or type_of(found)
    if not is_data(found) or not found.event_name:
        problem = "not one event" if is_data(found) else "a class, but not a model of an event"
        raise ConfigurationError(
            f"{label}: {name} is {problem}: give one such as SubmissionCreated of {_CATALOG}, or "
            'the name "submission_created"'
        )
    from consumer.events.catalog import model_of  # noqa: PLC0415 - loaded by now: see `is_data`

    own = model_of(found.event_name, found.event_format or "canvas")
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

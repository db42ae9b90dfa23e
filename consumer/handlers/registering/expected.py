"""Which events a handler takes, by the models that it names; others never reach its code."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from inspect import isclass
from typing import TYPE_CHECKING, Final, get_args

from consumer.errors import BatchFailure, ConfigurationError, Retry
from consumer.handlers.registering import checks, models
from consumer.messages import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from consumer.events.catalog.base import EventData
    from consumer.handlers.registering.annotations import Annotation
    from consumer.messages import Context, Event

    Classes = tuple[type[EventData], ...]

_BOTH: Final[frozenset[Format]] = frozenset(get_args(Format))


class UnexpectedEventError(Retry, TypeError):
    """Raised in place of a call: the handler takes events of another type.

    A retry, so that its reason is logged; the reason quotes nothing of the event.
    """


@dataclass(frozen=True, slots=True)
class Expected:
    """The formats in which a handler takes each event. Any thread may call it."""

    handler: str
    #: By the name of the event.
    formats: Mapping[str, frozenset[Format]]
    #: Those in which it takes every other event that it is registered for.
    others: frozenset[Format]

    def refusal(self, event: Event) -> UnexpectedEventError | None:
        """The error to raise for an event that the handler does not take, else None."""
        if event.format in self.formats.get(event.name, self.others):
            return None
        return UnexpectedEventError(self._sentence(event.name, event.format))

    def check_format(self, only: Format | None, matches: Callable[[str, Format], bool]) -> None:
        """Refuse a restriction to a format in which the handler does not take one of its events.

        Raises ConfigurationError.
        """
        for name, formats in self.formats.items():
            if only is not None and only not in formats and matches(name, only):
                raise ConfigurationError(self._sentence(name, only))

    def guard(self, call: Callable[[Event, Context], None]) -> Callable[[Event, Context], None]:
        """The call, for events that the handler takes."""
        refusal = self.refusal

        def guarded(event: Event, context: Context) -> None:
            if error := refusal(event):
                raise error
            call(event, context)

        return guarded

    def guard_predicate(self, when: Callable[[Event], object]) -> Callable[[Event], object]:
        """The predicate, which reads the event as the function does."""
        refusal = self.refusal

        def guarded(event: Event) -> object:
            if error := refusal(event):
                raise error
            return when(event)

        return guarded

    def guard_batch(
        self, call: Callable[[Sequence[Event], Context], None]
    ) -> Callable[[Sequence[Event], Context], None]:
        """The call for a batch: only the events that the handler does not take fail."""
        refusal = self.refusal

        def guarded(events: Sequence[Event], context: Context) -> None:
            failures: dict[Event, BaseException] = {
                event: error for event in events if (error := refusal(event))
            }
            if not failures:
                call(events, context)
                return
            rest = [event for event in events if event not in failures]
            try:
                if rest:
                    call(rest, context)
            except BatchFailure as failure:
                # One that names no event does not say which succeeded: then none did.
                failures |= failure.failures or dict.fromkeys(rest, failure)
            except BaseException as error:
                failures |= dict.fromkeys(rest, error)
            raise BatchFailure(failures)

        return guarded

    def _sentence(self, name: str, came: Format) -> str:
        formats = self.formats.get(name, self.others)
        if not formats:  # an unknown name came from outside: it is not repeated
            return (
                f"handler {self.handler!r} takes {listed(list(self.formats))}, and no event of "
                "another name: register it for names instead of a glob, or annotate its parameter "
                "as Event"
            )
        (kept,) = formats
        path = models.path_for(name, came) if name in self.formats else None
        register = f"register {path}, too, or " if path else ""
        return (
            f"handler {self.handler!r} takes {name if name in self.formats else 'events'} in "
            f"{kept.capitalize()} format, not in {came.capitalize()} format: {register}say "
            f'format="{kept}" to leave such events out'
        )


def patterns_and_expected(
    name: str, given: object, annotation: Annotation
) -> tuple[tuple[str, ...], Expected | None]:
    """The patterns of a handler, and which of their events it takes; None if it takes all.

    Args:
        given: names, globs and models, or one; if there are none, the annotation names the models.

    Raises: ConfigurationError for what is neither a pattern nor a model, and for what the
        annotation does not allow.
    """
    label = f"handler {name!r}"
    classes = _annotated(label, annotation)
    given = checks.each(name, given) or annotation.classes
    if not given:
        raise ConfigurationError(
            f"{label} names no event, and neither does its annotation"
            + (f" ({annotation.problem})" if annotation.problem else "")
            + ': write @registry.on("submission_created"), a glob, or "*" for every event; or '
            "annotate its first parameter as Event[SubmissionCreated], with a model of "
            "consumer.events.catalog"
        )
    for model in filter(isclass, given):
        models.check_class(label, model)
    patterns = checks.check_patterns(name, [getattr(found, "event_name", found) for found in given])
    named = tuple([found for found in given if models.is_data(found)])
    return patterns, _expected(name, patterns, named, classes) if named or classes else None


def _annotated(label: str, annotation: Annotation) -> Classes:
    """The classes that the annotation names; none if data of any class is right."""
    if any(map(models.is_any_data, annotation.classes)):
        return ()
    for found in annotation.classes:
        if not models.is_data(found) or found.event_name:
            models.check_class(f"the annotation of {label}", found)
    return tuple(filter(models.is_data, annotation.classes))


def _expected(name: str, patterns: Iterable[str], named: Classes, classes: Classes) -> Expected:
    formats: dict[str, frozenset[Format]] = {}
    for model in named:
        of_model = frozenset([f for f in _BOTH if f == model.event_format])
        formats[model.event_name] = formats.get(model.event_name, frozenset()) | of_model
    if not classes:
        return Expected(name, formats, _BOTH)
    for known in _names(patterns):
        taken = frozenset([f for f in _BOTH if _is_taken(known, f, classes)])
        formats[known] = formats.get(known, _BOTH) & taken
    wrong = [models.path_of(model) for model in named if not issubclass(model, classes)]
    wrong = wrong or [known for known, taken in formats.items() if not taken]
    if wrong:
        found = [models.path_of(c).removeprefix("consumer.events.catalog.") for c in classes]
        raise ConfigurationError(
            f"handler {name!r} is registered for {listed(wrong)}, but annotated as "
            f"Event[{' | '.join(found)}]: register only what it takes, or annotate it as Event"
        )
    return Expected(name, formats, frozenset([f for f in _BOTH if _is_open(f, classes)]))


def _names(patterns: Iterable[str]) -> list[str]:
    """The known events that are matched, and the unknown ones that are named in full."""
    from consumer.events.catalog import index  # noqa: PLC0415 - only if a model is named

    exact = {pattern for pattern in patterns if not set("*?[") & set(pattern)}
    return sorted(exact | {n for n in index.names() if any(fnmatchcase(n, p) for p in patterns)})


def _is_taken(name: str, event_format: Format, classes: Classes) -> bool:
    """True if the data of this event is of one of the classes."""
    from consumer.events.catalog import index, model_of  # noqa: PLC0415 - as above

    model = model_of(name, event_format)
    if model is not None:
        return issubclass(model, classes)
    return not index.is_known(name) and _is_open(event_format, classes)


def _is_open(event_format: Format, classes: Classes) -> bool:
    """True if one of the classes is a base of models: it is ready for unknown events, too."""
    return any(not c.event_name and c.event_format == event_format for c in classes)


def listed(names: Sequence[str]) -> str:
    """The first three, and how many more there are."""
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")

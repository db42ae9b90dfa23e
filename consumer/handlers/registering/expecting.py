"""From what a handler is registered for, and what its annotation says, to what it expects."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from inspect import isclass
from typing import TYPE_CHECKING, Final, get_args

from consumer.errors import ConfigurationError
from consumer.handlers.registering import checks, models
from consumer.handlers.registering.expected import Expected, listed
from consumer.messages import Format

if TYPE_CHECKING:
    from consumer.events.catalog.base import EventData
    from consumer.handlers.registering.annotations import Annotation

_BOTH: Final[frozenset[Format]] = frozenset(get_args(Format))


def patterns_and_expected(
    name: str, given: object, annotation: Annotation, only: Format | None
) -> tuple[tuple[str, ...], Expected | None]:
    """The patterns of a handler, and what it expects; None where it takes what comes.

    Args:
        given: names, globs and models, or one; if there are none, the annotation says them.
        only: the format that it is registered for.

    Raises: ConfigurationError for what is no pattern and no model, and where the models, the
        patterns, the format and the annotation do not agree.
    """
    label = f"handler {name!r}"
    classes = _annotated(label, annotation)
    given = _each(name, given) or _said(name, annotation)
    patterns = checks.check_patterns(name, models.patterns_of(label, given))
    named = [found for found in given if models.is_data(found)]
    if not named and not classes:
        return patterns, None
    formats, others = _registered(named, open_ended=len(named) < len(given))
    if classes:
        _check_models(label, named, classes)
        _check_matched(label, patterns, classes)
        names = sorted(_names(patterns) | formats.keys())
        said = {known: _formats(classes, known) for known in names}
        wrong = [known for known in names if not said[known] & ({only} if only else _BOTH)]
        if wrong:
            raise _contradiction(label, wrong, classes, only)
        formats = {known: found & formats.get(known, others) for known, found in said.items()}
        others &= frozenset([c.event_format for c in classes if _is_open(c) and c.event_format])
    expected = Expected(name, formats, others)
    expected.check_format(only, lambda _name, _format: True)
    return patterns, expected


def says_models(annotation: Annotation) -> bool:
    """True if the annotation alone tells which events the handler takes."""
    return bool(annotation.classes) and all(map(models.is_data, annotation.classes))


def check_batched(name: str, annotation: Annotation, *, batched: bool) -> None:
    """Refuse a batch for a function that takes one event, and the other way round."""
    if annotation.batched is True and not batched:
        raise ConfigurationError(
            f"handler {name!r} takes a sequence of events: say how many at most, such as "
            "batch=100 (batch_size in a configuration file)"
        )
    if annotation.batched is False and batched:
        raise ConfigurationError(
            f"handler {name!r} takes one event, but has a batch size: leave that out, or let it "
            "take Sequence[Event]"
        )


def _each(name: str, given: object) -> tuple[object, ...]:
    if isinstance(given, str) or isclass(given):
        return (given,)
    if not isinstance(given, Iterable):
        raise ConfigurationError(
            f"handler {name!r}: patterns must be texts or models, not {given!r:.80}"
        )
    return tuple(given)


def _said(name: str, annotation: Annotation) -> tuple[type, ...]:
    if annotation.classes:
        return annotation.classes
    problem = f" ({annotation.problem})" if annotation.problem else ""
    raise ConfigurationError(
        f"handler {name!r} names no event, and its annotation says none{problem}: write "
        '@registry.on("submission_created"), a glob, or "*" for every event; or annotate its first '
        "parameter as Event[SubmissionCreated], with a model of consumer.events.catalog"
    )


def _annotated(label: str, annotation: Annotation) -> tuple[type[EventData], ...]:
    """The classes that the annotation says; none if it lets all data pass."""
    found: list[type[EventData]] = []
    for said in annotation.classes:
        if models.is_any_data(said):
            return ()
        if not models.is_data(said):
            models.check_class(f"the annotation of {label}", said)
        found.append(said)
        if found[-1].event_name:
            models.check_own(f"the annotation of {label}", found[-1])
    return tuple(found)


def _registered(
    named: Iterable[type[EventData]], *, open_ended: bool
) -> tuple[dict[str, frozenset[Format]], frozenset[Format]]:
    """The formats of the models, by name; and of what else it is registered for."""
    formats: dict[str, frozenset[Format]] = {}
    for model in named:
        if model.event_format:
            already = formats.get(model.event_name, frozenset())
            formats[model.event_name] = already | {model.event_format}
    return formats, _BOTH if open_ended else frozenset()


def _check_models(
    label: str, named: Iterable[type[EventData]], classes: tuple[type[EventData], ...]
) -> None:
    for model in named:
        if not issubclass(model, classes):
            raise ConfigurationError(
                f"{label} is registered for {models.path_of(model)}, but annotated as "
                f"{_written(classes)}: one of them must be mended"
            )


def _check_matched(
    label: str, patterns: tuple[str, ...], classes: tuple[type[EventData], ...]
) -> None:
    for said in classes:
        if said.event_name and not _matches(said.event_name, patterns):
            raise ConfigurationError(
                f"the annotation of {label} says {said.__name__}, but it is not registered for "
                f'"{said.event_name}": add that, or take it out of the annotation'
            )


def _contradiction(
    label: str, wrong: list[str], classes: tuple[type[EventData], ...], only: Format | None
) -> ConfigurationError:
    in_format = f" in {only.capitalize()} format" if only else ""
    return ConfigurationError(
        f"{label} is registered for {listed(wrong)}{in_format}, but annotated as "
        f"{_written(classes)}: register only what it takes, or annotate it as Event"
    )


def _names(patterns: tuple[str, ...]) -> set[str]:
    """The known events that are matched, and the unknown ones that are named in full."""
    from consumer.events.catalog import index  # noqa: PLC0415 - only where a model is named

    exact = {pattern for pattern in patterns if not set("*?[") & set(pattern)}
    return exact | {known for known in index.names() if _matches(known, patterns)}


def _formats(classes: tuple[type[EventData], ...], name: str) -> frozenset[Format]:
    """The formats in which the data of this event is of one of the classes."""
    return frozenset([f for f in _BOTH if any(_is_of(said, name, f) for said in classes)])


def _is_of(said: type[EventData], name: str, event_format: Format) -> bool:
    if said.event_format != event_format:
        return False
    if not _is_open(said):
        return said.event_name == name
    from consumer.events.catalog import index, model_of  # noqa: PLC0415 - as above

    model = model_of(name, event_format)
    return issubclass(model, said) if model else not index.is_known(name)


def _is_open(said: type[EventData]) -> bool:
    """True for a base of several models."""
    return not said.event_name


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _written(classes: tuple[type[EventData], ...]) -> str:
    """As in the code: "Event[SubmissionCreated | caliper.SubmissionCreated]"."""
    found = [models.path_of(c).removeprefix("consumer.events.catalog.") for c in classes]
    return f"Event[{' | '.join(found)}]"

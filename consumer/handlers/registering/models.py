"""Models of the catalog in place of names of events; nothing is loaded where nobody names one."""

from __future__ import annotations

import sys
from inspect import isclass
from typing import TYPE_CHECKING, Any, TypeGuard

from consumer.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.events.catalog.base import EventData
    from consumer.messages import Format

_CATALOG = "consumer.events.catalog"
_EXAMPLE = f'such as SubmissionCreated of {_CATALOG}, or the name "submission_created"'


def is_data(found: object) -> TypeGuard[type[EventData]]:
    """True for a class that the data of an event can be of: a model, or a base of some."""
    # Who names one has loaded this module; who has not, shall not have to wait for it.
    base = sys.modules.get(f"{_CATALOG}.base")
    return base is not None and isclass(found) and issubclass(found, base.EventData)


def is_any_data(found: object) -> bool:
    """True for a class that the data of every event is of, an unknown one's, too."""
    base = sys.modules.get(f"{_CATALOG}.base")
    return base is not None and isclass(found) and issubclass(base.EventData, found)


def check_class(label: str, found: Any) -> None:
    """Refuse a class that is not the model of an event. Raises ConfigurationError."""
    if not is_data(found):
        name = getattr(found, "__name__", found)
        raise ConfigurationError(
            f"{label}: {name} is a class, but no model of an event: give one {_EXAMPLE}"
        )
    if not found.event_name:
        models = _models_under(found)
        hint = f"one of its events, {', '.join(models)}" if models else f"one {_EXAMPLE}"
        raise ConfigurationError(f"{label}: {found.__name__} is not one event: give {hint}")
    check_own(label, found)


def check_own(label: str, model: type[EventData]) -> None:
    """Refuse a model that `event.data` will never be of, such as one derived from the catalog's."""
    from consumer.events.catalog import index, model_of  # noqa: PLC0415 - is there: see `is_data`

    own = None
    if index.is_known(model.event_name, model.event_format or "canvas"):
        own = model_of(model.event_name, model.event_format or "canvas")
    if own is not model:
        hint = f"register {path_of(own)}" if own else "register its name, and annotate Event"
        raise ConfigurationError(
            f"{label}: {model.__qualname__} is not the catalog's model of {model.event_name}, so "
            f"event.data is never one: {hint}"
        )


def patterns_of(label: str, given: Sequence[object]) -> tuple[Any, ...]:
    """The same with each model as the name of its event. Raises ConfigurationError."""
    for found in given:
        if isclass(found):
            check_class(label, found)
    return tuple([getattr(found, "event_name", found) for found in given])


def path_of(model: type[EventData]) -> str:
    """Where to import it: "consumer.events.catalog.caliper.SubmissionCreated"."""
    part = ".caliper" if model.event_format == "caliper" else ""
    return f"{_CATALOG}{part}.{model.__name__}"


def path_for(name: str, event_format: Format) -> str | None:
    """Where the model of a known event is; None if it is not known in this format."""
    from consumer.events.catalog import index  # noqa: PLC0415 - costs time where nobody needs it

    if not index.is_known(name, event_format):
        return None
    part = ".caliper" if event_format == "caliper" else ""
    return f"{_CATALOG}{part}.{index.class_name(name)}"


def _models_under(base: type[EventData]) -> list[str]:
    """Models that are loaded, three at most: the nearest."""
    found: list[str] = []
    waiting = list(base.__subclasses__())
    while waiting and len(found) < 3:
        model = waiting.pop(0)
        waiting += model.__subclasses__()
        if model.event_name and model.__module__.startswith(_CATALOG):
            found.append(model.__name__)
    return found

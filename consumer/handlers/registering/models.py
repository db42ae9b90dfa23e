"""Models of the catalog in place of names of events. Without a model, no catalog is loaded."""

from __future__ import annotations

import sys
from inspect import isclass
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from consumer.errors import ConfigurationError

if TYPE_CHECKING:
    from consumer.events.catalog.base import EventData
    from consumer.messages import Format

_CATALOG: Final = "consumer.events.catalog"


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
    name = getattr(found, "__qualname__", found)
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


def path_for(name: str, event_format: Format) -> str | None:
    """Where to import the model of an event from; None if this format has none."""
    from consumer.events.catalog import model_of  # noqa: PLC0415 - only for an error

    model = model_of(name, event_format)
    return path_of(model) if model else None

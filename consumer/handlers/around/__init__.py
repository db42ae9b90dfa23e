"""What the configuration puts around a handler: conditions, redaction, coalescing."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from consumer.config import HandlerSettings
from consumer.handlers.around.paths import getter_of, hashable
from consumer.handlers.registering.handler import Handler
from consumer.handlers.registering.options import Coalesce, Predicate


def surrounded(
    handlers: Sequence[Handler], entry: HandlerSettings, warn: Callable[[str], None]
) -> list[Handler]:
    """The handlers of an entry, which get only what its `when` lets through, as `redact` leaves it.

    Conditions see the event as it was received. Raises `ConfigurationError`.
    """
    # What is not configured is not loaded: most daemons have neither.
    found = list(handlers)
    if entry.redact is not None:
        from consumer.handlers.around.redacting import redacting, view_of  # noqa: PLC0415

        view = view_of(entry.redact, f'handler "{entry.name}": redact', warn)
        found = [redacting(handler, view) for handler in found]
    if entry.when is not None:
        from consumer.handlers.around.conditions import predicate_of  # noqa: PLC0415
        from consumer.handlers.around.known_fields import (  # noqa: PLC0415
            known_events,
            unlikely_names,
            unlikely_paths,
        )

        label = f'handler "{entry.name}": when'
        wanted = predicate_of(entry.when, label)
        events = known_events(handlers)
        for path, hint in unlikely_paths(entry.when, events):
            warn(f"{label}: no known event for which it asks has {path}{hint}")
        for name, hint in unlikely_names(entry.when, events):
            warn(f'{label}: no known event for which it asks has the name "{name}"{hint}')
        found = [replace(handler, when=_both(wanted, handler.when)) for handler in found]
    return found


def coalesce_of(entry: HandlerSettings) -> Coalesce | None:
    """How an entry's events are coalesced. Raises `ConfigurationError`."""
    if entry.coalesce is None:
        return None
    get = getter_of(entry.coalesce.key, f'handler "{entry.name}": coalesce: key')
    return Coalesce(key=lambda event: hashable(get(event)), seconds=entry.coalesce.seconds)


def _both(first: Predicate, second: Predicate | None) -> Predicate:
    return first if second is None else lambda event: first(event) and second(event)

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

        wanted = predicate_of(entry.when, f'handler "{entry.name}": when')
        found = [replace(handler, when=_both(wanted, handler.when)) for handler in found]
    if entry.when is not None or entry.coalesce is not None:
        from consumer.handlers.around.known_fields import doubts  # noqa: PLC0415

        for sentence in doubts(entry, handlers):
            warn(sentence)
    return found


def coalesce_of(entry: HandlerSettings) -> Coalesce | None:
    """How an entry's events are coalesced. Raises `ConfigurationError`."""
    if entry.coalesce is None:
        return None
    get = getter_of(entry.coalesce.key, f'handler "{entry.name}": coalesce: key')
    return Coalesce(key=lambda event: hashable(get(event)), seconds=entry.coalesce.seconds)


def _both(first: Predicate, second: Predicate | None) -> Predicate:
    return first if second is None else lambda event: first(event) and second(event)

"""The grammar of `when`: conditions on an event, the same for every handler."""

from collections.abc import Mapping, Sequence
from typing import Any

from consumer.errors import ConfigurationError
from consumer.handlers.registering.handler import Predicate


def predicate_of(
    conditions: Mapping[str, Any] | Sequence[Mapping[str, Any]], label: str
) -> Predicate:
    """True for an event that fulfils all conditions of the mapping, or of one mapping of a list.

    Raises `ConfigurationError`, which begins with the label.
    """
    raise ConfigurationError(f"{label}: not there yet")

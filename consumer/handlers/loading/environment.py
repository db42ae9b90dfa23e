"""What a factory of handlers gets, and what it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from consumer import log_events
from consumer.handlers.registering.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.clock import Clock


_log = structlog.get_logger(__name__)


def log_warning(sentence: str) -> None:
    """How a running daemon is warned of what is allowed, but probably not meant."""
    _log.warning(log_events.CONFIG_WARNING, reason=sentence)


@dataclass(frozen=True, slots=True)
class HandlerEnvironment:
    """What a factory is told besides its own options."""

    #: Where a handler may keep its files; may not exist yet.
    state_directory: Path
    clock: Clock
    #: The configured batch size, if there is one: for a factory that can do either.
    batch_size: int | None = None
    #: True if the configuration names the events, if only as "*".
    names_events: bool = False
    #: Called with a sentence about what is allowed, but probably not meant.
    warn: Callable[[str], None] = log_warning


#: A factory makes the handlers of one entry of the configuration. That of a third party is an entry
#: point of the group `canvas_live_events.handlers`, its name is the type in the configuration:
#:
#:     def factory(name, options, environment):
#:         registry = Registry()
#:         registry.add(Sink(options["bucket"]).store, "*", name=name, batch=100)
#:         return registry
#:
#: `name` is the entry's; of several handlers each is named `f"{name}.…"`. `options` is the mapping
#: under the type, unchecked: `consumer.handlers.loading.options.Options` reads it well. It
#: registers for all events it can handle; events, format, limits and batch size of the entry are
#: applied to that. It is called once, by the main thread, before the first receive. It raises
#: ConfigurationError.
Factory = Callable[[str, Mapping[str, Any], HandlerEnvironment], Registry]

"""The SQS consumer for Canvas LMS Live Events.

Every event that Canvas put into the queue reaches every handler that asked for it, and is deleted
only after all of them succeeded.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.errors import (
        BatchFailure,
        ConfigurationError,
        DataError,
        DecodeError,
        Reject,
        Retry,
        Unavailable,
    )
    from consumer.events.identifiers import global_id, is_truncated, local_id, shard_of
    from consumer.handlers.loading.factories import HandlerEnvironment, Options
    from consumer.handlers.registering.options import Coalesce
    from consumer.handlers.registering.registry import Handler, Registry
    from consumer.messages import Context, Event, ReceivedMessage
    from consumer.retry import RetryPolicy
    from consumer.subject import CanvasId, Change, Subject

__version__ = "0.1.0"

__all__ = [
    # Writing handlers
    "Registry",
    "Handler",
    "RetryPolicy",
    "Coalesce",
    "Event",
    "Context",
    # What a handler can raise
    "Retry",
    "Reject",
    "Unavailable",
    "BatchFailure",
    # Reading events
    "ReceivedMessage",
    "DecodeError",
    "DataError",
    "Subject",
    "CanvasId",
    "Change",
    "local_id",
    "global_id",
    "shard_of",
    "is_truncated",
    # Writing a handler type
    "HandlerEnvironment",
    "Options",
    # The rest
    "ConfigurationError",
    "__version__",
]

if not TYPE_CHECKING:  # type checkers would accept any name
    from importlib import import_module

    def __getattr__(name: str) -> object:
        """Load a name at first use: `consume --version` needs none of them."""
        modules = (
            "errors", "messages", "retry", "subject", "events.identifiers",
            "handlers.registering.registry", "handlers.loading.factories",
            "handlers.registering.options",  # last: its `Options` are those of a function
        )  # fmt: skip
        for module in modules if name in __all__ else ():
            found = getattr(import_module(f"consumer.{module}"), name, None)
            if found is not None:
                globals()[name] = found
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted(__all__)

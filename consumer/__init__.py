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
    )
    from consumer.events.identifiers import global_id, is_truncated, local_id, shard_of
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
    "Event",
    "Context",
    # What a handler can raise
    "Retry",
    "Reject",
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
    # The rest
    "ConfigurationError",
    "__version__",
]

if not TYPE_CHECKING:  # else type checkers would take any name for one that there is
    from importlib import import_module

    _NAMES = {
        "errors": (
            "BatchFailure", "ConfigurationError", "DataError", "DecodeError", "Reject", "Retry",
        ),
        "events.identifiers": ("global_id", "is_truncated", "local_id", "shard_of"),
        "handlers.registering.registry": ("Handler", "Registry"),
        "messages": ("Context", "Event", "ReceivedMessage"),
        "retry": ("RetryPolicy",),
        "subject": ("CanvasId", "Change", "Subject"),
    }  # fmt: skip
    _MODULES = {name: f"consumer.{module}" for module, names in _NAMES.items() for name in names}

    def __getattr__(name: str) -> object:
        """Load a name when it is asked for: `consume --version` needs none of them."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found = getattr(import_module(_MODULES[name]), name)
        return found

    def __dir__() -> list[str]:
        return sorted(__all__)

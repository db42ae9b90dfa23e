"""The SQS consumer for Canvas LMS Live Events.

Every event that Canvas put into the queue reaches every handler that asked for it, and is deleted
only after all of them succeeded.
"""

from consumer.errors import BatchFailure, ConfigurationError, DataError, DecodeError, Reject, Retry
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

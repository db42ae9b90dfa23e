"""The port to a queue: what the engine needs from SQS, and nothing about how it is called."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from consumer.messages import ReceivedMessage


@dataclass(frozen=True, slots=True)
class EntryFailure:
    """A failed entry of a batch call.

    `code` is AWS's error code. `gone` means that the receipt handle is no longer valid (expired,
    message deleted, or received again since), so trying again can't succeed.
    """

    code: str
    gone: bool = False


@dataclass(frozen=True, slots=True)
class QueueAttributes:
    """The queue's attributes; None if the queue does not give one, or we may not ask."""

    visibility_timeout_seconds: int | None = None
    max_receive_count: int | None = None
    dead_letter_queue: str | None = None
    retention_seconds: int | None = None
    visible_messages: int | None = None
    in_flight_messages: int | None = None
    delayed_messages: int | None = None


class Transport(Protocol):
    """One queue. Any thread may call any method.

    Every method raises `QueueMissingError`, `AccessDeniedError`, or another `TransportError`; if it
    is `fatal`, waiting does not help. One call is one request: implementations never retry.
    """

    def receive(
        self, *, max_messages: int, wait_seconds: int, visibility_timeout_seconds: int | None
    ) -> list[ReceivedMessage]:
        """Long-poll for 1 to 10 messages for up to `wait_seconds` (0 to 20); [] if none came."""
        ...

    def delete(self, receipt_handles: Sequence[str]) -> list[EntryFailure | None]:
        """Delete 1 to 10 messages; answers by position, None if it was deleted."""
        ...

    def change_visibility(self, changes: Sequence[tuple[str, int]]) -> list[EntryFailure | None]:
        """Set (receipt handle, seconds from now) for 1 to 10 messages; answers by position."""
        ...

    def attributes(self) -> QueueAttributes:
        """Ask the queue for its attributes."""
        ...

    def close(self) -> None:
        """Close connections. An open long poll goes on: nothing can abort it."""
        ...

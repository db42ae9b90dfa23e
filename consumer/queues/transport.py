"""The port to a queue: what the engine asks of SQS, and nothing of how it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.messages import ReceivedMessage


@dataclass(frozen=True, slots=True)
class EntryFailure:
    """One entry of a batch call that SQS answered with `Failed`.

    `code` is AWS's error code. `gone` means that the receipt handle is no longer good (expired,
    message deleted, or received again since): a fact, and no reason to try the same again.
    """

    code: str
    gone: bool = False


@dataclass(frozen=True, slots=True)
class QueueAttributes:
    """What the queue says of itself; None where it does not say or we may not ask."""

    visibility_timeout_seconds: int | None = None
    max_receive_count: int | None = None
    dead_letter_queue: str | None = None
    retention_seconds: int | None = None
    visible_messages: int | None = None
    in_flight_messages: int | None = None
    delayed_messages: int | None = None


class Transport(Protocol):
    """One queue. Every method may be called from any thread.

    Raises (every method): `QueueMissingError`, `AccessDeniedError`, or another `TransportError`,
    whose `fatal` says that waiting does not help. One call is one request: no implementation
    retries by itself.
    """

    def receive(
        self, *, max_messages: int, wait_seconds: int, visibility_timeout_seconds: int | None
    ) -> list[ReceivedMessage]:
        """Long-poll for 1 to 10 messages for up to `wait_seconds` (0 to 20); [] when none came."""
        ...

    def delete(self, receipt_handles: Sequence[str]) -> list[EntryFailure | None]:
        """Delete 1 to 10 messages; the answer is by position, None where it is deleted."""
        ...

    def change_visibility(self, changes: Sequence[tuple[str, int]]) -> list[EntryFailure | None]:
        """Set (receipt handle, seconds from now) for 1 to 10 messages; answered by position."""
        ...

    def attributes(self) -> QueueAttributes:
        """Ask the queue for its attributes."""
        ...

    def close(self) -> None:
        """Give back connections. Does not abort an open long poll (nothing does)."""
        ...

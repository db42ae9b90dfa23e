"""The quarantine of the simulation: the real one, on a disk that is full now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.queues.quarantine import DirectoryQuarantine, file_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from consumer.clock import Clock
    from consumer.messages import ReceivedMessage


class SimulatedQuarantine:
    """Notes what is really in it.

    Args:
        before: called before each write; raises if the disk is full, or the process dead.
        kept: gets the id of each message whose file is there.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        *,
        before: Callable[[], None],
        kept: Callable[[str], None],
    ) -> None:
        self._directory = directory
        self._real = DirectoryQuarantine(directory, clock=clock)
        self._before, self._kept = before, kept

    def put(self, message: ReceivedMessage, reason: str, handler: str = "") -> None:
        """Keep it."""
        self._before()
        self._real.put(message, reason)
        if any(self._directory.rglob(f"{file_name(message.message_id)}.json")):
            self._kept(message.message_id)

    def close(self) -> None:
        """Nothing is held."""

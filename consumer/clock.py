"""The clock: the only place that asks for the time, so that tests can move it by hand."""

import threading
import time
from datetime import UTC, datetime
from typing import Final, Protocol

#: Is never set: only to wait on.
NEVER: Final = threading.Event()


class Clock(Protocol):
    """What the consumer asks of time. Any thread may call any method."""

    def now(self) -> datetime:
        """Wall-clock time, aware, UTC."""

    def monotonic(self) -> float:
        """Seconds that only ever go forward; differences mean elapsed time."""

    def cpu(self) -> float:
        """Seconds of CPU that this process has used, over all its threads."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set or `seconds` have passed; True if it is set."""


class SystemClock:
    """The machine's own clock."""

    #: Read several times for each message, so without a frame of ours.
    monotonic = staticmethod(time.monotonic)
    cpu = staticmethod(time.process_time)

    def now(self) -> datetime:
        """Wall-clock time, aware, UTC."""
        return datetime.now(UTC)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait in real time; returns at once when `event` is set."""
        return event.wait(seconds)

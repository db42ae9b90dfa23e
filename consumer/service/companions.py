"""What accompanies the daemon: metrics, the control socket, pings. None can stop it."""

from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from consumer import log_events
from consumer.engine.status import Status
from consumer.errors import EXIT_BUG, describe

_log = structlog.get_logger(__name__)


class Companion(Protocol):
    """The main thread calls all methods. None may block: the daemon waits for them."""

    def look(self, status: Status) -> None:
        """Called at each look around: five times a second, once while idle; also in a drain."""
        ...

    def close(self, exit_code: int) -> None:
        """The daemon ends with this exit code."""
        ...


class Companions:
    """All of them, guarded: what one raises is logged, and it is left out from then on."""

    def __init__(self, companions: Sequence[Companion]) -> None:
        self._companions = list(companions)

    def begin(self, make: Callable[[], Sequence[Companion]]) -> None:
        """Add what it makes; without those, if it raises: the system may allow no more threads."""
        try:
            self._companions += make()
        except Exception as error:
            _log_failed("start", error)

    def look(self, status: Status) -> None:
        """Let each of them look."""
        for companion in tuple(self._companions):
            self._guard(companion, lambda c=companion: c.look(status))  # type: ignore[misc]

    def accompany(self, run: Callable[[], int]) -> int:
        """What `run` returns, the exit code. Then all are closed, the last one first."""
        code = EXIT_BUG
        try:
            code = run()
        finally:
            self._close(code)
        return code

    def _close(self, exit_code: int) -> None:
        for companion in reversed(tuple(self._companions)):
            self._guard(companion, lambda c=companion: c.close(exit_code))  # type: ignore[misc]

    def _guard(self, companion: Companion, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            self._companions.remove(companion)
            _log_failed(type(companion).__name__, error)


def _log_failed(part: str, error: Exception) -> None:
    _log.error(log_events.COMPANION_FAILED, part=part, **describe(error), exc_info=error)

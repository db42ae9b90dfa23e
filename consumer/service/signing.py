"""Opens signed messages, and keeps the public keys of Canvas up to date."""

import threading
from collections.abc import Callable
from typing import Final

from consumer.clock import Clock
from consumer.config import Settings
from consumer.engine.status import Status
from consumer.service.background import Background
from consumer.signatures import check_installed
from consumer.signatures.keys import SigningKeys, open_keys
from consumer.signatures.source import KeySource, source_of
from consumer.signatures.unsealing import Unsealing

#: How long the start waits for the first keys.
_FIRST_SECONDS: Final = 5.0
_TICK_SECONDS: Final = 0.2


class Signing:
    """A `Companion`, which outlives the engine's worker. An address that hangs holds up nothing."""

    def __init__(
        self, keys: SigningKeys, source: KeySource, *, required: bool, clock: Clock
    ) -> None:
        #: For `RunOptions`.
        self.unsealing = Unsealing(keys, source, required=required)
        self._keys = keys
        self._source = source
        self._clock = clock
        self._background = Background("signing-keys")
        self._asked = threading.Event()

    def begin(self, stopped: Callable[[], bool]) -> None:
        """Ask for the first time; wait a moment for the answer if no key is known.

        Without an answer, the daemon starts all the same: signed messages wait in the queue.
        """
        self._background.do(self._ask)
        until = self._clock.monotonic() + _FIRST_SECONDS
        while not (len(self._keys) or self._asked.is_set() or stopped()):
            if self._clock.monotonic() > until:
                return
            self._clock.wait(self._asked, _TICK_SECONDS)

    def look(self, status: Status) -> None:  # noqa: ARG002 - as a Companion
        """Ask if it is time."""
        if self._clock.monotonic() >= self._source.due:
            self._background.do(self._ask)

    def close(self, exit_code: int) -> None:  # noqa: ARG002 - as a Companion
        """Nothing is waited for: the file of the keys is complete at any time."""
        self._background.close(0)

    def _ask(self) -> None:
        self._source.run_once()
        self._asked.set()


def open_signing(settings: Settings, *, clock: Clock) -> Signing | None:
    """The part that opens signed messages; None if `queue.signed` is off.

    Raises: `ConfigurationError` if the library that verifies signatures is missing.
    """
    signed = settings.queue.signed
    if signed.mode == "off":
        return None
    check_installed()
    keys = open_keys(settings.state_directory, clock=clock)
    source = source_of(signed, keys, clock=clock)
    return Signing(keys, source, required=signed.mode == "required", clock=clock)

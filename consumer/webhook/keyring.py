"""Finds the keys that tokens name. A thread asks for new ones: daily, and when one is missing."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from consumer.clock import Clock
from consumer.signatures.keys import SigningKeys
from consumer.signatures.source import KeySource

#: How long a post waits until the source has been asked for its key.
WAIT_SECONDS: Final = 5.0
#: How many posts wait at a time: anyone can invent the id of a key.
MOST_WAITING: Final = 64


class KeysDownError(Exception):
    """The key is not known, and the source can't be asked now: Canvas should come again."""


class Keyring:
    """`find` belongs to the event loop's thread. The source is asked at most once a minute."""

    def __init__(self, keys: SigningKeys, source: KeySource, *, clock: Clock) -> None:
        self._keys = keys
        self._source = source
        self._clock = clock
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._asking = True
        self._waiting: set[asyncio.Future[None]] = set()

    def start(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        """Begin to ask.

        Args:
            call_soon: has the event loop call it, from another thread.
        """
        threading.Thread(
            target=self._run, args=(call_soon,), name="signing-keys", daemon=True
        ).start()

    def close(self) -> None:
        """Ask no more. Nothing is waited for: the file of the keys is complete at any time."""
        self._ended.set()
        self._wake.set()

    async def find(self, kid: str) -> Any | None:
        """The public key with this id; None if the source was asked and does not have it.

        Raises: `KeysDownError` if that is not known.
        """
        key = self._keys.find(kid)
        if key is not None:
            return key
        self._source.want()
        for _ in range(2):  # what comes first may be the answer to an earlier question
            due = self._asking or self._clock.monotonic() >= self._source.due
            if not due or not await self._asked():
                break
        key = self._keys.find(kid)
        if key is None and (self._asking or self._source.is_failing):
            raise KeysDownError
        return key

    async def _asked(self) -> bool:
        """Wait until the source was asked, for some seconds at most; False if it was not."""
        if len(self._waiting) >= MOST_WAITING:
            raise KeysDownError
        self._asking = True
        self._wake.set()
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(answered)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(answered, WAIT_SECONDS)
        finally:
            self._waiting.discard(answered)
        return answered.done() and not answered.cancelled()

    def _run(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        while not self._ended.is_set():
            self._wake.clear()
            if self._clock.monotonic() >= self._source.due:
                self._asking = True
                self._source.run_once()
            with suppress(RuntimeError):  # the loop is closed: the process ends
                call_soon(self._answered)
            left = self._source.due - self._clock.monotonic()
            self._wake.wait(min(max(left, 0.0), 3_600.0))

    def _answered(self) -> None:
        self._asking = False
        for answered in self._waiting:
            if not answered.done():
                answered.set_result(None)

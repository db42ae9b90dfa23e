"""Where new keys come from: an address that is asked daily, and for an unknown key; or a file."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from time import monotonic
from typing import Final
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, build_opener

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.config import SignedSettings
from consumer.errors import reason_without_url
from consumer.signatures.keys import MOST_JWKS, KeysError, SigningKeys

_log = structlog.get_logger(__name__)

#: Where Instructure publishes the keys of its production and beta environments.
INSTRUCTURE_JWKS_URL: Final = "https://8axpcl50e4.execute-api.us-east-1.amazonaws.com/main/jwks"

DAILY_SECONDS: Final = 86_400.0
#: However many tokens name unknown keys, the address is asked no more often than this.
LEAST_SECONDS: Final = 60.0
TIMEOUT_SECONDS: Final = 10.0
#: For a whole answer.
LONGEST_SECONDS: Final = 20.0

#: Gets the JWKS. Raises any exception; its type is logged, its text never.
Fetch = Callable[[], bytes]


class _NoRedirects(HTTPRedirectHandler):
    """Keys are taken from the configured address only, so a redirect is a failure."""

    def redirect_request(self, *_: object) -> None:
        return None


def from_url(url: str, *, seconds: float = LONGEST_SECONDS) -> Fetch:
    """Get it over HTTP(S), through the proxies of the environment. An answer is bounded.

    It is got in a thread of its own, which is left behind if it takes longer than `seconds`: an
    address may send a byte now and then, for ever.
    """
    opener = build_opener(_NoRedirects)

    def get(answered: Future[bytes], until: float) -> None:
        try:
            with opener.open(url, timeout=TIMEOUT_SECONDS) as answer:
                content = b""
                while (piece := answer.read1()) and len(content) <= MOST_JWKS:
                    content += piece
                    if monotonic() > until:  # no one waits for it any more
                        return
            answered.set_result(_bounded(content))
        except HTTPError as error:
            error.close()
            reason = f"the address answers with HTTP status {error.code}"
            answered.set_exception(KeysError(reason))
        except Exception as error:
            answered.set_exception(error)

    def fetch() -> bytes:
        answered: Future[bytes] = Future()
        arguments = (answered, monotonic() + seconds)
        threading.Thread(target=get, args=arguments, name="jwks", daemon=True).start()
        return answered.result(seconds)

    return fetch


def from_file(path: Path) -> Fetch:
    """Read it from a file. What is read is bounded."""

    def fetch() -> bytes:
        try:
            with path.open("rb") as file:
                return _bounded(file.read(MOST_JWKS + 1))
        except OSError as error:
            raise KeysError(f"{path} can't be read: {error.strerror}") from None

    return fetch


def _bounded(content: bytes) -> bytes:
    if len(content) > MOST_JWKS:
        raise KeysError(f"it is larger than {MOST_JWKS} bytes")
    return content


class KeySource:
    """Brings new keys into `SigningKeys`. Any thread may call `want`; one other calls `run_once`.

    While the source fails, the keys that are known stay in use.

    Args:
        every_seconds: how often it is asked while no key is missing.
        least_seconds: it is asked no more often than this.
    """

    def __init__(
        self,
        keys: SigningKeys,
        fetch: Fetch,
        *,
        clock: Clock,
        every_seconds: float = DAILY_SECONDS,
        least_seconds: float = LEAST_SECONDS,
    ) -> None:
        self._keys = keys
        self._fetch = fetch
        self._clock = clock
        self._every_seconds = every_seconds
        self._least_seconds = least_seconds
        self._wanted = threading.Event()
        self._tried = self._succeeded = float("-inf")
        #: True if the last attempt failed.
        self.is_failing = False

    def want(self) -> None:
        """A key is missing: ask for new ones soon. Never blocks."""
        self._wanted.set()

    @property
    def due(self) -> float:
        """`Clock.monotonic()` at which to ask next."""
        if self._wanted.is_set() or self.is_failing:
            return self._tried + self._least_seconds
        return self._succeeded + self._every_seconds

    def run_once(self) -> bool:
        """Ask now, if that is due; returns True if it was asked and answered. Blocks, never raises.

        The first call asks in any case.
        """
        if self._clock.monotonic() < self.due:
            return False
        self._tried = self._clock.monotonic()
        self._wanted.clear()
        try:
            new = self._keys.add(self._fetch())
        except Exception as error:
            known = len(self._keys)
            _log.warning(log_events.SIGNING_KEYS_FAILED, reason=reason_of(error), known=known)
            self.is_failing = True
            return False
        self._succeeded, self.is_failing = self._tried, False
        if new:
            _log.info(log_events.SIGNING_KEYS, new=new, known=len(self._keys))
        return True


def reason_of(error: Exception) -> str:
    """Why keys could not be had, without anything of a URL."""
    return str(error) if isinstance(error, KeysError) else reason_without_url(error)


def fetch_of(signed: SignedSettings) -> Fetch:
    """From the configured file or address, else from that of Instructure."""
    if signed.jwks_file is not None:
        return from_file(signed.jwks_file)
    return from_url(signed.jwks_url or INSTRUCTURE_JWKS_URL)


def source_of(signed: SignedSettings, keys: SigningKeys, *, clock: Clock) -> KeySource:
    """The configured source. A file needs no sparing: it is read more often than an address."""
    every, least = DAILY_SECONDS, LEAST_SECONDS
    if signed.jwks_file is not None:
        every, least = LEAST_SECONDS, 1.0
    return KeySource(keys, fetch_of(signed), clock=clock, every_seconds=every, least_seconds=least)

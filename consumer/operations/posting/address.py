"""The address that messages are posted to."""

from http.client import HTTPException
from typing import Final
from urllib.parse import SplitResult

from consumer.clock import Clock
from consumer.errors import EXIT_TRANSIENT, ConsumerError
from consumer.handlers.http import address as there
from consumer.handlers.http.address import reason_of
from consumer.handlers.http.connections import Connections

#: Canvas waits for a 2xx as long as this.
LIMIT_SECONDS: Final = 15.0
#: Why a try failed, if there was no answer in time.
LATE: Final = f"no answer within {LIMIT_SECONDS:g} s"


class UnreachableError(ConsumerError):
    """There is no connection to the address."""

    exit_code = EXIT_TRANSIENT


class Address:
    """Where messages are posted to. Any thread may call any method.

    Its path may be a secret: `str` gives only the host and the port. Certificates are checked
    against those that OpenSSL trusts on this machine (`SSL_CERT_FILE`).
    """

    def __init__(self, url: SplitResult, *, clock: Clock) -> None:
        self._there = there.Address(url)
        self._connections = Connections(
            self._there, clock=clock, seconds=LIMIT_SECONDS, connect_seconds=LIMIT_SECONDS
        )

    def __str__(self) -> str:
        return str(self._there)

    def check(self) -> None:
        """Connect once. Raises: `UnreachableError`."""
        try:
            self._connections.check()
        except OSError as error:
            raise UnreachableError(f"{self} can't be reached: {reason_of(error)}") from None

    def post(self, body: bytes) -> str:
        """Returns "" if it was accepted: a 2xx in time. Otherwise why not. Follows no redirect.

        What Canvas gives as its content type is not known, so there is none. A receiver must not
        depend on it.
        """
        try:
            status = self._connections.exchange(self._there.request("POST", {}, body)).status
        except TimeoutError:
            return LATE
        except (OSError, HTTPException) as error:
            return reason_of(error)
        return "" if 200 <= status < 300 else f"HTTP status {status}"

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

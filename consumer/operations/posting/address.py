"""The address that messages are posted to."""

from typing import Final
from urllib.parse import SplitResult

from consumer.clock import Clock
from consumer.errors import EXIT_TRANSIENT, ConsumerError
from consumer.handlers.http import client
from consumer.handlers.http.client import Client, NoAnswerError

#: Canvas waits for a 2xx as long as this.
LIMIT_SECONDS: Final = 15.0
#: Why a try failed, if there was no answer in time.
LATE: Final = f"no answer within {LIMIT_SECONDS:g} s"


class UnreachableError(ConsumerError):
    """There is no connection to the address."""

    exit_code = EXIT_TRANSIENT


class Address:
    """Where messages are posted to. Any thread may call any method.

    Its path may be a secret: `str` gives only the host and the port.
    """

    def __init__(self, url: SplitResult, *, clock: Clock) -> None:
        self._name = url.netloc
        self._client = Client(
            url, clock=clock, seconds=LIMIT_SECONDS, connect_seconds=LIMIT_SECONDS
        )

    def __str__(self) -> str:
        return self._name

    def check(self) -> None:
        """Connect once. Raises: `UnreachableError`."""
        try:
            self._client.check()
        except NoAnswerError as error:
            raise UnreachableError(f"{self} can't be reached: {error}") from None

    def post(self, body: bytes) -> str:
        """Returns "" if it was accepted: a 2xx in time. Otherwise why not. Follows no redirect.

        What Canvas gives as its content type is not known, so there is none. A receiver must not
        depend on it.
        """
        try:
            status = self._client.exchange("POST", {}, body).status
        except NoAnswerError as error:
            return LATE if str(error) == client.LATE else str(error)
        return "" if 200 <= status < 300 else f"HTTP status {status}"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

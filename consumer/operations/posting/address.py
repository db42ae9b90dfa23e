"""The address that messages are posted to, and a connection to it."""

import select
import socket
import ssl
from collections.abc import Callable
from http.client import HTTPException
from typing import Final
from urllib.parse import SplitResult

import consumer
from consumer.clock import Clock
from consumer.errors import EXIT_TRANSIENT, ConsumerError
from consumer.queues.sqs.answer import read_answer

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
        self._host = url.hostname or ""
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._name = url.netloc
        target = url._replace(scheme="", netloc="", path=url.path or "/", fragment="").geturl()
        agent = f"canvas-live-events-consumer/{consumer.__version__}"
        self._head = f"POST {target} HTTP/1.1\r\nHost: {url.netloc}\r\nUser-Agent: {agent}\r\n"
        self._tls = ssl.create_default_context() if url.scheme == "https" else None
        self.clock = clock

    def __str__(self) -> str:
        return self._name

    def check(self) -> None:
        """Connect once. Raises: `UnreachableError`."""
        try:
            self.connect(LIMIT_SECONDS).close()
        except OSError as error:
            raise UnreachableError(f"{self} can't be reached: {_reason_of(error)}") from None

    def connect(self, seconds: float) -> socket.socket:
        """A new connection. Raises `OSError`."""
        link = socket.create_connection((self._host, self._port), timeout=seconds)
        try:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                link = self._tls.wrap_socket(link, server_hostname=self._host)
        except BaseException:
            link.close()
            raise
        return link

    def request(self, body: bytes) -> bytes:
        """The whole request. What Canvas gives as its content type is not known, so there is none.

        A receiver must not depend on it.
        """
        return f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Link:
    """Posts one message at a time, over a connection that is kept open. For one thread."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._socket: socket.socket | None = None

    def post(self, body: bytes) -> str:
        """Returns "" if it was accepted: a 2xx in time. Otherwise why not. Follows no redirect."""
        clock = self._address.clock
        deadline = clock.monotonic() + LIMIT_SECONDS

        def left() -> float:
            if (seconds := deadline - clock.monotonic()) <= 0:
                raise TimeoutError
            return seconds

        try:
            status = self._exchange(body, left)
            left()
        except TimeoutError:
            self.close()
            return LATE
        except (OSError, HTTPException) as error:
            self.close()
            return _reason_of(error)
        return "" if 200 <= status < 300 else f"HTTP status {status}"

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, body: bytes, left: Callable[[], float]) -> int:
        if self._socket is not None and _has_more(self._socket):
            self.close()  # the receiver has closed it meanwhile, which is no fault
        link = self._socket = self._socket or self._address.connect(left())

        def receive() -> bytes:
            link.settimeout(left())
            return link.recv(65_536)

        link.settimeout(left())
        link.sendall(self._address.request(body))
        answer = read_answer(receive)
        if not answer.reusable:
            self.close()
        return answer.status


def _has_more(link: socket.socket) -> bool:
    poll = select.poll()
    poll.register(link, select.POLLIN)
    return bool(poll.poll(0))


def _reason_of(error: Exception) -> str:
    """Without anything of the URL or the answer."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    if isinstance(error, ConnectionError) and not error.strerror:
        return "the connection was closed without an answer"
    if isinstance(error, HTTPException):
        return "its answer is not HTTP"
    return getattr(error, "strerror", None) or type(error).__name__

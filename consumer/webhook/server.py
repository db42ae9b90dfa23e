"""The event loop with uvicorn, in a thread of its own: the main thread belongs to signals."""

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog
import uvicorn

from consumer import log_events
from consumer.clock import Clock
from consumer.config import TlsSettings
from consumer.errors import ConfigurationError, describe
from consumer.webhook.app import ANSWER_SECONDS, App
from consumer.webhook.protocol import REQUEST_SECONDS, BoundedProtocol

_log = structlog.get_logger(__name__)

#: How long a connection may be idle between two posts.
_KEEP_ALIVE_SECONDS: Final = 20
#: How long a stop may take: a post that is being sent, and its answer.
STOP_SECONDS: Final = REQUEST_SECONDS + ANSWER_SECONDS + 3.0
#: TLS: how long a client may take to begin, and to end.
_HANDSHAKE_SECONDS: Final = 5.0
_SHUTDOWN_SECONDS: Final = 3.0
_BEAT_SECONDS: Final = 1.0
_BACKLOG: Final = 1_024


def tls_of(tls: TlsSettings) -> ssl.SSLContext | None:
    """The certificate, if there is one. Raises: `ConfigurationError`."""
    if tls.certificate_file is None or tls.key_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    for key, path in (("certificate_file", tls.certificate_file), ("key_file", tls.key_file)):
        _check_readable(f"webhook.tls.{key}", path)
    try:
        # Without a password: OpenSSL would ask for it on the terminal.
        context.load_cert_chain(tls.certificate_file, tls.key_file, password=lambda: "")
    except (ssl.SSLError, ValueError):
        raise ConfigurationError(
            f"webhook.tls: {tls.certificate_file} and {tls.key_file} must be a certificate chain "
            "and its key, in PEM, without a password"
        ) from None
    return context


def _check_readable(key: str, path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise ConfigurationError(f"{key}: {path} can't be read: {error.strerror}") from None


class _Loop(asyncio.SelectorEventLoop):
    """uvicorn has no setting for how long TLS may take; asyncio's own is a minute."""

    async def create_server(self, *args: Any, **options: Any) -> asyncio.Server:
        if options.get("ssl") is not None:
            options["ssl_handshake_timeout"] = _HANDSHAKE_SECONDS
            options["ssl_shutdown_timeout"] = _SHUTDOWN_SECONDS
        return await super().create_server(*args, **options)


class WebServer:
    """The main thread calls all methods, and each of them once, but for `call_soon`."""

    def __init__(
        self,
        app: App,
        listeners: list[socket.socket],
        *,
        tls: ssl.SSLContext | None,
        clock: Clock,
    ) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it logs strangers' mistakes
        config = uvicorn.Config(
            app, http=BoundedProtocol, ws="none", lifespan="off", interface="asgi3",
            log_config=None, access_log=False, proxy_headers=False, server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS, backlog=_BACKLOG,
            timeout_graceful_shutdown=int(STOP_SECONDS),
        )  # fmt: skip
        config.load()
        config.ssl = tls
        self._server = uvicorn.Server(config)
        self._listeners = listeners
        self._clock = clock
        # uvloop does not make it faster: most of the time goes to signatures and to SQS.
        self._loop = _Loop()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._beat = clock.monotonic()

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def call_soon(self, call: Callable[..., object], *arguments: Any) -> None:
        """Have the loop call it. Any thread. Raises `RuntimeError` when the loop has ended."""
        self._loop.call_soon_threadsafe(call, *arguments)

    @property
    def is_alive(self) -> bool:
        """False after it has ended; by itself only because of a bug."""
        return self._thread.is_alive()

    @property
    def silent_seconds(self) -> float:
        """How long the loop has not had its turn."""
        return self._clock.monotonic() - self._beat

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._server.server_state.connections)

    def stop(self) -> None:
        """Take no more connections, and answer what is under way. Returns at once."""
        self._server.should_exit = True

    def stop_now(self) -> None:
        """Do not wait for what is under way."""
        self._server.should_exit = self._server.force_exit = True

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:
            _log.critical(log_events.LOOP_DIED, part="webhook", **describe(error), exc_info=error)
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        beat = asyncio.create_task(self._beats())
        try:
            await self._server.serve(sockets=self._listeners)
        finally:
            beat.cancel()

    async def _beats(self) -> None:
        while True:
            self._beat = self._clock.monotonic()
            await asyncio.sleep(_BEAT_SECONDS)

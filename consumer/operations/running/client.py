"""Finds the control socket of a running daemon, and sends requests to it."""

import json
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from consumer.config import load
from consumer.directories import CONTROL_SOCKET, user_name
from consumer.errors import EXIT_PERMISSION, EXIT_TRANSIENT, ConsumerError

#: The runtime directory of the unit in systemd/; with "-NAME" that of an instance.
UNIT_DIRECTORY: Final = Path("/run/canvas-live-events-consumer")
#: How long one answer may take.
_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.1


class NotRunningError(ConsumerError):
    """Nothing listens on the control socket."""

    exit_code = 3  # as `systemctl status`


class NotAllowedError(ConsumerError):
    """The control socket belongs to another user."""

    exit_code = EXIT_PERMISSION


class NoAnswerError(ConsumerError):
    """The daemon did not answer in time, or ended meanwhile."""

    exit_code = EXIT_TRANSIENT


class RefusedError(ConsumerError):
    """The daemon does not do that, and says why."""

    exit_code = 1


def control_sockets(
    environ: Mapping[str, str],
    *,
    path: Path | None = None,
    instance: str | None = None,
    config: Path | None = None,
) -> list[Path]:
    """Where the daemon may listen: the first that does is meant.

    With nothing given, a daemon with the default configuration in this directory, then the unit.

    Raises: `ConfigurationError`.
    """
    if path is not None:
        return [path]
    if instance is not None:
        return [UNIT_DIRECTORY.with_name(f"{UNIT_DIRECTORY.name}-{instance}") / CONTROL_SOCKET]
    settings = load(config, environ=environ, overrides={}, outside_service=True).settings
    own = settings.state_directory / CONTROL_SOCKET
    return [own] if config is not None else [own, UNIT_DIRECTORY / CONTROL_SOCKET]


class RunningDaemon:
    """A daemon that listens on one of these sockets. Each request is a connection of its own."""

    def __init__(self, sockets: Sequence[Path]) -> None:
        self._sockets = sockets

    def get(self, path: str) -> dict[str, Any]:
        """What it reports. Raises: `ConsumerError`."""
        with self._request("GET", path) as response:
            return _content(response)

    def post(self, path: str) -> dict[str, Any]:
        """Let it do something. Raises: `ConsumerError`."""
        with self._request("POST", path) as response:
            return _content(response)

    @contextmanager
    def stream(self, path: str, query: Mapping[str, str]) -> Iterator[Iterator[dict[str, Any]]]:
        """The lines that it sends, until it ends. Raises: `ConsumerError`."""
        with self._request("GET", f"{path}?{urlencode(query)}", stream=True) as response:
            yield map(_parsed, iter(response.readline, b""))

    def drain(self, before_waiting: Callable[[], None] | None) -> dict[str, Any]:
        """Ask it to drain, and wait until its process has ended. Raises: `ConsumerError`.

        Args:
            before_waiting: called when it drains; None does not wait.
        """
        with closing(self._connect()) as connection:
            process = _process_of(connection)
        try:
            try:
                done = self.post("/drain")
            except NoAnswerError:
                if process is None or not _has_ended(process, _SECONDS):
                    raise
                return {"draining": True, "changed": True}  # it was quicker than its answer
            if before_waiting is not None:
                before_waiting()
                self._wait_for_end(process)
        finally:
            if process is not None:
                os.close(process)
        return done

    def _wait_for_end(self, process: int | None) -> None:
        if process is not None:
            _has_ended(process, None)
            return
        while True:  # its process can't be seen from here, as from another container
            try:
                self._connect().close()
            except NotRunningError:
                return
            time.sleep(_LOOK_SECONDS)

    @contextmanager
    def _request(self, method: str, target: str, *, stream: bool = False) -> Iterator[HTTPResponse]:
        connection = HTTPConnection("localhost")
        channel = connection.sock = self._connect()
        with closing(channel), closing(connection):
            try:
                connection.request(method, target)
                response = connection.getresponse()
                if response.status != 200:
                    why = _content(response).get("error", f"it answers {response.status}")
                    raise RefusedError(f"the daemon refuses: {why}")
                if stream:
                    channel.settimeout(None)
                yield response
            except (OSError, HTTPException) as error:
                raise NoAnswerError(f"the daemon does not answer: {type(error).__name__}") from None

    def _connect(self) -> socket.socket:
        for path in self._sockets:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.settimeout(_SECONDS)
                connection.connect(os.fspath(path))
            except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
                connection.close()
            except PermissionError:
                connection.close()
                user = user_name(os.geteuid())
                raise NotAllowedError(
                    f"{user} may not use the control socket {path}: run this as the daemon's user, "
                    "or with sudo"
                ) from None
            except OSError as error:
                connection.close()
                raise NoAnswerError(f"no connection to {path}: {error}") from None
            else:
                return connection
        places = " or ".join(map(str, self._sockets))
        raise NotRunningError(
            f"no daemon runs: nothing listens on {places}; for the systemd unit, leave out "
            "--config or give --instance NAME; for any other daemon, give --socket PATH"
        )


def _process_of(connection: socket.socket) -> int | None:
    """A descriptor that can be read once the process at the other end has ended; None: unknown."""
    try:
        size = struct.calcsize("3i")
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return os.pidfd_open(struct.unpack("3i", credentials)[0])
    except (AttributeError, OSError):
        return None


def _has_ended(process: int, seconds: float | None) -> bool:
    """True once it has; waits for that, for `seconds` at most."""
    return bool(select.select([process], [], [], seconds)[0])


def _content(response: HTTPResponse) -> dict[str, Any]:
    return _parsed(response.read())


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    return content if isinstance(content, dict) else {}

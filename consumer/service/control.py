"""The control socket: a running daemon reports its status, and is paused, resumed and drained.

A Unix socket in a private directory, with a small HTTP server: who may open the file may use it.
"""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import structlog

from consumer import log_events
from consumer.directories import CONTROL_SOCKET
from consumer.engine.status import Status
from consumer.errors import ConfigurationError
from consumer.service.engine import Engine
from consumer.service.http.listeners import listen_unix
from consumer.service.http.server import MOST_CONNECTIONS, HttpServer, Response, Route
from consumer.service.monitoring.facts import Facts
from consumer.service.monitoring.snapshot import snapshot_of
from consumer.service.signals import StopSignals
from consumer.service.tap_stream import tap_lines, wanted, words

_log = structlog.get_logger(__name__)

#: The server's other connections are for commands: however many look on, it can be drained.
MOST_TAPS: Final = MOST_CONNECTIONS - 3

JSON: Final = "application/json"
JSON_LINES: Final = "application/x-ndjson"


def control_socket(state_directory: Path, environ: Mapping[str, str]) -> Path:
    """Where the daemon listens: in the runtime directory that systemd made, if it did."""
    runtime = environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(runtime or state_directory).absolute() / CONTROL_SOCKET


def open_control(
    path: Path, engine: Engine, signals: StopSignals, read: Callable[[], Facts]
) -> "Control | None":
    """Listen. None if that is not possible, which is logged: the daemon works without it."""
    try:
        return Control(path, engine, signals, read)
    except (ConfigurationError, OSError, RuntimeError, MemoryError) as error:
        hint = "commands such as `consume status` can't reach this daemon; it works without them"
        _log.warning(log_events.CONTROL_OFF, reason=str(error), hint=hint)
        return None


class Control:
    """A companion of the daemon. Threads of its server call the routes."""

    def __init__(
        self, path: Path, engine: Engine, signals: StopSignals, read: Callable[[], Facts]
    ) -> None:
        self._engine = engine
        self._signals = signals
        self._ready = False
        routes: dict[str, Route] = {
            "GET /status": lambda _: _json(snapshot_of(read())),
            "POST /pause": lambda _: self._pause(paused=True),
            "POST /resume": lambda _: self._pause(paused=False),
            "POST /drain": self._drain,
            "GET /tap": self._tap,
        }
        self._server = HttpServer(listen_unix(path), routes, name="control")
        try:
            self._server.start()
        except BaseException:
            self._server.close()
            raise

    def look(self, status: Status) -> None:
        """Called by the main thread."""
        self._ready = status.ready

    def close(self, exit_code: int) -> None:  # noqa: ARG002 - a companion's method
        """Stop listening, and remove the socket."""
        self._server.close()

    def _pause(self, *, paused: bool) -> Response:
        if paused and not self._ready:
            # systemd waits for the first receive, and would end a start without one.
            return _error(HTTPStatus.CONFLICT, "it still starts: it has not received anything yet")
        changed = self._engine.pause(paused=paused)
        if changed:
            _log.info(log_events.PAUSED if paused else log_events.RESUMED)
            self._signals.wake()
        return _json({"paused": paused, "changed": changed})

    def _drain(self, _query: Mapping[str, str]) -> Response:
        changed = not self._signals.reason
        self._signals.request()
        return _json({"draining": True, "changed": changed})

    def _tap(self, query: Mapping[str, str]) -> Response:
        parts = self._engine.worker.parts
        if len(parts.tap.viewers) >= MOST_TAPS:
            why = f"{MOST_TAPS} taps are open: end one of them"
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, why)
        names = [handler.name for handler in parts.registry.handlers]
        handlers = words(query.get("handler", ""))
        if unknown := [name for name in handlers if name not in names]:
            why = f"there is no handler {unknown[0]!r}; there is: {', '.join(names)}"
            return _error(HTTPStatus.NOT_FOUND, why)
        wants = wanted(query.get("events", ""), handlers)
        lines = tap_lines(parts.tap, wants, with_body=query.get("body") == "1")
        return Response(content_type=JSON_LINES, body=lines)


def _json(facts: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(status, JSON, json.dumps(facts).encode() + b"\n")


def _error(status: HTTPStatus, why: str) -> Response:
    return _json({"error": why}, status)

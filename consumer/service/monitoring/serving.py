"""What is served to monitoring systems: metrics, health checks, the status; over HTTP or a file."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.config import MetricsSettings
from consumer.config.urls import host_and_port
from consumer.directories import check_writable, replace_file
from consumer.engine.status import Status
from consumer.errors import ConfigurationError
from consumer.service.companions import Companion
from consumer.service.depth import Depths
from consumer.service.http.listeners import listen_tcp
from consumer.service.http.server import TEXT, HttpServer, Response, Route
from consumer.service.monitoring.facts import Facts
from consumer.service.monitoring.page import page
from consumer.service.monitoring.snapshot import snapshot_of

if TYPE_CHECKING:
    from consumer.service.monitoring.metrics import Metrics

_log = structlog.get_logger(__name__)

#: How often the file for node_exporter is written; Prometheus reads it about as often.
TEXTFILE_SECONDS: Final = 15.0

METRICS_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"

Read = Callable[[], Facts]


@contextmanager
def listening(metrics: MetricsSettings) -> Iterator[socket.socket | None]:
    """The listening socket, if one is configured; also checks that the file can be written.

    Before the first message is received: what is wrong is reported at once.

    Raises: `ConfigurationError`.
    """
    if metrics.textfile is not None:
        folder = metrics.textfile.absolute().parent
        if not folder.is_dir():
            raise ConfigurationError(f"metrics.textfile: there is no directory {folder}")
        check_writable(folder, "the metrics", "metrics.textfile")
    address = host_and_port(metrics.listen or "")
    if address is None:
        yield None
        return
    with listen_tcp(*address) as listener:
        yield listener


def metrics_companions(
    metrics: MetricsSettings,
    listener: socket.socket | None,
    read: Read,
    depths: Depths,
    clock: Clock,
) -> list[Companion]:
    """What is configured to give metrics. Raises: `RuntimeError` without threads for them."""
    companions: list[Companion] = []
    if listener is not None:
        companions.append(Listener(listener, read))
    if metrics.textfile is not None:
        companions.append(Textfile(metrics.textfile, _metrics(read).text, clock=clock))
    if companions:  # its requests are paid for
        depths.start()
        companions.append(depths)
    return companions


def _metrics(read: Read) -> "Metrics":
    """Only where they are wanted: Prometheus' library takes 60 ms to load."""
    from consumer.service.monitoring.metrics import Metrics  # noqa: PLC0415 - see above

    return Metrics(read)


def routes(read: Read) -> Mapping[str, Route]:
    """What the metrics listener answers."""
    metrics, status_page = _metrics(read), page()
    return {
        "GET /": lambda _: status_page,
        "GET /metrics": lambda _: metrics_response(metrics.text()),
        "GET /healthz": lambda _: _healthz(read()),
        "GET /readyz": lambda _: _readyz(read()),
        "GET /status": lambda _: status_response(read()),
    }


def metrics_response(text: bytes) -> Response:
    """The metrics, as Prometheus wants them."""
    return Response(content_type=METRICS_TEXT, body=text)


def status_response(facts: Facts) -> Response:
    """The snapshot, as `/status` and the control socket give it."""
    body = json.dumps(snapshot_of(facts), allow_nan=False).encode()
    return Response(content_type="application/json", body=body)


def _healthz(facts: Facts) -> Response:
    return health_response(facts.problems)


def _readyz(facts: Facts) -> Response:
    return health_response(() if facts.ready else (facts.state, *facts.problems))


def health_response(reasons: tuple[str, ...]) -> Response:
    """200, or 503 with what is wrong."""
    status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
    return Response(status, TEXT, "".join(f"{reason}\n" for reason in reasons or ("ok",)).encode())


class Listener:
    """A companion of the daemon: answers on a listening socket, which it closes."""

    def __init__(self, listener: socket.socket, read: Read) -> None:
        self._server = HttpServer(listener, routes(read), name="metrics")
        self._server.start()

    def look(self, status: Status) -> None:
        """Nothing is to be done."""

    def close(self, exit_code: int) -> None:  # noqa: ARG002 - a companion's method
        """Stop listening."""
        self._server.close()


class Textfile:
    """A companion of the daemon: writes the metrics for node_exporter's textfile collector.

    In a thread of its own: a disk that hangs delays nothing. The last file stays when the process
    ends; node_exporter reports how old it is.
    """

    def __init__(self, path: Path, text: Callable[[], bytes], *, clock: Clock) -> None:
        self._path = path
        self._text = text
        self._clock = clock
        self._closed = threading.Event()
        self._failed = False
        threading.Thread(target=self._run, name="metrics-file", daemon=True).start()

    def look(self, status: Status) -> None:
        """Nothing is to be done."""

    def close(self, exit_code: int) -> None:  # noqa: ARG002 - a companion's method
        """Write no more."""
        self._closed.set()

    def write(self) -> None:
        """Replace the file as a whole. A failure is logged once, until it can be written again."""
        try:
            replace_file(self._path, self._text(), mode=0o644)  # node_exporter's user reads
        except Exception as error:  # also a bug: this thread goes on
            if not self._failed:
                code, path = type(error).__name__, str(self._path)
                _log.warning(log_events.TEXTFILE_FAILED, code=code, path=path)
            self._failed = True
        else:
            self._failed = False

    def _run(self) -> None:
        while not self._closed.is_set():
            self.write()
            self._clock.wait(self._closed, TEXTFILE_SECONDS)

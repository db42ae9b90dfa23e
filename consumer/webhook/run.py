"""From settings to a running webhook: builds the parts, checks the queue, runs to the end."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Final

import structlog

import consumer
from consumer import log_events
from consumer.clock import Clock
from consumer.config import QuarantineSettings, Settings
from consumer.config.urls import host_and_port
from consumer.directories import check_directories
from consumer.errors import ConfigurationError
from consumer.queues.rules import address_of
from consumer.service.http.listeners import inherited, listen_tcp
from consumer.service.monitoring.serving import listening
from consumer.service.signals import StopSignals
from consumer.service.start import Start
from consumer.service.systemd import Notifier
from consumer.signatures.keys import open_keys
from consumer.signatures.source import source_of
from consumer.webhook.acceptance import Acceptance
from consumer.webhook.app import App
from consumer.webhook.batches import Batches
from consumer.webhook.kept import COUNTS_FILE, KeptTally, open_tally
from consumer.webhook.keyring import Keyring
from consumer.webhook.life import Life
from consumer.webhook.monitoring import monitored
from consumer.webhook.server import WebServer, tls_of

_log = structlog.get_logger(__name__)

#: For calls to SQS: an answer that comes later is too late for Canvas.
_SEND_SECONDS: Final = 5.0
_CONNECT_SECONDS: Final = 3.0


def run(
    settings: Settings,
    *,
    clock: Clock,
    environ: Mapping[str, str],
    flush_repeats: Callable[[], None] = lambda: None,
    on_tick: Callable[[], None] = lambda: None,
) -> int:
    """Receive posts until a signal comes; returns the exit code. Called in the main thread.

    Of `environ`, only systemd's own variables are read. Raises: `ConsumerError` with its exit code
    if it can't be started.
    """
    _check(settings)
    tls, batches = tls_of(settings.webhook.tls), Batches(clock)
    file = settings.state_directory / COUNTS_FILE
    tally = open_tally(file, clock)
    acceptance = _acceptance(settings, clock)
    app = App(acceptance, batches, tally, clock=clock)
    notifier, signals = Notifier(environ), StopSignals()
    start = Start(_for_sending(settings), clock=clock, notifier=notifier, signals=signals)
    with (
        signals.installed(),
        _listening(settings, environ) as listeners,
        listening(settings.metrics) as metrics,
        closing(start),
        monitored(settings.metrics, metrics, tally, batches, clock=clock),
        closing(KeptTally(tally, file, clock=clock)) as kept,
    ):
        server = WebServer(app, listeners, tls=tls, clock=clock)
        life = Life(server, batches, tally, notifier=notifier, signals=signals, clock=clock)
        _log_starting(settings, listeners)
        with _taking_posts(server, batches, acceptance):
            try:
                if (queue := start.open()) is not None:
                    batches.start(queue.transport, server.call_soon)
                    life.run(settings.engine.summary_interval_seconds, kept, flush_repeats, on_tick)
            finally:
                code = life.stop()
    return code


@contextmanager
def _taking_posts(server: WebServer, batches: Batches, acceptance: Acceptance) -> Iterator[None]:
    """Until `batches` are started, posts wait; they get 503 if that takes too long."""
    server.start()
    with closing(batches), closing(acceptance):
        acceptance.start(server.call_soon)
        yield


def _check(settings: Settings) -> None:
    check_directories(settings.state_directory, None)
    if settings.queue.signed.mode == "required":
        raise ConfigurationError(
            "queue.signed.mode: required: the webhook verifies signatures itself, and puts the "
            "events into the queue without them: remove it here and from the configuration of the "
            "daemon, which would refuse them"
        )


def _acceptance(settings: Settings, clock: Clock) -> Acceptance:
    webhook, signed = settings.webhook, settings.queue.signed
    path = webhook.secret_path.get_secret_value() if webhook.secret_path else None
    if not webhook.require_signature:
        return Acceptance(None, path)
    keys = open_keys(settings.state_directory, clock=clock)
    return Acceptance(Keyring(keys, source_of(signed, keys, clock=clock), clock=clock), path)


def _for_sending(settings: Settings) -> Settings:
    """What is for receives only is left out; calls take seconds at most."""
    queue = settings.queue
    times = {
        "wait_time_seconds": 0,
        "read_timeout_seconds": _SEND_SECONDS,
        "connect_timeout_seconds": min(queue.connect_timeout_seconds, _CONNECT_SECONDS),
    }
    changed = {"queue": queue.model_copy(update=times), "quarantine": QuarantineSettings()}
    return settings.model_copy(update=changed)


@contextmanager
def _listening(settings: Settings, environ: Mapping[str, str]) -> Iterator[list[socket.socket]]:
    """The sockets that systemd holds, so that a restart drops no connection; else one of ours."""
    listeners = inherited(environ)
    address = host_and_port(settings.webhook.listen)
    if not listeners and address is not None:
        listeners = [listen_tcp(*address)]
    try:
        yield listeners
    finally:
        for listener in listeners:
            listener.close()


def _log_starting(settings: Settings, listeners: list[socket.socket]) -> None:
    address = address_of(settings.queue, settings.aws)
    _log.info(
        log_events.STARTING,
        version=consumer.__version__,
        queue=address.name,
        region=address.region,
        listen=[_name_of(listener) for listener in listeners],
        signed=settings.webhook.require_signature,
    )


def _name_of(listener: socket.socket) -> str:
    if listener.family == socket.AF_UNIX:
        return str(listener.getsockname())
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

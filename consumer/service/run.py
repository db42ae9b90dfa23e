"""From settings to a running daemon: builds the parts, checks the queue, runs to the end."""

from __future__ import annotations

import ctypes
import gc
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import structlog
import tenacity

import consumer
from consumer import log_events
from consumer.engine.parts import RunOptions
from consumer.engine.worker import Worker
from consumer.errors import EXIT_OK, TransportError
from consumer.handlers.loading.lint import unmatched_patterns
from consumer.handlers.loading.loader import archive_unmatched, build_registry
from consumer.ledger.ledger import open_ledger
from consumer.queues.quarantine import DirectoryQuarantine, QueueQuarantine
from consumer.queues.rules import quarantine_address, quarantine_queue
from consumer.queues.sqs import check_queue, connect
from consumer.queues.sqs.sender import connect_sender
from consumer.service.daemon import Daemon
from consumer.service.signals import StopSignals
from consumer.service.systemd import Notifier
from consumer.writable import check_writable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from consumer.clock import Clock
    from consumer.config import Settings
    from consumer.engine.status import Status
    from consumer.handlers.registering.registry import Registry
    from consumer.queues.quarantine import Quarantine
    from consumer.queues.sqs import SqsTransport
    from consumer.queues.sqs.preflight import QueueCheck

_log = structlog.get_logger(__name__)

#: Of glibc's mallopt(3).
_M_ARENA_MAX = -8

#: What SQS uses where a queue says nothing else.
DEFAULT_VISIBILITY_SECONDS = 30
#: The longest pause between two attempts to reach the queue at the start.
CHECK_PAUSE_SECONDS = 15


def run(
    settings: Settings,
    *,
    clock: Clock,
    environ: Mapping[str, str],
    max_messages: int | None = None,
    drain_when_empty: bool = False,
    registry: Registry | None = None,
    flush_repeats: Callable[[], None] = lambda: None,
    on_tick: Callable[[Status], None] = lambda _status: None,
) -> int:
    """Run the daemon in this thread, the main thread; returns the exit code.

    Args:
        environ: where systemd's own variables are looked up, nothing else.
        registry: handlers made in the program, instead of those of `settings`.

    Raises: `ConsumerError` with its exit code if it can't be started.
    """
    _tune_memory()
    state = settings.state_directory
    check_writable(state, "the state directory", "state_directory")
    if registry is None:
        registry = build_registry(settings.handlers, state_directory=state)
    if settings.unmatched == "archive":
        archive_unmatched(registry, state_directory=state, clock=clock)
    transport = _connect(settings, registry, clock)
    quarantine = _quarantine(settings, clock)
    notifier, signals = Notifier(environ), StopSignals()
    try:
        with signals.installed():
            check = _check_unless_stopped(transport, settings, clock, notifier, signals)
            if check is None:
                return EXIT_OK
            with closing(open_ledger(settings.state_directory, clock=clock)) as ledger:
                options = RunOptions(
                    visibility_timeout_seconds=_visibility(settings, check),
                    read_timeout_seconds=settings.queue.effective_read_timeout_seconds,
                    max_messages=max_messages,
                    until_empty=drain_when_empty,
                )
                worker = Worker(
                    transport,
                    registry,
                    settings,
                    options,
                    clock=clock,
                    ledger=ledger,
                    quarantine=quarantine,
                )
                return Daemon(
                    worker,
                    notifier=notifier,
                    signals=signals,
                    clock=clock,
                    summary_interval_seconds=settings.engine.summary_interval_seconds,
                    flush_repeats=flush_repeats,
                    on_tick=on_tick,
                ).run()
    finally:
        transport.close()
        if quarantine is not None:
            quarantine.close()


def _tune_memory() -> None:
    """For this process, whose threads are many and whose objects live short."""
    # What a message leaves behind is no garbage in cycles. By default each 700 objects are searched
    # for it, which is a tenth of the CPU time of a message that lives on in a batch.
    gc.set_threshold(20_000, 20, 100)
    with suppress(AttributeError, OSError):  # not glibc
        # By default up to eight heaps a core, none of which gives back what others could use.
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def _connect(settings: Settings, registry: Registry, clock: Clock) -> SqsTransport:
    engine = settings.engine
    connections = engine.workers + engine.max_pollers + 4
    transport = connect(settings.queue, settings.aws, max_connections=connections, clock=clock)
    handlers = [handler for handler in registry.handlers if not handler.unmatched]
    takes_all = any(handler.takes_all for handler in handlers)
    _log.info(
        log_events.STARTING,
        version=consumer.__version__,
        queue=transport.name,
        region=transport.region,
        handlers={h.name: list(h.patterns) for h in handlers},
        **({} if takes_all else {"unmatched": settings.unmatched}),
    )
    for warning in unmatched_patterns(handlers):
        _log.warning(log_events.CONFIG_WARNING, reason=warning)
    return transport


def _check_unless_stopped(
    transport: SqsTransport,
    settings: Settings,
    clock: Clock,
    notifier: Notifier,
    signals: StopSignals,
) -> QueueCheck | None:
    """The check of the queue, or None if a signal came first: there is nothing to drain yet."""
    try:
        with signals.interrupting():
            return _check(transport, settings, clock, notifier)
    except KeyboardInterrupt:
        notifier.stopping("stopped before the first receive")
        _log.info(log_events.STOPPED, reason="signal", exit_code=EXIT_OK)
        return None


def _check(
    transport: SqsTransport, settings: Settings, clock: Clock, notifier: Notifier
) -> QueueCheck:
    """Ask the queue about itself before the first receive.

    A network that is not up yet at boot is waited for, `engine.fatal_grace_seconds` in all; then
    systemd starts us again (exit 75).
    """
    deadline = clock.monotonic() + settings.engine.fatal_grace_seconds

    def tell_attempt(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        code = getattr(error, "code", "")
        _log.warning(
            log_events.QUEUE_CHECK_FAILED,
            code=code,
            reason=str(error),
            attempt=state.attempt_number,
            next_attempt_seconds=state.upcoming_sleep,
        )
        notifier.status(f"the queue can't be reached ({code}), trying on")

    def pause(seconds: float) -> None:
        clock.wait(threading.Event(), seconds)

    retrying = tenacity.Retrying(
        stop=lambda state: clock.monotonic() + state.upcoming_sleep > deadline,
        wait=tenacity.wait_exponential(multiplier=1, max=CHECK_PAUSE_SECONDS),
        retry=tenacity.retry_if_exception(
            lambda error: isinstance(error, TransportError) and not error.fatal
        ),
        before_sleep=tell_attempt,
        sleep=pause,
        reraise=True,
    )
    check = retrying(
        check_queue,
        transport,
        read_timeout_seconds=settings.queue.effective_read_timeout_seconds,
        visibility_timeout_seconds=settings.queue.visibility_timeout_seconds,
        has_quarantine=settings.quarantine.is_set,
    )
    _tell_check(check)
    return check


def _tell_check(check: QueueCheck) -> None:
    _log.info(
        log_events.QUEUE_CHECK,
        visible=check.attributes.visible_messages,
        in_flight=check.attributes.in_flight_messages,
        dead_letter_queue=check.attributes.dead_letter_queue,
        max_receive_count=check.attributes.max_receive_count,
    )
    for warning in check.warnings:
        _log.warning(log_events.QUEUE_WARNING, reason=warning)


def _quarantine(settings: Settings, clock: Clock) -> Quarantine | None:
    configured = settings.quarantine
    if configured.queue_url is not None:
        quarantine_address(configured.queue_url, settings.aws)  # names what is wrong with the URL
        return QueueQuarantine(
            connect_sender(*quarantine_queue(configured.queue_url, settings.aws))
        )
    if configured.directory is not None:
        return DirectoryQuarantine(settings.state_directory / configured.directory, clock=clock)
    return None


def _visibility(settings: Settings, check: QueueCheck) -> int:
    """The visibility timeout to send with each receive and renewal; never none at all."""
    configured = settings.queue.visibility_timeout_seconds
    return configured or check.attributes.visibility_timeout_seconds or DEFAULT_VISIBILITY_SECONDS

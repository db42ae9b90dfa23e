"""From settings to a running daemon: builds the parts, checks the queue, runs to the end."""

import gc
import os
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import replace

import structlog

import consumer
from consumer import log_events
from consumer.clock import Clock
from consumer.config import Settings
from consumer.directories import check_directories
from consumer.engine.parts import Parts
from consumer.engine.receive import RunOptions
from consumer.engine.status import Status
from consumer.engine.worker import Worker
from consumer.errors import EXIT_BUG, EXIT_OK
from consumer.handlers.loading.loader import archive_unmatched, build_registry, unmatched_patterns
from consumer.handlers.registering.registry import Registry
from consumer.ledger.ledger import open_ledger
from consumer.queues.rules import address_of
from consumer.queues.sqs import QueueCheck
from consumer.service.companions import Companion, Companions
from consumer.service.daemon import Daemon
from consumer.service.ping import Ping
from consumer.service.signals import StopSignals
from consumer.service.signing import Signing, open_signing
from consumer.service.silence import watch_silence
from consumer.service.start import Start
from consumer.service.systemd import Notifier

_log = structlog.get_logger(__name__)


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
    # Messages leave no garbage in cycles; a search each 700 objects would take a tenth of the time.
    gc.set_threshold(20_000, 20, 100)
    state = settings.state_directory
    check_directories(state, settings.quarantine.directory)
    if registry is None:
        registry = build_registry(settings.handlers, state_directory=state)
    if settings.unmatched == "archive":
        archive_unmatched(registry, state_directory=state)
    signing = open_signing(settings, clock=clock)
    notifier, signals = Notifier(environ), StopSignals()
    start = Start(settings, clock=clock, notifier=notifier, signals=signals)
    with signals.installed(), closing(start):
        _log_starting(settings, registry)
        check = start.check()
        if check is None or start.transport is None:
            notifier.stopping("stopped before the first receive")
            _log.info(log_events.STOPPED, reason="signal", exit_code=EXIT_OK)
            return EXIT_OK
        _log_check(check)
        options = _options(settings, check, max_messages, until_empty=drain_when_empty)
        if signing is not None:
            options = replace(options, unsealing=signing.unsealing)
            signing.begin(stopped=lambda: bool(signals.count))
        with closing(open_ledger(state, clock=clock)) as ledger:
            parts = Parts(
                start.transport, registry, settings, options,
                clock=clock, ledger=ledger, quarantine=start.quarantine,
            )  # fmt: skip
            companions = Companions(_companions(settings, clock, signing))

            def look(status: Status) -> None:
                on_tick(status)
                companions.look(status)

            daemon = Daemon(
                Worker(parts), notifier=notifier, signals=signals, clock=clock,
                summary_interval_seconds=settings.engine.summary_interval_seconds,
                flush_repeats=flush_repeats, on_tick=look,
            )  # fmt: skip
            code = EXIT_BUG
            try:
                code = daemon.run()
            finally:
                companions.close(code)
            return code


def _companions(settings: Settings, clock: Clock, signing: Signing | None) -> list[Companion]:
    """What is configured to run beside the engine."""
    companions: list[Companion] = [watch_silence(settings.state_directory, clock=clock)]
    if signing is not None:
        companions.append(signing)
    ping = settings.ping
    if ping.url is not None:
        url = ping.url.get_secret_value()
        companions.append(Ping(url, interval_seconds=ping.interval_seconds, clock=clock))
    return companions


def _log_starting(settings: Settings, registry: Registry) -> None:
    address = address_of(settings.queue, settings.aws)
    handlers = [handler for handler in registry.handlers if not handler.unmatched]
    takes_all = any(handler.takes_all for handler in handlers)
    _log.info(
        log_events.STARTING,
        version=consumer.__version__,
        queue=address.name,
        region=address.region,
        handlers={h.name: list(h.patterns) for h in handlers},
        **({} if takes_all else {"unmatched": settings.unmatched}),
    )
    for warning in unmatched_patterns(handlers):
        _log.warning(log_events.CONFIG_WARNING, reason=warning)


def _log_check(check: QueueCheck) -> None:
    queue = check.attributes
    _log.info(
        log_events.QUEUE_CHECK,
        visible=queue.visible_messages, in_flight=queue.in_flight_messages,
        dead_letter_queue=queue.dead_letter_queue, max_receive_count=queue.max_receive_count,
    )  # fmt: skip
    for warning in check.warnings:
        _log.warning(log_events.QUEUE_WARNING, reason=warning)


def _options(
    settings: Settings, check: QueueCheck, max_messages: int | None, *, until_empty: bool
) -> RunOptions:
    queue = settings.queue
    return RunOptions(
        visibility_timeout_seconds=queue.visibility_timeout_seconds
        or check.attributes.visibility_timeout_seconds
        or 30,  # SQS's own default
        max_messages=max_messages,
        until_empty=until_empty,
    )


def end_in_time(
    code: int,
    *,
    before: Collection[threading.Thread],
    seconds: float = 10.0,
    leave: Callable[[int], object] = os._exit,
) -> threading.Thread | None:
    """Make sure that the process ends with this exit code, after `seconds` at the latest.

    Python waits for every non-daemon thread, and for all threads of a ThreadPoolExecutor. One that
    a handler has started and that hangs must not delay the restart.

    Args:
        before: threads to ignore: those that ran before the handlers.

    Returns:
        The thread that watches; None if there is nothing to wait for.
    """
    left = [thread for thread in threading.enumerate() if thread not in before]
    if not left:
        return None

    def watch() -> None:
        threading.Event().wait(seconds)
        if running := sum(thread.is_alive() for thread in left):
            hint = "started by a handler and still running: ended without waiting for them"
            _log.warning(log_events.THREADS_LEFT, threads=running, hint=hint)
            leave(code)

    watcher = threading.Thread(target=watch, name="ending", daemon=True)
    watcher.start()
    return watcher

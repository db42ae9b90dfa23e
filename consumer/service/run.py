"""From settings to a running daemon: builds the parts, checks the queue, runs to the end."""

import gc
import importlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

import consumer
from consumer import log_events
from consumer.clock import Clock
from consumer.config import Loaded, MetricsSettings, Settings
from consumer.directories import check_directories
from consumer.engine.parts import Parts
from consumer.engine.run_options import RunOptions
from consumer.engine.status import Status
from consumer.engine.tap import Tap
from consumer.engine.worker import Worker
from consumer.errors import EXIT_BUG, EXIT_OK
from consumer.handlers.loading.loader import (
    UNMATCHED,
    archive_unmatched,
    build_registry,
    unmatched_patterns,
)
from consumer.handlers.registering.registry import Registry
from consumer.ledger.ledger import Ledger, open_ledger
from consumer.queues.quarantine import Quarantine
from consumer.queues.rules import address_of
from consumer.queues.sqs import AwsClients, QueueCheck
from consumer.queues.transport import Transport
from consumer.service.accompanying import companions_of
from consumer.service.companions import Companions
from consumer.service.daemon import Daemon
from consumer.service.engine import Engine
from consumer.service.monitoring.serving import listening
from consumer.service.reload import Reloads
from consumer.service.signals import StopSignals
from consumer.service.signing import open_signing
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
    load: Callable[[], Loaded] | None = None,
    through: Callable[[Transport], Transport] | None = None,
) -> int:
    """Run the daemon in this thread, the main thread; returns the exit code.

    Args:
        environ: where systemd's own variables are looked up, nothing else.
        registry: handlers made in the program, instead of those of `settings`; also for unmatched
            events, if it has one for them.
        load: loads the configuration again, at a SIGHUP; None: that is a signal to stop.
        through: puts a transport around the queue's, which is closed at the end. That is for a run
            beside the daemon, such as on its dead-letter queue: nothing accompanies it, and the
            queue's settings are no risk.

    Raises: `ConsumerError` with its exit code if it can't be started.
    """
    # Messages leave no garbage in cycles; a search each 700 objects would take a tenth of the time.
    gc.set_threshold(20_000, 20, 100)
    check_directories(settings.state_directory, settings.quarantine.directory)
    clients = AwsClients(settings.queue, settings.aws, clock=clock)
    build = partial(handlers_of, aws_client=clients.client)
    registry = build(settings, registry)
    notifier, signals = Notifier(environ), StopSignals(reloads=load is not None)
    signing = open_signing(settings, clock=clock)
    start = Start(settings, clock=clock, notifier=notifier, signals=signals)
    metrics = settings.metrics if through is None else MetricsSettings()
    with ExitStack() as stack:
        stack.enter_context(signals.installed())
        stack.enter_context(closing(start))
        listener = stack.enter_context(listening(metrics))
        _log_starting(settings, registry)
        check = start.check()
        if check is None or start.transport is None:
            notifier.stopping("stopped before the first receive")
            _log.info(log_events.STOPPED, reason="signal", exit_code=EXIT_OK)
            return EXIT_OK
        _log_check(check if through is None else replace(check, warnings=()))
        ledger = stack.enter_context(closing(open_ledger(settings.state_directory, clock=clock)))
        options = _options(settings, check, max_messages, drain_when_empty, clock)
        companions = Companions([] if signing is None else [signing])
        if signing is not None:
            options = replace(options, unsealing=signing.unsealing)
            signing.begin(stopped=lambda: bool(signals.count))
        transport: Transport = start.transport
        if through is not None:
            transport = stack.enter_context(closing(through(transport)))
        make = partial(
            _make_worker, transport, ledger, start.quarantine, options=options, clock=clock
        )
        engine, reloads = Engine(make(registry, settings)), None
        if load is not None:
            reloads = Reloads(
                engine, load=load, build=build, make=make,
                signals=signals, notifier=notifier, clock=clock,
            )  # fmt: skip
        if through is None:
            companions = companions_of(
                settings, engine, start, check, listener,
                signing=signing, environ=environ, signals=signals, clock=clock,
            )  # fmt: skip

        def look(status: Status) -> None:
            on_tick(status)
            companions.look(status)

        daemon = Daemon(
            engine, notifier=notifier, signals=signals, clock=clock,
            summary_interval_seconds=settings.engine.summary_interval_seconds,
            flush_repeats=flush_repeats, on_tick=look, reloads=reloads,
        )  # fmt: skip
        code = EXIT_BUG
        try:
            code = daemon.run()
        finally:
            companions.close(code)
        return code


def _make_worker(
    transport: Transport,
    ledger: Ledger,
    quarantine: Quarantine | None,
    registry: Registry,
    settings: Settings,
    *,
    options: RunOptions,
    clock: Clock,
) -> Worker:
    """A worker over the queue that answered; a reload makes another one over the same queue."""
    return Worker(
        Parts(
            transport, registry, settings, options,
            clock=clock, ledger=ledger, quarantine=quarantine,
        )
    )  # fmt: skip


def handlers_of(
    settings: Settings, registry: Registry | None = None, *, aws_client: Callable[..., Any]
) -> Registry:
    """The configured handlers, or those given, and the archive of events that none asks for.

    `aws_client` is for handlers that call AWS. Raises: `ConfigurationError`.
    """
    state = settings.state_directory
    importlib.invalidate_caches()  # a module may be new since an earlier call
    if registry is None:
        registry = build_registry(
            settings.handlers, state_directory=state, aws_client=aws_client, queue=settings.queue
        )
    if settings.unmatched == "archive" and not registry.unmatched:
        archive_unmatched(registry, state_directory=state)
    return registry


def _log_starting(settings: Settings, registry: Registry) -> None:
    address = address_of(settings.queue, settings.aws)
    handlers = [handler for handler in registry.handlers if not handler.unmatched]
    takes_all = any(handler.takes_all for handler in handlers)
    unmatched = next((h.name for h in registry.unmatched if h.name != UNMATCHED), "")
    _log.info(
        log_events.STARTING,
        version=consumer.__version__,
        queue=address.name,
        region=address.region,
        handlers={h.name: list(h.patterns) for h in handlers},
        **({} if takes_all else {"unmatched": unmatched or settings.unmatched}),
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
    settings: Settings, check: QueueCheck, max_messages: int | None, until_empty: bool, clock: Clock
) -> RunOptions:
    queue = settings.queue
    return RunOptions(
        visibility_timeout_seconds=queue.visibility_timeout_seconds
        or check.attributes.visibility_timeout_seconds
        or 30,  # SQS's own default
        max_messages=max_messages,
        until_empty=until_empty,
        tap=Tap(clock),
    )

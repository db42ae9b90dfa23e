"""From settings to a running daemon: builds the parts, checks the queue, runs to the end."""

import gc
import importlib
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import KW_ONLY, dataclass

import structlog

import consumer
from consumer import log_events
from consumer.clock import Clock
from consumer.config import Loaded, Settings
from consumer.directories import check_directories
from consumer.engine.parts import Parts
from consumer.engine.run_options import RunOptions
from consumer.engine.status import Status
from consumer.engine.tap import Tap
from consumer.engine.worker import Worker
from consumer.errors import EXIT_OK
from consumer.handlers.loading.loader import (
    UNMATCHED,
    archive_unmatched,
    build_registry,
    unmatched_patterns,
)
from consumer.handlers.registering.registry import Registry
from consumer.ledger.ledger import open_ledger
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
from consumer.service.signing import Signing, open_signing
from consumer.service.start import OpenQueue, Start
from consumer.service.systemd import Notifier

_log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Run:
    """One run of the daemon, from its settings to its exit code."""

    settings: Settings
    _: KW_ONLY
    clock: Clock
    #: Where systemd's own variables are looked up, nothing else.
    environ: Mapping[str, str]
    max_messages: int | None = None
    drain_when_empty: bool = False
    #: Handlers made in the program, instead of those of `settings`; also for unmatched events, if
    #: it has one for them.
    registry: Registry | None = None
    #: Called with each summary: logs the counts of repeated log lines.
    flush_repeats: Callable[[], None] = lambda: None
    on_tick: Callable[[Status], None] = lambda _status: None
    #: Loads the configuration again, at a SIGHUP; None: that is a signal to stop.
    load: Callable[[], Loaded] | None = None
    #: Puts a transport around the queue's, which is closed at the end. That is for a run beside the
    #: daemon, such as on its dead-letter queue: nothing accompanies it, and the queue's settings
    #: are no risk.
    through: Callable[[Transport], Transport] | None = None

    def __post_init__(self) -> None:
        self._notifier = Notifier(self.environ)
        self._signals = StopSignals(reloads=self.load is not None)
        self._clients = AwsClients(self.settings.queue, self.settings.aws, clock=self.clock)

    def run(self) -> int:
        """Start, serve until there is a reason to stop, and close all; returns the exit code.

        In this thread, the main thread. Raises: `ConsumerError` with its exit code if it can't be
        started.
        """
        # Messages leave no garbage in cycles; a search each 700 objects takes a tenth of the time.
        gc.set_threshold(20_000, 20, 100)
        settings, signals = self.settings, self._signals
        check_directories(settings.state_directory, settings.quarantine.directory)
        registry = self._build(settings, self.registry)
        signing = open_signing(settings, clock=self.clock)
        start = Start(settings, clock=self.clock, notifier=self._notifier, signals=signals)
        with signals.installed(), closing(start), listening(settings.metrics) as listener:
            _log_starting(settings, registry)
            queue = start.open()
            if queue is None:
                self._notifier.stopping("stopped before the first receive")
                _log.info(log_events.STOPPED, reason="signal", exit_code=EXIT_OK)
                return EXIT_OK
            _log_check(queue.check, warn=self.through is None)
            with self._workers(queue, signing) as make:
                if signing is not None:
                    signing.begin(stopped=lambda: bool(signals.count))
                engine = Engine(make(registry, settings))
                companions = self._companions(engine, queue, listener, signing)
                daemon = self._daemon(engine, make, companions)
                return companions.accompany(daemon.run)

    def _build(self, settings: Settings, registry: Registry | None = None) -> Registry:
        """The configured handlers, or those given, and the archive of events that none asks for."""
        state = settings.state_directory
        importlib.invalidate_caches()  # a module may be new since an earlier call
        if registry is None:
            registry = build_registry(
                settings.handlers,
                state_directory=state,
                aws_client=self._clients.client,
                queue=settings.queue,
            )
        if settings.unmatched == "archive" and not registry.unmatched:
            archive_unmatched(registry, state_directory=state)
        return registry

    @contextmanager
    def _workers(
        self, queue: OpenQueue, signing: Signing | None
    ) -> Iterator[Callable[[Registry, Settings], Worker]]:
        """Makes a worker, and another one at each reload: over the same queue, ledger, counters."""
        clock = self.clock
        options = RunOptions(
            visibility_timeout_seconds=self.settings.queue.visibility_timeout_seconds
            or queue.check.attributes.visibility_timeout_seconds
            or 30,  # SQS's own default
            max_messages=self.max_messages,
            until_empty=self.drain_when_empty,
            tap=Tap(clock),
            unsealing=None if signing is None else signing.unsealing,
        )
        with ExitStack() as stack:
            ledger = open_ledger(self.settings.state_directory, clock=clock)
            stack.enter_context(closing(ledger))
            transport: Transport = queue.transport
            if self.through is not None:
                transport = stack.enter_context(closing(self.through(transport)))

            def make(registry: Registry, settings: Settings) -> Worker:
                return Worker(
                    Parts(
                        transport, registry, settings, options,
                        clock=clock, ledger=ledger, quarantine=queue.quarantine,
                    )
                )  # fmt: skip

            yield make

    def _companions(
        self,
        engine: Engine,
        queue: OpenQueue,
        listener: socket.socket | None,
        signing: Signing | None,
    ) -> Companions:
        if self.through is not None:
            return Companions([] if signing is None else [signing])
        return companions_of(
            self.settings, engine, queue, listener,
            signing=signing, environ=self.environ, signals=self._signals, clock=self.clock,
        )  # fmt: skip

    def _daemon(
        self,
        engine: Engine,
        make: Callable[[Registry, Settings], Worker],
        companions: Companions,
    ) -> Daemon:
        notifier, signals, clock = self._notifier, self._signals, self.clock
        reloads = None
        if self.load is not None:
            reloads = Reloads(
                engine, load=self.load, build=self._build, make=make,
                signals=signals, notifier=notifier, clock=clock,
            )  # fmt: skip

        def look(status: Status) -> None:
            self.on_tick(status)
            companions.look(status)

        return Daemon(
            engine, notifier=notifier, signals=signals, clock=clock,
            summary_interval_seconds=self.settings.engine.summary_interval_seconds,
            flush_repeats=self.flush_repeats, on_tick=look, reloads=reloads,
        )  # fmt: skip


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


def _log_check(check: QueueCheck, *, warn: bool) -> None:
    queue = check.attributes
    _log.info(
        log_events.QUEUE_CHECK,
        visible=queue.visible_messages, in_flight=queue.in_flight_messages,
        dead_letter_queue=queue.dead_letter_queue, max_receive_count=queue.max_receive_count,
    )  # fmt: skip
    for warning in check.warnings if warn else ():
        _log.warning(log_events.QUEUE_WARNING, reason=warning)

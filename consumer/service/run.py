"""From settings to a running daemon: builds the parts, checks the queue, runs to the end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import structlog
import tenacity

import consumer
from consumer import log_events
from consumer.engine.worker import Worker
from consumer.errors import TransportError
from consumer.handlers.loader import build_registry
from consumer.queues.sqs import check_queue, connect
from consumer.service.daemon import Daemon
from consumer.service.signals import StopSignals
from consumer.service.systemd import Notifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from consumer.clock import Clock
    from consumer.config import Settings
    from consumer.handlers.registry import Registry
    from consumer.queues.transport import QueueAttributes

_log = structlog.get_logger(__name__)

#: What SQS uses where a queue says nothing else.
DEFAULT_VISIBILITY_SECONDS = 30
#: A network that is not up yet at boot is waited for; then systemd starts us again (exit 75).
CHECK_ATTEMPTS = 6


def run(
    settings: Settings,
    *,
    clock: Clock,
    environ: Mapping[str, str],
    max_messages: int | None = None,
    drain_when_empty: bool = False,
    registry: Registry | None = None,
    flush_repeats: Callable[[], None] = lambda: None,
    on_tick: Callable[[Worker], None] | None = None,
) -> int:
    """Run the daemon in this thread, the main thread; returns the exit code.

    Args:
        environ: where systemd's own variables are looked up, nothing else.
        registry: handlers made in the program, instead of those of `settings`.

    Raises: `ConsumerError` with its exit code if it can't be started.
    """
    if registry is None:
        registry = build_registry(settings.handlers, state_directory=settings.state_directory)
    engine, queue = settings.engine, settings.queue
    transport = connect(
        queue, settings.aws, max_connections=engine.workers + engine.max_pollers + 4, clock=clock
    )
    _log.info(
        log_events.STARTING,
        version=consumer.__version__,
        queue=transport.name,
        region=transport.region,
        handlers={h.name: list(h.patterns) for h in registry.handlers},
    )
    attributes = _check(transport, clock)
    worker = Worker(
        transport,
        registry,
        queue=queue,
        engine=engine,
        clock=clock,
        visibility_timeout_seconds=_visibility(queue.visibility_timeout_seconds, attributes),
        read_timeout_seconds=queue.effective_read_timeout_seconds,
        max_messages=max_messages,
        drain_when_empty=drain_when_empty,
    )
    daemon = Daemon(
        worker,
        notifier=Notifier(environ),
        signals=StopSignals(),
        clock=clock,
        summary_interval_seconds=engine.summary_interval_seconds,
        flush_repeats=flush_repeats,
        on_tick=(lambda: on_tick(worker)) if on_tick else lambda: None,
    )
    return daemon.run()

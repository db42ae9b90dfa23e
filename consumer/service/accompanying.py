"""What accompanies a daemon: metrics and status page, control socket, silence, pings."""

import socket
from collections.abc import Mapping

from consumer.clock import Clock
from consumer.config import Settings
from consumer.queues.sqs import QueueCheck, SqsTransport
from consumer.service.companions import Companions
from consumer.service.control import control_socket, open_control
from consumer.service.depth import Depths
from consumer.service.engine import Engine
from consumer.service.monitoring.monitor import Monitor
from consumer.service.monitoring.serving import metrics_companions
from consumer.service.ping import pings
from consumer.service.signals import StopSignals
from consumer.service.signing import Signing
from consumer.service.silence import watch_silence
from consumer.service.start import OpenQueue


def companions_of(
    settings: Settings,
    engine: Engine,
    queue: OpenQueue,
    listener: socket.socket | None,
    *,
    signing: Signing | None,
    environ: Mapping[str, str],
    signals: StopSignals,
    clock: Clock,
) -> Companions:
    """All that the settings ask for. They ask `engine`, which stays the same over a reload."""
    transport, state = queue.transport, settings.state_directory
    depths = _depths(transport, queue.check, clock)
    monitor = Monitor(
        engine.figures, clock=clock, region=transport.region, depths=depths,
        requests=queue.requests, credentials_expire_at=transport.credentials_expire_at,
    )  # fmt: skip
    control = open_control(control_socket(state, environ), engine, signals, monitor.facts)
    companions = Companions([part for part in (signing, monitor, control) if part is not None])
    metrics = settings.metrics
    companions.begin(lambda: metrics_companions(metrics, listener, monitor.facts, depths, clock))
    companions.begin(lambda: [watch_silence(state, clock=clock)])
    companions.begin(lambda: pings(settings.ping, clock=clock))
    return companions


def _depths(transport: SqsTransport, check: QueueCheck, clock: Clock) -> Depths:
    name = check.attributes.dead_letter_queue
    return Depths(
        transport,
        transport.name,
        check.attributes,
        dead_letters=None if name is None else transport.beside(name),
        clock=clock,
    )

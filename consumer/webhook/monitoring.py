"""What the webhook serves to monitoring systems, on the listener and in the file of `metrics`."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from consumer.clock import Clock
from consumer.config import MetricsSettings
from consumer.errors import EXIT_OK, ThreadsError
from consumer.service.http.server import HttpServer
from consumer.service.monitoring.serving import Textfile, health_response, metrics_response
from consumer.webhook.batches import Batches
from consumer.webhook.tally import Tally

SENDING_FAILS = "messages can't be put into the queue: see the log"


@contextmanager
def monitored(
    metrics: MetricsSettings,
    listener: socket.socket | None,
    tally: Tally,
    batches: Batches,
    *,
    clock: Clock,
) -> Iterator[None]:
    """Serve what is configured. Raises: `ThreadsError`."""
    if listener is None and metrics.textfile is None:
        yield
        return
    # Only where they are wanted: Prometheus' library takes 60 ms to load.
    from consumer.webhook.metrics import Watched, metrics_of  # noqa: PLC0415 - see above

    text = metrics_of(Watched(tally, batches)).text
    routes = {
        "GET /metrics": lambda _: metrics_response(text()),
        "GET /healthz": lambda _: health_response((SENDING_FAILS,) * batches.is_failing),
    }
    with ExitStack() as stack:
        try:
            if listener is not None:
                server = HttpServer(listener, routes, name="metrics")
                stack.callback(server.close)
                server.start()
            if metrics.textfile is not None:
                stack.callback(Textfile(metrics.textfile, text, clock=clock).close, EXIT_OK)
        except (RuntimeError, MemoryError):  # "can't start new thread"
            raise ThreadsError(
                "the system does not let this process start a thread for the metrics"
            ) from None
        yield

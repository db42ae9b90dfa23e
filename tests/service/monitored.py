"""What is known of an engine that a test steps by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.queues.requests import RequestCounts
from consumer.queues.transport import QueueAttributes
from consumer.service.depth import Depths
from consumer.service.monitoring.monitor import Monitor

if TYPE_CHECKING:
    from consumer.engine.worker import Worker
    from consumer.testing import ManualClock


def monitor_of(worker: Worker, clock: ManualClock, **options: Any) -> Monitor:
    """A monitor of this engine, whose queue is never asked."""
    queue: Any = worker.parts.receiver._transport
    depths = Depths(queue, queue.name, QueueAttributes(), dead_letters=None, clock=clock)
    facts: dict[str, Any] = {"depths": depths, "requests": RequestCounts(), **options}
    return Monitor(worker.figures, clock=clock, region="us-east-1", **facts)

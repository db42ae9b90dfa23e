"""For tests, also of your handlers: events, runs of handlers, a queue like SQS, a manual clock."""

from consumer.testing.clock import ManualClock
from consumer.testing.factories import canvas_body, make_context, make_event, make_message
from consumer.testing.faults import Call, Fault
from consumer.testing.queue import InMemoryQueue
from consumer.testing.running import Ran, run, run_batch

__all__ = [
    "Call",
    "Fault",
    "InMemoryQueue",
    "ManualClock",
    "Ran",
    "canvas_body",
    "make_context",
    "make_event",
    "make_message",
    "run",
    "run_batch",
]

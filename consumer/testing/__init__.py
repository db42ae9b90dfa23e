"""Test doubles that users may use too: a queue with SQS's semantics, a manual clock, factories."""

from consumer.testing.clock import ManualClock
from consumer.testing.factories import canvas_body, make_event, make_message
from consumer.testing.faults import Call, Fault
from consumer.testing.queue import InMemoryQueue

__all__ = [
    "Call",
    "Fault",
    "InMemoryQueue",
    "ManualClock",
    "canvas_body",
    "make_event",
    "make_message",
]

"""Calls handlers of a registry, and shows which middleware they pass through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.messages import Context, Event
from consumer.testing import make_event

if TYPE_CHECKING:
    from consumer.handlers.registering.options import Call
    from consumer.handlers.registering.registry import Middleware, Registry

CONTEXT = Context(handler="h", message_ids=("m-1",))


def tracing(name: str, trace: list[str]) -> Middleware:
    """A middleware that notes when it is entered and left."""

    def middleware(event: Event, context: Context, call_next: Call) -> None:
        trace.append(f"{name} in")
        call_next(event, context)
        trace.append(f"{name} out")

    return middleware


def call_first(registry: Registry) -> None:
    """Call the first handler with one event."""
    call = registry.handlers[0].call
    assert call is not None
    call(make_event(), CONTEXT)

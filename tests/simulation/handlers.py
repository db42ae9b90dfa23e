"""The handlers of a process of the simulation, as a user would register them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from consumer.handlers.registering.options import Coalesce
from consumer.handlers.registering.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.messages import Context, Event
    from tests.simulation.scenario import HandlerPlan, Scenario

    Handle = Callable[[HandlerPlan, Sequence[Event]], None]
    Ask = Callable[[HandlerPlan, Event], bool]


def answer(plan: HandlerPlan, event: Event) -> bool:
    """A predicate that never fails."""
    return not plan.declines(event.name)


def registry_of(
    scenario: Scenario, handle: Handle, ask: Ask, called: Callable[[], list[Event]]
) -> Registry:
    """The handlers of a scenario.

    Args:
        ask: their predicates and keys.
        called: the events that the newest call stands for.
    """
    registry = Registry()
    for plan in scenario.handlers:
        options: dict[str, Any] = {"name": plan.name}
        if plan.concurrency is not None:
            options["concurrency"] = plan.concurrency
        if plan.timeout_seconds is not None:
            options["timeout_seconds"] = plan.timeout_seconds
        if plan.batch is not None:
            options |= {"batch": plan.batch, "linger_seconds": 2.0}
        if plan.rate_limit_per_second is not None:
            options["rate_limit_per_second"] = plan.rate_limit_per_second
        if plan.asks:
            options["when"] = partial(ask, plan)
        function: Callable[..., None] = _function(plan, handle)
        if plan.coalesces:
            function = coalescing = Coalescing(plan, handle, ask, called)
            options["coalesce"] = Coalesce(coalescing.key, 2.0)
        registry.add(function, plan.patterns, **options)
    return registry


class Coalescing:
    """A handler that is called with one event, and handles all those that it stands for."""

    def __init__(
        self, plan: HandlerPlan, handle: Handle, ask: Ask, called: Callable[[], list[Event]]
    ) -> None:
        self._plan = plan
        self._handle = handle
        self._ask = ask
        #: The events that the newest call stands for.
        self._called = called

    def key(self, event: Event) -> str:
        """What its events have in common."""
        self._ask(self._plan, event)
        return event.name

    def __call__(self, event: Event, context: Context) -> None:
        """The engine calls it."""
        events = self._called()
        assert events[0] is event
        assert [e.message_id for e in events] == list(context.message_ids)
        self._handle(self._plan, events)


def _function(plan: HandlerPlan, handle: Handle) -> Callable[..., None]:
    if plan.batch is not None:
        return lambda events: handle(plan, events)
    return lambda event: handle(plan, (event,))

"""What the handlers of a run do: succeed, unless they are slow, fail, retry or reject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from consumer.errors import BatchFailure, Reject, Retry, Unavailable
from tests.simulation.tally import Killed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.messages import Event
    from tests.simulation.scenario import HandlerPlan
    from tests.simulation.stage import Stage

_SLOW_SECONDS: Final = 70.0
#: Longer than a message may be in flight.
_MARATHON_SECONDS: Final = 47_000.0


class Moods:
    """All handlers of a world. What they have done outside is in the world's promise."""

    def __init__(self, world: Stage) -> None:
        self._world = world

    def handle(self, plan: HandlerPlan, events: Sequence[Event]) -> None:
        """A call of a handler."""
        world = self._world
        world.moment(company=True)
        if not world.fixed:
            if world.dice.random() < plan.slow:
                self._work_slowly()
            throw = world.dice.random()
            if throw < plan.fails:
                self._fail(plan, events)
            elif throw < plan.fails + plan.retries:
                raise Retry("not now", after=world.dice.choice((0, 60, 50_000)))
            elif throw < plan.fails + plan.retries + plan.rejects:
                raise Reject("never")
        for event in events:
            self._succeed(plan, event)
        world.moment(company=False)

    def ask(self, plan: HandlerPlan, event: Event) -> bool:
        """Its predicate, or the key by which its events are coalesced, is asked."""
        world = self._world
        world.moment(company=True)
        if not world.fixed and world.dice.random() < plan.fails:
            self._raise()
        return not plan.declines(event.name)

    def _work_slowly(self) -> None:
        world = self._world
        marathon = world.scenario.marathon and world.dice.random() < 0.5
        world.life.pass_time(_MARATHON_SECONDS if marathon else _SLOW_SECONDS)
        if world.life.dead:
            raise Killed

    def _fail(self, plan: HandlerPlan, events: Sequence[Event]) -> None:
        if plan.batch is not None and len(events) > 1 and self._world.dice.random() < 0.5:
            for event in events[1:]:
                self._succeed(plan, event)
            raise BatchFailure({events[0]: OSError()})
        self._raise()

    def _raise(self) -> NoReturn:
        if self._world.dice.random() < 0.3:
            raise Unavailable("down", after=self._world.dice.choice((None, 5, 90)))
        raise OSError

    def _succeed(self, plan: HandlerPlan, event: Event) -> None:
        """The work is done: what a handler did outside stays, also after a kill."""
        world = self._world
        if world.life.dead:
            raise Killed
        world.tally.handled += 1
        world.tally.duplicates += world.promise.succeeded(world.life, plan, event)

"""What the actions and the handlers of a run may use of its world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from random import Random

    from consumer.testing.clock import ManualClock
    from tests.simulation.life import Life
    from tests.simulation.promise import Promise
    from tests.simulation.scenario import Scenario
    from tests.simulation.sqs import SimulatedQueue
    from tests.simulation.tally import Tally


class Stage(Protocol):
    """A world, seen from within: see `World`."""

    dice: Random
    scenario: Scenario
    tally: Tally
    clock: ManualClock
    promise: Promise
    queue: SimulatedQueue
    life: Life
    fixed: bool

    def stop(self) -> None:
        """Stop as for a deployment."""

    def reload(self) -> None:
        """Another engine takes over, in the same process."""

    def moment(self, *, company: bool, danger: float = 0.25) -> None:
        """A moment at which the process may die, or others may act."""

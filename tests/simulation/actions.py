"""What happens in a run, one thing at a time: which one the dice decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.messages import draw_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.messages import Sent
    from tests.simulation.stage import Stage


class Actions:
    """The actions of a world. Each is one step, to be given to `World.step`."""

    def __init__(self, world: Stage) -> None:
        self._world = world

    def draw(self) -> Callable[[], None]:
        """Any of them; on calm days none that is trouble."""
        actions: list[tuple[int, Callable[[], None]]] = [
            (24, self.poll),
            (24, self.process),
            (12, self.process_all),
            (10, self.beat),
            (6, self.flush),
            (5, self.send_some),
            (3, self.send_copy),
            (2, self._world.stop),
            (2, self.pause),
            (2, self._world.reload),
        ]
        if not self._world.scenario.calm:
            actions += [(3, self.starve), (3, self.redeliver), (1, self.trouble)]
        choices = [action for _, action in actions]
        return self._world.dice.choices(choices, [weight for weight, _ in actions])[0]

    def send_some(self) -> None:
        """Canvas puts a few messages into the queue."""
        self.send(self._world.dice.randint(1, 6))

    def send(self, count: int) -> None:
        """Send `count` messages, but no more in all than the scenario has."""
        world = self._world
        for _ in range(count):
            if len(world.promise.sent) < world.scenario.messages:
                self._put(draw_message(len(world.promise.sent), world.dice))

    def send_copy(self) -> None:
        """The producer sends something twice: another message, the same content."""
        world = self._world
        originals = list(world.promise.sent.values())
        if originals and len(originals) < world.scenario.messages:
            self._put(world.dice.choice(originals))

    def _put(self, sent: Sent) -> None:
        self._world.promise.sent[self._world.queue.send(sent.body)] = sent

    def poll(self) -> None:
        """A thread receives."""
        self._world.life.poll()

    def process(self) -> None:
        """A thread takes one item."""
        self._world.life.process_one()

    def process_all(self) -> None:
        """Threads take what there is."""
        self._world.life.process_all()

    def flush(self) -> None:
        """The outbox sends what is due."""
        self._world.life.send_what_is_due()

    def beat(self) -> None:
        """Time passes, and all threads work."""
        self._world.life.pass_time(self._world.dice.choice((1.0, 5.0, 60.0, 400.0)))

    def pause(self) -> None:
        """An operator pauses the receives, or lets them go on."""
        worker = self._world.life.worker
        worker.pause(paused=not worker.status().paused)

    def starve(self) -> None:
        """Time passes, and no thread does anything: the machine sleeps."""
        self._world.clock.advance(self._world.dice.choice((20.0, 40.0, 950.0)))

    def redeliver(self) -> None:
        """SQS delivers a message in flight again."""
        in_flight = self._world.queue.in_flight()
        if in_flight:
            self._world.queue.redeliver(self._world.dice.choice(in_flight))

    def trouble(self) -> None:
        """The queue is deleted, or a policy changed, or there is an outage; later it is fixed."""
        self._world.queue.trouble = self._world.dice.choice(
            ("missing", "denied", "down", "refusing")
        )

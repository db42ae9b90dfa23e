"""How full the queues are: asked rarely, and without harm."""

from __future__ import annotations

import threading
from typing import Any

from consumer.errors import AccessDeniedError, TransportError
from consumer.queues.transport import QueueAttributes
from consumer.service.depth import DENIED_SECONDS, INTERVAL_SECONDS, Depths
from consumer.testing import ManualClock
from tests.processes import eventually

CHECKED = QueueAttributes(visible_messages=1, dead_letter_queue="dead", retention_seconds=60)


class Answering:
    """A queue that reports how much it holds."""

    def __init__(self, answer: QueueAttributes | TransportError) -> None:
        self.answer = answer
        self.asked = 0

    def attributes(self) -> QueueAttributes:
        self.asked += 1
        if isinstance(self.answer, TransportError):
            raise self.answer
        return self.answer


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


def depths_of(queue: Any, dead: Any, clock: ManualClock, checked: QueueAttributes) -> Depths:
    """Of a queue and its dead-letter queue."""
    return Depths(queue, "main", checked, dead_letters=dead, clock=clock)


def test_each_queue_is_asked_once_a_minute() -> None:
    """The queue itself has answered at the start, the dead-letter queue has not."""
    clock = ManualClock()
    queue = Answering(QueueAttributes(visible_messages=5))
    dead = Answering(QueueAttributes(visible_messages=2))
    depths = depths_of(queue, dead, clock, CHECKED)
    assert depths.queue.attributes is CHECKED

    depths.ask()
    assert (queue.asked, dead.asked) == (0, 1)
    for _ in range(3):
        clock.advance(INTERVAL_SECONDS)
        depths.ask()
        depths.ask()

    assert (queue.asked, dead.asked) == (3, 4)
    assert depths.queue.attributes.visible_messages == 5
    assert depths.dead_letters is not None
    assert ("dead", 2) == (
        depths.dead_letters.name,
        depths.dead_letters.attributes.visible_messages,
    )
    assert depths.dead_letters.asked_at == clock.now()


def test_what_is_not_permitted_is_asked_once_an_hour() -> None:
    """And leaves the other queue alone."""
    clock = ManualClock()
    queue = Answering(QueueAttributes(visible_messages=5))
    dead = Answering(AccessDeniedError("no", code="AccessDenied"))
    depths = depths_of(queue, dead, clock, CHECKED)

    for _ in range(round(DENIED_SECONDS / INTERVAL_SECONDS)):
        depths.ask()
        clock.advance(INTERVAL_SECONDS)

    assert (queue.asked, dead.asked) == (59, 1)
    assert depths.dead_letters is not None
    assert depths.dead_letters.asked_at is None


def test_a_failure_keeps_the_last_answer() -> None:
    """With its time, so that its age is seen."""
    clock = ManualClock()
    queue = Answering(TransportError("no route"))
    depths = depths_of(queue, None, clock, CHECKED)
    began = clock.now()

    clock.advance(INTERVAL_SECONDS)
    depths.ask()

    assert queue.asked == 1
    assert (depths.queue.attributes, depths.queue.asked_at) == (CHECKED, began)
    assert depths.dead_letters is None


def test_it_asks_in_a_thread_of_its_own() -> None:
    """Until it is closed."""
    clock = ManualClock()
    dead = Answering(QueueAttributes(visible_messages=2))
    depths = depths_of(Answering(QueueAttributes()), dead, clock, CHECKED)
    depths.start()
    eventually(lambda: dead.asked > 1, "it was asked again")
    assert "depths" in threads()
    depths.close(0)
    eventually(lambda: "depths" not in threads(), "its thread has ended")


def test_without_an_answer_at_the_start_nothing_is_known() -> None:
    """The permission to ask is optional."""
    depths = depths_of(Answering(QueueAttributes()), None, ManualClock(), QueueAttributes())
    assert depths.queue.asked_at is None

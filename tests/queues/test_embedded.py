"""The demo's server: what was deleted stays deleted."""

from __future__ import annotations

import threading
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from moto.sqs.models import Queue

from consumer.queues.sqs.embedded import delete_one_at_a_time


class Message:
    """A message whose handle another thread asks for in the middle of a delete."""

    def __init__(self, handle: str, asked: threading.Barrier) -> None:
        self.all_receipt_handles = {handle}
        self._asked = asked

    def had_receipt_handle(self, handle: str) -> bool:
        with suppress(threading.BrokenBarrierError):
            self._asked.wait(0.05)  # both are in the middle of it, if they can be
        return handle in self.all_receipt_handles


def test_two_deletes_at_a_time_delete_two() -> None:
    """Moto's own way loses one of them now and then."""
    delete_one_at_a_time()
    delete_one_at_a_time()
    asked = threading.Barrier(2)
    queue: Any = SimpleNamespace(
        deleted_messages=set(),
        pending_messages=set(),
        _messages=[Message("a", asked), Message("b", asked)],
    )

    threads = [threading.Thread(target=Queue.delete_message, args=(queue, h)) for h in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert queue._messages == []
    assert queue.deleted_messages == {"a", "b"}

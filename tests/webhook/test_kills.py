"""kill -9 at any moment: what was answered with 204 is in the queue."""

from __future__ import annotations

import os
import random
import threading
from typing import TYPE_CHECKING

import pytest

from tests.moto_queues import number_of
from tests.processes import eventually
from tests.signatures.signing import signed
from tests.webhook.rig import event

if TYPE_CHECKING:
    from typing import Any

    from tests.acceptance.scripted_queue import Script
    from tests.webhook.conftest import Start

pytestmark = pytest.mark.acceptance

#: Each takes about a second: a new process is started.
KILLS = int(os.environ.get("WEBHOOK_KILLS", "5"))


def test_a_kill_between_send_and_answer_loses_nothing(script: Script, webhook: Start) -> None:
    """SQS has the message, and Canvas got no answer: it comes again, and the message is a copy."""
    in_queue: list[int] = []
    answered: list[int] = []
    killing = threading.Event()
    dice = random.Random(7)

    def answer(request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        in_queue.extend(number_of(entry["MessageBody"]) for entry in request["Entries"])
        if dice.random() < 0.2:
            killing.set()
        return 200, {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]]}

    script.answers["SendMessageBatch"] = answer
    running = webhook(script)
    done = threading.Event()

    def post() -> None:
        number = 0
        while not done.is_set():
            token = signed(event(number))
            try:
                if running.post(token).status == 204:
                    answered.append(number)
                    number += 1
            except OSError:
                continue

    client = threading.Thread(target=post, daemon=True)
    client.start()
    for _ in range(KILLS):
        eventually(killing.is_set, "a message was sent")
        running.run.kill()
        running.start()
        killing.clear()
        count = len(answered)
        eventually(lambda n=count: len(answered) > n, "posts are answered again")  # type: ignore[misc]
    done.set()
    client.join(60)

    assert set(answered) <= set(in_queue)
    assert len(in_queue) - len(set(in_queue)) <= 2 * KILLS

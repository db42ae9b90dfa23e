"""A queue of moto's with messages in its dead-letter queue, for tests of `consume dlq`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from consumer.clock import SystemClock
from consumer.config import AwsSettings, QueueSettings, Settings
from consumer.operations.dlq.find import DeadLetters, find_dead_letters
from consumer.queues.sqs.admin import AwsCalls

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.moto_queues import Moto, MotoQueue

AWS = AwsSettings.model_validate({"access_key_id": "test", "secret_access_key": "test"})


@dataclass
class Rig:
    """Both queues, and what commands reach them with."""

    queue: MotoQueue
    dead: MotoQueue
    calls: AwsCalls
    clock: SystemClock

    @property
    def settings(self) -> Settings:
        """Of the queue."""
        return settings_of(self.queue)

    @property
    def places(self) -> DeadLetters:
        """Found in the redrive policy."""
        return find_dead_letters(self.calls)

    def lose(self, bodies: Sequence[str], *, event_name: str = "") -> None:
        """Let messages come into the dead-letter queue as SQS does it: by its redrive policy."""
        self.queue.send(bodies, event_name=event_name)
        for _ in range(2):
            while self._receive():
                pass
        assert (0, 0) == self.queue.counts()

    def _receive(self) -> list[Any]:
        answer = self.queue.client.receive_message(
            QueueUrl=self.queue.url, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return list(answer.get("Messages") or [])


def settings_of(queue: MotoQueue) -> Settings:
    """As configured with the URL and the endpoint: an emulator's URL may have another host."""
    aws = AWS.model_copy(update={"endpoint_url": queue.endpoint})
    return Settings(queue=QueueSettings(url=queue.url), aws=aws)


@contextmanager
def rig_of(moto: Moto, *, max_receive_count: int = 1) -> Iterator[Rig]:
    """New queues."""
    queue, dead = moto.with_dead_letters(max_receive_count=max_receive_count)
    settings = settings_of(queue)
    calls = AwsCalls(settings.queue, settings.aws)
    yield Rig(queue, dead, calls, SystemClock())
    calls.close()

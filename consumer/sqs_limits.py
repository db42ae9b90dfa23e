"""The quotas of Amazon SQS for a standard queue, and batches that keep to them."""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol, TypeVar

#: Most messages of one receive, and most entries of one delete, change or send request.
MAX_BATCH: Final = 10
#: The longest long poll of one receive.
MAX_WAIT_SECONDS: Final = 20
#: The longest visibility timeout (12 h), counted from the receive: no later change of a message's
#: visibility can go beyond that.
MAX_VISIBILITY_SECONDS: Final = 43_200
#: The largest message, attributes included (1 MiB).
MAX_MESSAGE_BYTES: Final = 1_048_576
#: All messages of one send request together (256 KiB). AWS accepts 1 MiB since 2025; older
#: emulators do not.
PORTABLE_BATCH_BYTES: Final = 262_144
#: Most message attributes of one message.
MAX_MESSAGE_ATTRIBUTES: Final = 10
#: The longest delay of a sent message (15 min).
MAX_DELAY_SECONDS: Final = 900
#: Messages of one queue in flight at the same time, over all of its consumers. At the limit a long
#: poll receives nothing, and no error.
IN_FLIGHT_LIMIT: Final = 120_000
#: The longest retention period of a queue (14 days).
MAX_RETENTION_SECONDS: Final = 1_209_600
#: The retention period if none is configured (4 days).
DEFAULT_RETENTION_SECONDS: Final = 345_600
#: Most characters of a queue's name.
MAX_QUEUE_NAME_LENGTH: Final = 80


class Sized(Protocol):
    """A message to send."""

    @property
    def size(self) -> int:
        """Bytes, as SQS counts them."""
        ...


SizedT = TypeVar("SizedT", bound=Sized)


def batches(messages: Iterable[SizedT]) -> Iterator[list[SizedT]]:
    """The messages in lists of up to ten that fit into one request.

    A message that is too large by itself has its own list.
    """
    batch: list[SizedT] = []
    total = 0
    for message in messages:
        if batch and (len(batch) == MAX_BATCH or total + message.size > PORTABLE_BATCH_BYTES):
            yield batch
            batch, total = [], 0
        batch.append(message)
        total += message.size
    if batch:
        yield batch

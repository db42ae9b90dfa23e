"""How messages are sent: in batches that SQS takes, at a pace, and again where it refused some."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from consumer.errors import TransportError
from consumer.queues.transport import MAX_BATCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from consumer.clock import Clock
    from consumer.queues.transport import EntryFailure

#: Of all messages of a request together. SQS takes more by now; older queues and emulators do not.
MAX_BATCH_BYTES: Final = 262_144
_ATTEMPTS: Final = 4
_FIRST_WAIT_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be sent: its body, and its message attributes, which are texts."""

    body: str = field(repr=False)
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes, as SQS counts them: the names, types and values of attributes, too."""
        texts = [self.body]
        for name, value in self.attributes.items():
            texts += (name, "String", value)
        return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


class Sender(Protocol):
    """Sends to one queue."""

    def send(self, batch: Sequence[Outgoing]) -> list[EntryFailure | None]:
        """Send 1 to 10 messages in one request; the answer is by position, None where it is sent.

        Raises: `QueueMissingError`, `AccessDeniedError` (fatal), or `TransportError` (transient).
        """
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


def send_all(
    messages: Iterable[Outgoing],
    sender: Sender,
    *,
    clock: Clock,
    rate: float | None = None,
) -> Iterator[int]:
    """Send them; yields how many each request brought into the queue.

    What SQS refuses, and a request that fails, is tried three times more, after 0.5, 1 and 2
    seconds or a little less. Called from one thread.

    Args:
        rate: at most so many messages a second; None: as fast as SQS takes them.

    Raises: what `Sender.send` raises; `TransportError` if SQS refused messages to the last. The
        messages before have been sent.
    """
    pause = threading.Event()  # never set: only to wait on
    started, sent = clock.monotonic(), 0
    # A slow pace is even: no ten messages at once, and then nothing for long.
    size = MAX_BATCH if rate is None else max(1, min(MAX_BATCH, int(rate)))
    for batch in batches(messages, size):
        if rate is not None and (early := started + sent / rate - clock.monotonic()) > 0:
            clock.wait(pause, early)
        _send(batch, sender, clock, pause)
        sent += len(batch)
        yield len(batch)


def batches(messages: Iterable[Outgoing], size: int = MAX_BATCH) -> Iterator[list[Outgoing]]:
    """The messages in lists of up to `size`, none of which is too large for one request.

    A message that is too large alone is alone in its list.
    """
    batch: list[Outgoing] = []
    total = 0
    for message in messages:
        if batch and (len(batch) == size or total + message.size > MAX_BATCH_BYTES):
            yield batch
            batch, total = [], 0
        batch.append(message)
        total += message.size
    if batch:
        yield batch


def _send(batch: Sequence[Outgoing], sender: Sender, clock: Clock, pause: threading.Event) -> None:
    rest = list(batch)
    codes: dict[str, None] = {}
    for attempt in range(_ATTEMPTS):
        if attempt:
            # Not all senders at the same moment.
            clock.wait(pause, _FIRST_WAIT_SECONDS * 2 ** (attempt - 1) * random.uniform(0.7, 1.0))
        try:
            answers = sender.send(rest)
        except TransportError as error:
            if error.fatal or attempt == _ATTEMPTS - 1:
                raise
            continue
        failures = [(m, answer) for m, answer in zip(rest, answers, strict=True) if answer]
        rest = [message for message, _ in failures]
        codes = dict.fromkeys(failure.code for _, failure in failures)
        if not rest:
            return
    raise TransportError(
        f"SQS did not take {len(rest)} of {len(batch)} messages of a batch, {_ATTEMPTS} times: "
        f"{', '.join(codes)}",
        code=next(iter(codes), ""),
    )

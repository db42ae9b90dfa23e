"""Sends messages: in batches that SQS accepts, at a given rate, and again what it refused."""

import itertools
import math
import random
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Protocol

from consumer.clock import NEVER, Clock
from consumer.errors import TransportError
from consumer.queues.transport import EntryFailure
from consumer.sqs_limits import MAX_BATCH, batches

_ATTEMPTS: Final = 4
_FIRST_WAIT_SECONDS: Final = 0.5
#: Least requests a second at a slow rate: instead of ten messages at once and then a long pause.
_EVEN: Final = 4


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send: its body and its string message attributes."""

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
        """Send 1 to 10 messages in one request; answers by position, None if it was sent.

        Raises: `QueueMissingError`, `AccessDeniedError` (fatal), or `TransportError` (transient).
        """
        ...

    def close(self) -> None:
        """Close connections."""
        ...


def send_all(
    messages: Iterable[Outgoing],
    sender: Sender,
    *,
    clock: Clock,
    rate: float | None = None,
) -> Iterator[int]:
    """Send them; yields how many each request brought into the queue.

    Refused messages and failed requests are tried three more times, after up to 0.5, 1 and 2
    seconds. Called from one thread.

    Args:
        rate: messages a second, sent evenly; no second has more (rounded up). None: as fast as
            SQS accepts them.

    Raises: what `Sender.send` raises; `TransportError` if SQS refuses messages to the end. What has
        been yielded before is in the queue.
    """
    turns, seconds = ([messages], 0.0) if rate is None else _in_turns(messages, rate)
    last = -math.inf
    for turn in turns:
        # Counted from the last attempt, not from a schedule: a delay is not followed by a burst.
        if (early := last + seconds - clock.monotonic()) > 0:
            clock.wait(NEVER, early)
        for batch in batches(turn):
            last = yield from _send(batch, sender, clock)


def _in_turns(
    messages: Iterable[Outgoing], rate: float
) -> tuple[Iterable[Iterable[Outgoing]], float]:
    """Lists of messages, and the seconds from one to the next.

    As few as possible, of ten messages each; but at least four a second, or one for each message.
    """
    a_second = rate if rate < _EVEN else max(math.ceil(rate / MAX_BATCH), _EVEN)
    each = Fraction(rate) / Fraction(a_second)
    sizes = (math.ceil((n + 1) * each) - math.ceil(n * each) for n in itertools.count())
    rest = iter(messages)
    return iter(lambda: list(itertools.islice(rest, next(sizes))), []), 1 / a_second


def _send(batch: Sequence[Outgoing], sender: Sender, clock: Clock) -> Generator[int, None, float]:
    """Yields how many messages each request sent; returns when the last request was made."""
    rest = list(batch)
    for attempt in range(_ATTEMPTS):
        if attempt:
            # So that senders do not all try at the same moment.
            clock.wait(NEVER, _FIRST_WAIT_SECONDS * 2 ** (attempt - 1) * random.uniform(0.7, 1.0))
        began = clock.monotonic()
        try:
            answers = sender.send(rest)
        except TransportError as error:
            if error.fatal or attempt == _ATTEMPTS - 1:
                raise
            continue
        failures = [(m, answer) for m, answer in zip(rest, answers, strict=True) if answer]
        yield len(rest) - len(failures)
        if not failures:
            return began
        rest = [message for message, _ in failures]
    codes = [failure.code for _, failure in failures]
    raise TransportError(
        f"SQS refused {len(rest)} of {len(batch)} messages of a batch, {_ATTEMPTS} times: "
        f"{', '.join(dict.fromkeys(codes))}",
        code=codes[0],
    )

"""Looks at messages of a queue and gives them back, without using up their deliveries."""

from dataclasses import dataclass, field
from typing import Final

from consumer.clock import Clock
from consumer.errors import ConsumerError
from consumer.operations.decoding import Decoding
from consumer.operations.facts import MessageFacts, facts_of
from consumer.operations.holding import Holder, Refused
from consumer.queues.transport import Transport

#: After a crash, messages are visible again that many seconds after their receive.
HOLD_SECONDS: Final = 30
#: A message must have so many deliveries left after the one that a look costs.
_LEFT: Final = 2


class PeekRefusedError(ConsumerError):
    """Looking could move messages to the dead-letter queue."""

    exit_code = 1


@dataclass(frozen=True)
class Peek:
    """What was seen."""

    messages: tuple[MessageFacts, ...]
    #: Why no more messages were read; "" if there was no reason but the count or the queue's end.
    stopped: str
    not_given_back: Refused = field(repr=False)


def peek(
    transport: Transport, *, count: int, decoding: Decoding, clock: Clock, with_body: bool = False
) -> Peek:
    """Look at up to `count` messages.

    Each look is a receive, which SQS counts; and a message's receive count is known only when it
    has been received. So a queue with a redrive policy is read one message at a time, up to the
    first that has fewer than two deliveries left.

    Raises: `PeekRefusedError` if a new message would be such a one; `TransportError`.
    """
    most = transport.attributes().max_receive_count
    if most is not None and most - 1 < _LEFT:
        raise PeekRefusedError(
            f"the queue's maxReceiveCount is {most}: a look counts as a delivery, and could move "
            f"messages to the dead-letter queue; it must be at least {_LEFT + 1}"
        )
    found: list[MessageFacts] = []
    stopped = ""
    batch = 10 if most is None else 1
    with Holder(transport, seconds=HOLD_SECONDS, clock=clock, batch=batch) as holder:
        for message in holder.read(count):
            found.append(facts_of(message, decoding, now=clock.now(), with_body=with_body))
            if most is not None and most - message.receive_count < _LEFT:
                stopped = _close(message.receive_count, most)
                break
    if holder.out_of_time:
        stopped = "the time was over after which the first messages would be delivered again"
    return Peek(tuple(found), stopped, holder.not_given_back)


def _close(received: int, most: int) -> str:
    left = max(0, most - received)
    return (
        f"the last message shown was received {received} times of {most} (maxReceiveCount): "
        f"{left or 'no'} {'delivery is' if left == 1 else 'deliveries are'} left"
    )

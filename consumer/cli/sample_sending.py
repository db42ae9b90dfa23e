"""Where `consume sample` sends its messages: to a queue, or to an address by HTTP."""

import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from consumer.cli.config_report import load_with_queue
from consumer.cli.options import overrides_of
from consumer.cli.output import note, report
from consumer.clock import Clock
from consumer.errors import EXIT_OK
from consumer.operations.posting import LATE, RETRY_MINUTES, Address, Deliveries, Posts
from consumer.queues.sending import Outgoing, send_all

if TYPE_CHECKING:
    from consumer.events.samples import SampleMessage

#: After so many messages whose last try failed, within 24 hours, Canvas deactivates the stream:
#: without an answer in time, or for another reason.
_MOST_LATE: Final = 9_500
_MOST_REFUSED: Final = 28_000


def send_to_queue(
    messages: Iterable["SampleMessage"], options: Mapping[str, Any], clock: Clock
) -> int:
    """Send them to a queue. However that ends, the number of messages sent is reported."""
    from consumer.queues.sqs import connect

    loaded = load_with_queue(options["config_file"], overrides_of(options), outside_service=True)
    report("\n".join(loaded.warnings), kind="warning")
    sender = connect(loaded.settings.queue, loaded.settings.aws)
    _announce(sender.name, options)
    sent = 0
    try:
        for number in send_all(_outgoing(messages), sender, clock=clock, rate=options["rate"]):
            sent += number
    finally:
        sender.close()
        note(f"{_messages(sent)} sent to {sender.name}")
    return EXIT_OK


def post(messages: Iterable["SampleMessage"], options: Mapping[str, Any], clock: Clock) -> int:
    """Post them to an address, as Canvas does. However that ends, what became of them is reported.

    Returns the exit code.
    """
    address = Address(options["to"], clock=clock)
    address.check()
    _announce(str(address), options)
    minutes = options["retry_minutes"]
    deliveries = Deliveries(
        clock=clock,
        rng=random.Random(),
        retry_minutes=RETRY_MINUTES if minutes is None else minutes,
    )
    with _summary(deliveries, address):
        posts = Posts(address, deliveries)
        try:
            for _ in send_all(_outgoing(messages), posts, clock=clock, rate=options["rate"]):
                pass
        finally:
            posts.close()
        posts.finish()
    return 1 if deliveries.failed else EXIT_OK


def _outgoing(messages: Iterable["SampleMessage"]) -> Iterator[Outgoing]:
    return (Outgoing(message.body, message.attributes) for message in messages)


def _announce(name: str, options: Mapping[str, Any]) -> None:
    count, rate = options["count"], options["rate"]
    if count and rate and count / rate >= 5:  # seconds
        note(f"sending {count} messages to {name} takes {count / rate:,.0f} s")


@contextmanager
def _summary(deliveries: Deliveries, address: Address) -> Iterator[None]:
    try:
        yield
    finally:
        for line in _summary_lines(deliveries, address):
            note(line)


def _summary_lines(deliveries: Deliveries, address: Address) -> Iterator[str]:
    yield f"{_messages(deliveries.accepted)} accepted by {address}"
    for reason, number in sorted(deliveries.failed.items()):
        yield f"{_messages(number)} not accepted in four tries; the last time: {reason}"
    if deliveries.held:
        yield f"{_messages(deliveries.held)} not finished"
    if deliveries.failed_tries:
        reasons = ", ".join(
            f"{reason}: {n}" for reason, n in sorted(deliveries.failed_tries.items())
        )
        yield f"tries that failed: {reasons}; tried again: {deliveries.retries}"
    ended = deliveries.accepted + deliveries.failed.total()
    for number, most in ((deliveries.late, _MOST_LATE), (deliveries.refused, _MOST_REFUSED)):
        if number:
            what = f"with {LATE}" if most == _MOST_LATE else "refused"
            yield (
                f"Canvas deactivates a stream after about {most:,} messages {what} in 24 hours: "
                f"at this share, after {most * ended // number:,} messages"
            )


def _messages(number: int) -> str:
    return f"{number} {'message was' if number == 1 else 'messages were'}"

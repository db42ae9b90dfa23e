"""Where samples go: to standard output, or to a queue."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from consumer.cli.errors import note, tell
from consumer.cli.output import writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumer.config import Loaded
    from consumer.events.samples import SampleMessage

#: What takes longer to send is announced.
_LONG_SECONDS: Final = 5


def write(messages: Iterator[SampleMessage], *, array: bool) -> None:
    """Write them as JSON lines or as an array. Raises `OutputError`.

    In UTF-8, whatever the terminal says: these are bytes for programs.
    """
    before, between, after = (b"[\n", b",\n", b"\n]\n") if array else (b"", b"\n", b"\n")
    started = False
    with writing():
        output = sys.stdout.buffer
        for message in messages:
            output.write(between if started else before)
            output.write(message.body.encode())
            started = True
        if started or array:
            output.write(after if started else b"[]\n")
        output.flush()


def send(messages: Iterator[SampleMessage], options: Mapping[str, Any]) -> None:
    """Send them to the queue that the options name.

    However it ends, also by Ctrl-C, standard error tells how many are in the queue.

    Raises: `ConfigurationError`, and what `send_all` raises.
    """
    from consumer.clock import SystemClock
    from consumer.queues.sending import Outgoing, send_all
    from consumer.queues.sqs import connect

    loaded = _configuration(options)
    sender = connect(loaded.settings.queue, loaded.settings.aws)
    _announce(options["count"], options["rate"], sender.name)
    outgoing = (Outgoing(message.body, message.attributes) for message in messages)
    sent = 0
    try:
        for number in send_all(outgoing, sender, clock=SystemClock(), rate=options["rate"]):
            sent += number
    finally:
        sender.close()
        note(f"{sent} {'message was' if sent == 1 else 'messages were'} sent to {sender.name}")


def _announce(count: int | None, rate: float | None, queue: str) -> None:
    if count is not None and rate is not None and count / rate >= _LONG_SECONDS:
        note(f"sending {count} messages to {queue} takes {count / rate:,.0f} s")


def _configuration(options: Mapping[str, Any]) -> Loaded:
    from consumer.cli.config import queue_address
    from consumer.config import load

    overrides = {
        "queue.url": options["queue_url"],
        "queue.name": options["queue_name"],
        "aws.region": options["region"],
        "aws.endpoint_url": options["endpoint_url"],
        "aws.profile": options["profile"],
    }
    loaded = load(
        options["config_file"],
        environ=os.environ,
        overrides={key: value for key, value in overrides.items() if value is not None},
        require_queue=True,
        outside_service=True,
    )
    queue_address(loaded)
    for warning in loaded.warnings:
        tell(warning, kind="warning")
    return loaded

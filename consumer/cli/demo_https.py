"""The way of the demo's messages with --https: signed, posted to the webhook, into the queue."""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from consumer.clock import NEVER, SystemClock
from consumer.config import Settings
from consumer.errors import EXIT_TRANSIENT, ConsumerError
from consumer.events.samples import SampleMessage
from consumer.operations.posting import Address, Deliveries, Posts
from consumer.operations.posting.address import UnreachableError
from consumer.operations.signing import signed
from consumer.queues.sending import Outgoing
from consumer.queues.sqs import embedded
from consumer.signatures.signer import Signer
from consumer.sqs_limits import batches

#: How long the webhook may take to start, on a slow machine.
_START_SECONDS = 60.0


class DemoError(ConsumerError):
    """The webhook did not take the messages."""

    exit_code = EXIT_TRANSIENT


def post_signed(messages: Iterable[SampleMessage], settings: Settings) -> None:
    """Start `consume webhook` for the queue, and post the messages to it until it has them all."""
    clock = SystemClock()
    folder = settings.state_directory / "webhook"
    folder.mkdir()
    # All are signed first: then the keys are in the file, which the webhook reads when it starts.
    tokens = list(signed(messages, Signer(None, clock.now()), jwks_file=folder / "jwks.json"))
    with _webhook(str(settings.queue.url), folder) as address:
        deliveries = Deliveries(clock=clock, rng=random.Random(), retry_minutes=0)
        posts = Posts(address, deliveries)
        for batch in batches(Outgoing(token.body) for token in tokens):
            posts.send(batch)
        posts.finish()
    if deliveries.failed:
        raise DemoError(f"the webhook did not take all messages: {dict(deliveries.failed)}")


@contextmanager
def _webhook(queue_url: str, folder: Path) -> Iterator[Address]:
    """Run `consume webhook` meanwhile; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    # What the user has configured is not for the demo.
    others = {name: v for name, v in os.environ.items() if not name.startswith("CONSUMER_")}
    environ = {
        **others,
        "CONSUMER_QUEUE__SIGNED__JWKS_FILE": str(folder / "jwks.json"),
        "CONSUMER_AWS__REGION": embedded.REGION,
        "CONSUMER_AWS__ACCESS_KEY_ID": embedded.ACCESS_KEY_ID,
        "CONSUMER_AWS__SECRET_ACCESS_KEY": embedded.SECRET_ACCESS_KEY,
        "CONSUMER_LOGGING__LEVEL": "error",
        "CONSUMER_STATE_DIRECTORY": str(folder),
    }
    # -P: without the modules of the folder that the user is in.
    command = [sys.executable, "-P", "-m", "consumer", "webhook", "--listen", listen]
    process = subprocess.Popen([*command, "--queue-url", queue_url], env=environ)  # noqa: S603 - ours
    try:
        address = Address(urlsplit(f"http://{listen}/"), clock=SystemClock())
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.wait()


def _wait(address: Address, process: subprocess.Popen[bytes]) -> None:
    """Until it listens. Raises: `DemoError` if it does not start."""
    clock = SystemClock()
    end = clock.monotonic() + _START_SECONDS
    while process.poll() is None:
        try:
            address.check()
        except UnreachableError:
            if clock.monotonic() > end:
                break
            clock.wait(NEVER, 0.1)
        else:
            return
    raise DemoError('"consume webhook" does not start; what it reports is above')

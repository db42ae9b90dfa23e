"""The peer: fanferro, an SQS consumer with a Rust core, empties the queue as its README shows.

Run by the Python of a virtual environment in which `pip install fanferro` was done (Python 3.12 or
later); nothing of this project is imported. Its settings are its defaults. The handler asks for the
body as bytes, so unlike the daemon it parses none. What is handled is deleted in batches.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
from typing import Any


def drain(fanferro: Any, queue_url: str, endpoint_url: str, messages: int, pollers: int) -> None:
    """Receive, handle and delete `messages`, then stop."""
    client = fanferro.Client(endpoint_url=endpoint_url)
    # No look-up of the queue, no comparison of its attributes: as lean as it goes.
    queue = client.queue(url=queue_url, provisioning=fanferro.Provisioning.assume())
    left = messages

    async def take(body: bytes) -> None:
        """Do nothing with one message, and end with the last."""
        nonlocal left
        left -= 1
        if left == 0:
            consumer.request_stop()

    consumer = client.consumer(queue, take, pollers=pollers)

    async def run() -> None:
        async with client:
            await consumer.run()

    asyncio.run(run())


def main() -> None:
    """Read the command line and drain."""
    parser = argparse.ArgumentParser(description="A fanferro consumer that empties a queue.")
    parser.add_argument("--queue-url", required=True)
    parser.add_argument("--endpoint-url", required=True)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--pollers", type=int, default=1)
    options = parser.parse_args()
    try:
        fanferro = importlib.import_module("fanferro")
    except ImportError as error:
        sys.exit(f"{sys.executable} has no fanferro (pip install fanferro): {error}")
    drain(fanferro, options.queue_url, options.endpoint_url, options.messages, options.pollers)


if __name__ == "__main__":
    main()

"""Takes what handlers send, and answers at once: as SQS, EventBridge and S3 do, or any receiver.

`python -m tests.bench.taker` prints one line of JSON like the stub's when it is ready, and serves
until it is stopped. GET /landed is how many different events it has been sent.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from typing import TYPE_CHECKING

from tests.bench.stub_http import Connection

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEY = re.compile(rb'event_key\\?": ?\\?"([^"\\]+)')
_ETAG = b'ETag: "5f2d6c1e7a905d438b1c2f6a9e0d4c37"\r\n'


class Taker:
    """Keeps the bodies, which are looked at when it is asked, not while it is measured."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []

    def request(self, connection: Connection, line: str, target: str, body: bytes) -> None:
        """Answer one request."""
        if line == "GET /landed":
            connection.reply(json.dumps(self._landed()).encode())
            return
        if target == "AWSEvents.DescribeEventBus":
            connection.reply(b"{}")
            return
        self._bodies.append(body)
        if target == "SendMessageBatch":
            ids = [entry["Id"] for entry in json.loads(body)["Entries"]]
            sent = [{"Id": given, "MessageId": given, "MD5OfMessageBody": ""} for given in ids]
            connection.reply(json.dumps({"Successful": sent}).encode())
        elif target == "AWSEvents.PutEvents":
            results = [{"EventId": "1"} for _ in json.loads(body)["Entries"]]
            connection.reply(json.dumps({"FailedEntryCount": 0, "Entries": results}).encode())
        else:
            connection.reply(b"", fields=_ETAG if line.startswith("PUT ") else b"")

    def forget(self, connection: Connection) -> None:
        """Nothing waits for an answer."""

    def _landed(self) -> int:
        return len({key for body in self._bodies for key in _keys(body)})


def _keys(body: bytes) -> Sequence[bytes]:
    text = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    return _KEY.findall(text)


async def serve() -> None:
    """Print the address, and serve until the process is stopped."""
    taker = Taker()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(taker, 0.0), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(json.dumps({"url": url, "queue_url": "", "control_url": url}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())

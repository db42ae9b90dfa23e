"""HTTP/1.1 as the stub needs it: keep-alive, one request at a time, no chunks."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tests.bench.stub_actions import ActionError

_HEAD = (
    b"HTTP/1.1 %d %b\r\nx-amzn-RequestId: 5f2d6c1e-7a90-5d43-8b1c-2f6a9e0d4c37\r\n"
    b"Date: Mon, 02 Sep 2024 08:00:00 GMT\r\nContent-Type: application/x-amz-json-1.0\r\n"
    b"Content-Length: %d\r\nconnection: keep-alive\r\n%b\r\n"
)


class Server(Protocol):
    """Who answers."""

    def request(self, connection: Connection, line: str, target: str, body: bytes) -> None:
        """Answer, by `reply` or `fail` of the connection, now or later."""

    def forget(self, connection: Connection) -> None:
        """The connection is gone."""


class Connection(asyncio.Protocol):
    """One keep-alive connection: one request at a time, as HTTP/1.1 clients send them."""

    def __init__(self, server: Server, latency_seconds: float) -> None:
        self._server = server
        self._latency = latency_seconds
        self._buffer = b""
        self._busy = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget who is gone."""
        self._transport = None
        self._server.forget(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and a request as soon as there is a whole one."""
        self._buffer += data
        if not self._busy:
            self._next()

    def _next(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].decode("latin-1")
        fields = head.lower()
        length = int(_field(fields, fields, "content-length") or 0)
        if len(self._buffer) < end + 4 + length:
            if (
                len(self._buffer) == end + 4
                and _field(fields, fields, "expect")
                and self._transport
            ):
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        body = self._buffer[end + 4 : end + 4 + length]
        self._buffer = self._buffer[end + 4 + length :]
        self._busy = True
        line = head[: head.find(" HTTP/")]
        target = _field(fields, head, "x-amz-target").removeprefix("AmazonSQS.")
        if self._latency > 0 and target:
            loop = asyncio.get_running_loop()
            loop.call_later(self._latency, self._handle, line, target, body)
        else:
            self._handle(line, target, body)

    def _handle(self, line: str, target: str, body: bytes) -> None:
        if self._transport is not None:  # a client that has hung up must not get messages
            self._server.request(self, line, target, body)

    def reply(self, body: bytes, *, status: int = 200, fields: bytes = b"") -> None:
        """Send an answer and turn to what came meanwhile."""
        if self._transport is None:
            return
        phrase = b"OK" if status == 200 else b"Bad Request"
        self._transport.write(_HEAD % (status, phrase, len(body), fields) + body)
        self._busy = False
        if self._buffer:
            self._next()

    def fail(self, error: ActionError) -> None:
        """Send an error as SQS does: its name in the body, the older name in a header."""
        body = json.dumps({"__type": f"com.amazonaws.sqs#{error.code}", "message": str(error)})
        older = f"x-amzn-query-error: {error.query_code};Sender\r\n"
        self.reply(body.encode(), status=error.status, fields=older.encode())


def _field(fields: str, original: str, name: str) -> str:
    """The value of a header field; `fields` is the head in lower case."""
    start = fields.find(f"\r\n{name}:")
    if start < 0:
        return ""
    start += len(name) + 3
    end = fields.find("\r\n", start)
    return original[start : end if end >= 0 else None].strip()

"""The ASGI application: one post, one message, and 204 only when it is in the queue."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.errors import describe
from consumer.queues.sending import Outgoing
from consumer.sqs_limits import MAX_MESSAGE_BYTES
from consumer.webhook.acceptance import MOST_BYTES, Acceptance, RefusedError
from consumer.webhook.batches import Batches, NotStoredError
from consumer.webhook.monitoring import SENDING_FAILS
from consumer.webhook.payload import message_of
from consumer.webhook.tally import Tally

_log = structlog.get_logger(__name__)

#: Canvas waits 15 seconds for an answer. One that can't be good by then is bad before.
ANSWER_SECONDS: Final = 12.0
#: Bodies that are being read or wait for SQS, all together. All posts beyond get 503.
MOST_HELD_BYTES: Final = 33_554_432
HEALTH_PATH: Final = b"/healthz"

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class _GoneError(Exception):
    """The client has closed the connection."""


class App:
    """Called by uvicorn for each request, in the event loop's thread."""

    def __init__(
        self, acceptance: Acceptance, batches: Batches, tally: Tally, *, clock: Clock
    ) -> None:
        self._acceptance = acceptance
        self._batches = batches
        self._tally = tally
        self._clock = clock
        self._held_bytes = 0

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = self._clock.monotonic()
        method, path = scope["method"], scope["raw_path"]
        if path == HEALTH_PATH and method in ("GET", "HEAD"):
            await _send(send, *self._health(), with_body=method == "GET")
            return
        try:
            status, text = await self._post(scope, receive)
        except _GoneError:
            return
        except Exception as error:
            _log.error(log_events.WEBHOOK_FAILED, **describe(error), exc_info=error)
            status, text = 503, "a bug: see the log"
        self._tally.add(status, self._clock.monotonic() - began)
        # Instead of "100 Continue": then the client may leave out the body, or not.
        is_last = status != 204 and any(name == b"expect" for name, _ in scope["headers"])
        await _send(send, status, text, is_last=is_last)

    def refused_connection(self) -> None:
        """There were too many; it got 503."""
        self._tally.add(503, 0.0)
        _log.warning(log_events.WEBHOOK_REFUSED, status=503, reason="too many connections")

    def _health(self) -> tuple[int, str]:
        if self._batches.is_failing:
            return 503, SENDING_FAILS
        return 200, "ok"

    async def _post(self, scope: Mapping[str, Any], receive: Receive) -> tuple[int, str]:
        """Status and text of the answer. Logged is why, never what was posted."""
        body, size = bytearray(), 0
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                self._acceptance.check_path(scope["raw_path"])
                _check_head(scope)
                await self._read(receive, body)
                size = len(body)
                message = _message_of(await self._acceptance.payload_of(bytes(body)))
                body.clear()  # the message has it
                await self._batches.store(message)
        except RefusedError as refused:
            _log.warning(log_events.WEBHOOK_REFUSED, status=refused.status, reason=str(refused))
            return refused.status, str(refused)
        except NotStoredError:
            return 503, "the queue can't be reached, or refuses it"
        except TimeoutError:
            return 503, "it took too long"
        finally:
            self._held_bytes -= size or len(body)
        return 204, ""

    async def _read(self, receive: Receive, body: bytearray) -> None:
        more = True
        while more:
            part = await receive()
            if part["type"] == "http.disconnect":
                raise _GoneError
            piece = part.get("body", b"")
            if self._held_bytes + len(piece) > MOST_HELD_BYTES:
                raise RefusedError(503, "too many posts at a time")
            body += piece
            self._held_bytes += len(piece)
            if len(body) > MOST_BYTES:
                raise _too_large()
            more = part.get("more_body", False)


def _check_head(scope: Mapping[str, Any]) -> None:
    """A post that says that it is too large is not read."""
    if scope["method"] != "POST":
        raise RefusedError(405, "only POST is accepted here")
    length = dict(scope["headers"]).get(b"content-length", b"0")
    if length.isdigit() and (len(length) > 9 or int(length) > MOST_BYTES):
        raise _too_large()


def _message_of(payload: bytes) -> Outgoing:
    message = message_of(payload)
    if message.size > MAX_MESSAGE_BYTES:  # with attributes and escapes
        raise _too_large()
    return message


def _too_large() -> RefusedError:
    return RefusedError(413, f"more than {MOST_BYTES:,} bytes")


async def _send(
    send: Send, status: int, text: str, *, with_body: bool = True, is_last: bool = False
) -> None:
    body = f"{text}\n".encode() if text else b""
    headers = [(b"cache-control", b"no-store")]
    if is_last:
        headers.append((b"connection", b"close"))
    if body:
        headers += [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body if with_body else b""})

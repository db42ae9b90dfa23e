"""A small, fast SQS server on loopback, full of Canvas messages, for the benchmark and for tests.

`python -m tests.bench.stub --port 0 --messages 20000 --latency-ms 0` prints one line of JSON,
{"url": ..., "queue_url": ..., "control_url": ...}, when it is ready, and serves until it is
stopped. With --certificate, `url` is served with TLS, on a separate port.
Beside SQS's JSON protocol: GET /stats, POST /send with {"body", "attributes"}, POST /send-all with
{"bodies"}, POST /watch with {"pid"} (what that process has used at the first receive and at the
last delete is in /stats), POST /shutdown.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import signal
import ssl
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle, islice
from typing import Any

from consumer.events.samples import realistic_messages
from tests.bench.process import Marks
from tests.bench.stub_actions import ActionError, Receive, answer, parse_receive
from tests.bench.stub_http import Connection
from tests.bench.stub_queue import Queue

QUEUE_PATH = "/123456789012/canvas-live-events-bench"
_DISTINCT = 20_000
_FIRST_EVENT = datetime(2026, 9, 1, 8, tzinfo=UTC)
_SWEEP_SECONDS = 0.1


@dataclass(slots=True, eq=False)
class Waiter:
    """A long poll that found nothing yet."""

    connection: Connection
    request: Receive
    timer: asyncio.TimerHandle


@dataclass(slots=True)
class Stub:
    """The queue and its clients. Lives in one event loop."""

    queue: Queue
    queue_url: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    #: When the latest calls came: seconds of CLOCK_MONOTONIC.
    call_times: deque[float] = field(default_factory=lambda: deque(maxlen=100))
    marks: Marks = field(default_factory=Marks)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _waiters: deque[Waiter] = field(default_factory=deque)

    def request(self, connection: Connection, line: str, target: str, body: bytes) -> None:
        """Answer one request, at once or (a long poll) later."""
        try:
            data = json.loads(body) if body else {}
            if not target:
                self._control(connection, line, data)
                return
            self.calls[target] += 1
            self.call_times.append(time.monotonic())
            if target == "ReceiveMessage":
                self._receive(connection, parse_receive(data, self.queue_url))
            else:
                self._act(connection, target, data)
        except ActionError as error:
            connection.fail(error)
        except (AttributeError, LookupError, TypeError, ValueError):
            connection.fail(ActionError("InvalidParameterValue", "The request cannot be read."))

    def _receive(self, connection: Connection, request: Receive) -> None:
        found = self._take(request)
        if found is not None:
            connection.reply(found)
        elif request.wait_seconds == 0:
            connection.reply(b"{}")
        else:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(request.wait_seconds, self._give_up, connection)
            self._waiters.append(Waiter(connection, request, timer))

    def _take(self, request: Receive) -> bytes | None:
        now = time.monotonic()
        seconds = request.visibility_seconds
        found = self.queue.receive(
            request.count,
            visible_at=now + (self.queue.visibility_seconds if seconds is None else seconds),
            now_ms=time.time_ns() // 1_000_000,
            system_names=request.system_names,
            names=request.names,
        )
        if found is not None and self.marks.first_receive is None:
            self.marks.begin(now)
        return found

    def _act(self, connection: Connection, target: str, data: dict[str, Any]) -> None:
        deleted = self.queue.counts.deleted
        connection.reply(answer(self.queue, target, data, self.queue_url))
        if self.queue.counts.deleted != deleted:
            if self.queue.visible + self.queue.in_flight == 0:
                self.marks.end(time.monotonic())
        elif self.queue.visible:
            self.wake()

    def wake(self) -> None:
        """Give what is visible to the long polls that wait, the longest wait first."""
        while self._waiters and self.queue.visible:
            waiter = self._waiters.popleft()
            waiter.timer.cancel()
            waiter.connection.reply(self._take(waiter.request) or b"{}")

    def _give_up(self, connection: Connection) -> None:
        self.forget(connection)
        connection.reply(b"{}")

    def forget(self, connection: Connection) -> None:
        """Drop the long poll of a connection, so that it is given no message any more."""
        for waiter in [w for w in self._waiters if w.connection is connection]:
            waiter.timer.cancel()
            self._waiters.remove(waiter)

    def _control(self, connection: Connection, line: str, data: dict[str, Any]) -> None:
        match line:
            case "GET /stats":
                connection.reply(json.dumps(self._stats()).encode())
            case "POST /send":
                attributes = data.get("attributes", {})
                now_ms, sent_ns = time.time_ns() // 1_000_000, time.monotonic_ns()
                message_id, _ = self.queue.send(data["body"], attributes, now_ms)
                self.wake()
                answer = {"MessageId": message_id, "sent_ns": sent_ns}
                connection.reply(json.dumps(answer).encode())
            case "POST /send-all":
                now_ms = time.time_ns() // 1_000_000
                ids = [self.queue.send(body, {}, now_ms)[0] for body in data["bodies"]]
                self.wake()
                connection.reply(json.dumps({"MessageIds": ids}).encode())
            case "POST /watch":
                self.marks.pid = data["pid"]
                connection.reply(b"{}")
            case "POST /shutdown":
                connection.reply(b"{}")
                self.stop.set()
            case _:
                raise ActionError("InvalidAction", f"there is no {line} here", status=404)

    def _stats(self) -> dict[str, Any]:
        counts = self.queue.counts
        return {
            "calls": dict(self.calls),
            "call_times": list(self.call_times),
            "received": counts.received,
            "redelivered": counts.redelivered,
            "deleted": counts.deleted,
            "remaining": self.queue.visible,
            "in_flight": self.queue.in_flight,
            **dataclasses.asdict(self.marks),
        }

    async def sweep(self) -> None:
        """Show messages again whose visibility timeout is over, as long as the server runs."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self.queue.expire(time.monotonic())
            self.wake()


async def serve(options: argparse.Namespace) -> None:
    """Fill the queue, print the address, and serve until stopped."""
    stub = Stub(Queue(options.visibility_seconds))
    now_ms = time.time_ns() // 1_000_000
    # A larger backlog is those again and again: the texts of half a million need not be in memory.
    distinct = min(options.messages, _DISTINCT)
    samples = list(realistic_messages(distinct, seed=1, start=_FIRST_EVENT))
    for sample in islice(cycle(samples), options.messages):
        stub.queue.send(sample.body, sample.attributes, now_ms)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stub.stop.set)

    async def listen(port: int, tls: ssl.SSLContext | None) -> tuple[asyncio.Server, str]:
        server = await loop.create_server(
            lambda: Connection(stub, options.latency_ms / 1000), "127.0.0.1", port, ssl=tls
        )
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server, f"{'https' if tls else 'http'}://{address}"

    control, control_url = server, url = await listen(options.port, None)
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate, options.key)
        server, url = await listen(0, tls)
    stub.queue_url = url + QUEUE_PATH
    addresses = {"url": url, "queue_url": stub.queue_url, "control_url": control_url}
    print(json.dumps(addresses), flush=True)
    sweeper = asyncio.create_task(stub.sweep())
    await stub.stop.wait()
    sweeper.cancel()
    server.close()
    control.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="A small, fast SQS server for the benchmark.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--messages", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--visibility-seconds", type=int, default=30)
    parser.add_argument("--certificate", help="serve TLS, too, with this chain (PEM)")
    parser.add_argument("--key", help="of the certificate (PEM)")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()

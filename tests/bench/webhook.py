"""Posts signed events to the real webhook, and looks whether all that it took are in the queue.

    python -m tests.bench.webhook --posts 10000 --connections 48 --latency-ms 15

The queue is the stub, whose answers take `--latency-ms`. Each post is a realistic event, signed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from consumer.events.samples import realistic_messages
from tests.bench.process import cpu_seconds, peak_rss_mb
from tests.bench.rig import BenchError, environment, running_stub
from tests.signatures.signing import jwk, jwks, signed
from tests.webhook.rig import activated, listening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.rig import StubAddress

_HEAD = "POST / HTTP/1.1\r\nHost: webhook\r\nContent-Length: %d\r\n\r\n"


@dataclass(slots=True)
class Load:
    """What a run showed."""

    seconds: float
    cpu_us: float
    rss_mb: float
    sends: int
    statuses: Counter[int]
    latencies_ms: list[float]
    #: Payloads that were answered with 204 and are not in the queue, and the reverse.
    lost: int
    more: int


def run_load(*, posts: int, connections: int, latency_ms: float) -> Load:
    """Start stub and webhook, post, and audit. Raises BenchError."""
    payloads = [message.body for message in realistic_messages(posts, seed=5)]
    requests = [_request(payload) for payload in payloads]
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stub(latency_ms=latency_ms) as stub,
        listening() as listener,
    ):
        keys = Path(folder, "jwks.json")
        keys.write_bytes(jwks(jwk()))
        environ = environment(
            {
                "CONSUMER_STATE_DIRECTORY": folder,
                "CONSUMER_QUEUE__URL": stub.queue_url,
                "CONSUMER_AWS__ENDPOINT_URL": stub.url,
                "CONSUMER_QUEUE__SIGNED__JWKS_FILE": str(keys),
            }
        )
        command = activated(listener, "webhook", "--log-format", "json")
        with subprocess.Popen(command, env=environ, pass_fds=[listener.fileno()]) as process:
            try:
                port = listener.getsockname()[1]
                asyncio.run(_until_healthy(port))
                load = asyncio.run(_post_all(requests, port, connections, process.pid))
            finally:
                process.terminate()
                process.wait(30)
        load.sends = stub.get("/stats")["calls"]["SendMessageBatch"]
        return _audit(load, payloads, list(_in_queue(stub)))


def _request(payload: str) -> bytes:
    token = signed(payload.encode()).encode()
    return (_HEAD % len(token)).encode() + token


async def _until_healthy(port: int) -> None:
    for _ in range(300):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: webhook\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        if b" 200 " in answer[:20]:
            return
        await asyncio.sleep(0.1)
    raise BenchError("the webhook did not start")


async def _post_all(requests: list[bytes], port: int, connections: int, pid: int) -> Load:
    waiting = enumerate(requests)
    statuses: dict[int, int] = {}
    latencies: list[float] = []

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number, request in waiting:
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            latencies.append((time.perf_counter() - began) * 1_000)
            statuses[number] = int(head[9:12])
            if b"content-length: " in head.lower():
                length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
                await reader.readexactly(int(length))
        writer.close()

    cpu, began = cpu_seconds(pid), time.perf_counter()
    await asyncio.gather(*(client() for _ in range(connections)))
    seconds = time.perf_counter() - began
    load = Load(
        seconds, (cpu_seconds(pid) - cpu) / len(requests) * 1e6, peak_rss_mb(pid), 0,
        Counter(statuses.values()), sorted(latencies), 0, 0,
    )  # fmt: skip
    if len(statuses) != len(requests):
        raise BenchError("some posts were not answered")
    return load


def _in_queue(stub: StubAddress) -> Iterator[str]:
    client = boto3.client(
        "sqs", endpoint_url=stub.url, region_name="us-east-1",
        aws_access_key_id="bench", aws_secret_access_key="bench",
    )  # fmt: skip
    while messages := client.receive_message(
        QueueUrl=stub.queue_url, MaxNumberOfMessages=10, VisibilityTimeout=600
    ).get("Messages"):
        yield from (message["Body"] for message in messages)
    client.close()


def _audit(load: Load, payloads: list[str], queue: list[str]) -> Load:
    """In a run without errors, both sides must be the same texts, each as often."""
    load.lost = (Counter(payloads) - Counter(queue)).total() - load.statuses.total()
    load.lost += load.statuses[204]
    load.more = (Counter(queue) - Counter(payloads)).total()
    return load


def main() -> int:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description="Load on the webhook.")
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=48)
    parser.add_argument("--latency-ms", type=float, default=15.0)
    options = parser.parse_args()
    load = run_load(**vars(options))
    p50, p99 = (load.latencies_ms[int(len(load.latencies_ms) * share) - 1] for share in (0.5, 0.99))
    figures = {
        "posts": options.posts,
        "statuses": dict(load.statuses),
        "events_per_second": round(options.posts / load.seconds),
        "cpu_us_per_event": round(load.cpu_us),
        "p50_ms": round(p50, 1),
        "p99_ms": round(p99, 1),
        "events_per_send": round(options.posts / load.sends, 1),
        "peak_rss_mb": round(load.rss_mb),
        "answered_204_and_not_in_the_queue": load.lost,
        "in_the_queue_and_not_posted": load.more,
    }
    print(json.dumps(figures, indent=2))
    return int(bool(load.lost or load.more or load.statuses[204] != options.posts))


if __name__ == "__main__":
    sys.exit(main())

"""A daemon that is monitored: over HTTP while it works and while it drains; a port in use."""

from __future__ import annotations

import json
import signal
import socket
import urllib.request
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.conftest import Gate
    from tests.moto_queues import Moto
    from tests.processes import Consume

    Start = Callable[..., Consume]

GATED = ("--handler", "gated_handlers:registry")


def free_port() -> int:
    """A port that no process uses now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def get(port: int, path: str) -> str:
    """The text of an answer."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return str(answer.read().decode())


def value(text: str, name: str, **labels: str) -> float:
    """A sample in the text of the metrics."""
    found = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == f"canvas_live_events_{name}" and sample.labels == labels
    ]
    return found[0]


def test_metrics_of_a_daemon_until_its_end(
    moto: Moto, consume: Start, gate: Gate, tmp_path: Path
) -> None:
    """What it handles, its requests, both queues; while it drains; and in the file."""
    queue, _ = moto.with_dead_letters(max_receive_count=5)
    port, file = free_port(), tmp_path / "events.prom"
    environ = {
        "CONSUMER_METRICS__LISTEN": f"127.0.0.1:{port}",
        "CONSUMER_METRICS__TEXTFILE": str(file),
    }
    run = consume("--queue-url", queue.url, *GATED, **gate.environ, **environ)
    queue.send_numbered(2)
    gate.until_started(2)
    run.until("ready")

    text = get(port, "/metrics")
    assert value(text, "in_flight_messages") == 2
    assert value(text, "api_requests_total", action="ReceiveMessage", result="ok") >= 1
    depth = {"queue": "dead_letter", "state": "visible"}
    eventually(lambda: 'queue="dead_letter",state="visible"' in get(port, "/metrics"), "asked")
    assert value(get(port, "/metrics"), "queue_messages", **depth) == 0
    assert get(port, "/healthz") == get(port, "/readyz") == "ok\n"
    workers = json.loads(get(port, "/status"))["workers"]
    assert [worker["role"] for worker in workers].count("work") == 2
    assert "<html" in get(port, "/")

    run.signal(signal.SIGTERM)
    run.until("draining")
    text = get(port, "/metrics")
    assert value(text, "state", state="draining") == 1
    assert value(text, "healthy") == 1
    gate.open()

    assert run.end() == 0
    assert "canvas_live_events_process_cpu_seconds_total" in file.read_text()
    assert queue.counts() == (0, 0)


def test_a_port_in_use_ends_the_start(moto: Moto, consume: Start) -> None:
    """With exit code 78 and a sentence, before anything is received."""
    queue = moto.queue()
    queue.send_numbered(1)
    with socket.create_server(("127.0.0.1", 0)) as used:
        address = f"127.0.0.1:{used.getsockname()[1]}"
        run = consume("--queue-url", queue.url, CONSUMER_METRICS__LISTEN=address)
        assert run.end() == 78

    assert f"can't listen on {address}: another process listens there" in run.stderr()
    assert queue.counts() == (1, 0)

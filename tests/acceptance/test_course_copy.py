"""A course copy, from thousands of messages in the queue to one call of a handler."""

from __future__ import annotations

import json
import signal
import textwrap
from typing import TYPE_CHECKING

import pytest

from consumer.testing import canvas_body
from tests.bench.process import peak_rss_mb
from tests.processes import Consume, eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.bench.rig import StubAddress

    Start = Callable[..., Consume]

EVENTS = 5000
HANDLERS = """
    import json
    from pathlib import Path

    from consumer import Registry

    registry = Registry()


    @registry.on("assignment_updated")
    def sync(event, context):
        with Path("calls.jsonl").open("a") as file:
            print(json.dumps([event.body["number"], len(context.message_ids)]), file=file)
"""
CONFIG = """
    queue: {{url: "{url}"}}
    handlers:
      - name: sync
        coalesce: {{key: body.course_id, seconds: 10}}
        python: {{target: "course_handlers:registry"}}
"""


def copied(number: int) -> str:
    """An event of the copy, of usual size."""
    body = {"course_id": "7", "number": number, "description": "x" * 800}
    time = f"2026-03-01T12:00:{number // 1000:02d}.{number % 1000:03d}Z"
    return canvas_body("assignment_updated", event_time=time, body=body)


@pytest.mark.acceptance
def test_a_course_copy_is_one_call(stub: StubAddress, consume: Start, tmp_path: Path) -> None:
    """Its 5,000 messages are deleted after it, and take 10 KB of memory each at most."""
    (tmp_path / "course_handlers.py").write_text(textwrap.dedent(HANDLERS))
    config, calls = tmp_path / "config.yaml", tmp_path / "calls.jsonl"
    config.write_text(textwrap.dedent(CONFIG.format(url=stub.queue_url)))
    run = consume("--config", str(config))
    run.until("ready")
    before = peak_rss_mb(run.process.pid)

    stub.post("/send-all", {"bodies": [copied(number) for number in range(EVENTS)]})
    eventually(lambda: stub.get("/stats")["deleted"] == EVENTS, "all are deleted")
    used = peak_rss_mb(run.process.pid) - before
    run.signal(signal.SIGTERM)

    assert run.end() == 0
    assert [[EVENTS - 1, EVENTS]] == [json.loads(line) for line in calls.read_text().splitlines()]
    assert used * 1000 <= EVENTS * 10, f"{used:.0f} MB"

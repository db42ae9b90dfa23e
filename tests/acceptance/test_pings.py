"""The real command pings a URL, which is in no log; what it learned of the traffic is kept."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from consumer.service.silence import TRAFFIC_FILE
from consumer.service.traffic import of_text
from tests.acceptance.http_endpoint import Endpoint, running_endpoint
from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.moto_queues import Moto
    from tests.processes import Consume


def test_the_life_of_a_daemon_is_seen_elsewhere(
    moto: Moto, consume: Callable[..., Consume], tmp_path: Path
) -> None:
    """Start, success, and the end; a server that fails is only a warning."""
    calls: list[str] = []

    class Handler(Endpoint):
        def do_GET(self) -> None:  # noqa: N802 - the name of http.server
            calls.append(self.path)
            self.answer(500 if self.path == "/sesame" else 200, b"")

    with running_endpoint(Handler) as url:
        run = consume("--queue-url", moto.queue().url, CONSUMER_PING__URL=f"{url}/sesame")
        run.until("ping_failed")
        run.signal(signal.SIGTERM)
        assert run.end() == 0
        eventually(lambda: len(calls) == 3, "the end is reported")

    assert ["/sesame/start", "/sesame", "/sesame"] == calls
    assert "HTTP 500" == run.log("ping_failed")[0]["reason"]
    assert "sesame" not in run.stderr()
    assert of_text((tmp_path / "state" / TRAFFIC_FILE).read_text())

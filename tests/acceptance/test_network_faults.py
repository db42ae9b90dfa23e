"""The network between the daemon and SQS at its worst: nothing is lost, nothing gets stuck."""

from __future__ import annotations

import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consumer.engine.receive_failures import RECEIVE_BACKOFF
from consumer.engine.worker import LAST_CALLS_SECONDS
from tests.acceptance.conftest import SMALL_BATCHES, archived
from tests.acceptance.load import loading
from tests.acceptance.tcp_proxy import Weather, tcp_proxy
from tests.bench.rig import running_stub
from tests.moto_queues import numbered
from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.acceptance.tcp_proxy import Proxy
    from tests.bench.rig import StubAddress
    from tests.processes import Consume

READ_TIMEOUT_SECONDS = 1.5
VISIBILITY_SECONDS = 3
LINES_A_MINUTE = 6
#: What a slow machine with much else to do may take longer than it should.
SLACK_SECONDS = 15.0
#: A batch of the archive lingers half a second, and so does its delete.
ARCHIVE_SECONDS = 1.0
#: As short as they may be; a long poll is 1 s.
SETTINGS = {
    # If a few slots were not released, the daemon would stand still.
    "CONSUMER_ENGINE__MAX_IN_FLIGHT_MESSAGES": "30",
    "CONSUMER_ENGINE__SUMMARY_INTERVAL_SECONDS": "1",
    "CONSUMER_QUEUE__READ_TIMEOUT_SECONDS": str(READ_TIMEOUT_SECONDS),
    "CONSUMER_QUEUE__CONNECT_TIMEOUT_SECONDS": "0.5",
}


class Site:
    """A queue behind a bad network, and the one process that works on it."""

    def __init__(
        self, stub: StubAddress, proxy: Proxy, consume: Callable[..., Consume], folder: Path
    ) -> None:
        self.stub = stub
        self.proxy = proxy
        self.archive = folder / "archive"
        (folder / "config.yaml").write_text(SMALL_BATCHES)
        self.run = consume(
            "-c", "config.yaml", "--queue-url", stub.queue_url, "--endpoint-url", proxy.url,
            **SETTINGS,
        )  # fmt: skip

    def until_deleted(self, count: int) -> None:
        """Wait until `count` messages are handled and deleted."""
        what = f"{count} are deleted"
        eventually(lambda: self.stub.get("/stats")["deleted"] == count, what)

    def numbers(self) -> list[int]:
        """The numbers of the archived events, in order."""
        lines = archived(self.archive)
        return sorted(int(line["payload"]["body"]["submission_id"]) for line in lines)

    def stop(self) -> None:
        """It has never stopped by itself, and stops cleanly now."""
        assert self.run.process.poll() is None
        self.run.signal(signal.SIGTERM)
        assert self.run.end() == 0
        (account,) = self.run.log("drained")
        assert account["abandoned"] == 0
        assert len(self.run.log("starting")) == 1
        bugs = ("uncaught_exception", "loop_died", "unhealthy", "handler_failed", "undecodable")
        assert not [line for line in self.run.log() if line["event"] in bugs]


@pytest.fixture(name="site")
def _site(consume: Callable[..., Consume], tmp_path: Path) -> Iterator[Site]:
    with (
        running_stub(visibility_seconds=VISIBILITY_SECONDS) as stub,
        tcp_proxy(stub.url) as proxy,
    ):
        yield Site(stub, proxy, consume, tmp_path)


#: Often, and yet not so often that nothing gets through.
FAULTS = {
    "reset": Weather(chance=0.4, reset=True),
    "stalled": Weather(chance=0.3, lose=True),
    "delayed": Weather(chance=0.5, late_seconds=2 * READ_TIMEOUT_SECONDS),
    "truncated": Weather(chance=0.4, cut_bytes=700),
    "throttled": Weather(bytes_per_second=10_000),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_message_is_handled_and_deleted_in_the_end(site: Site, fault: str) -> None:
    """With faults in deletes and receives; by one process, which stops with exit code 0."""
    struck = site.proxy.struck
    with loading(site.stub) as load:
        site.run.until("ready")
        site.proxy.weather = replace(FAULTS[fault], action="DeleteMessageBatch")
        eventually(lambda: struck["DeleteMessageBatch"] >= 3, "deletes suffer")
        site.proxy.weather = FAULTS[fault]
        eventually(lambda: struck["ReceiveMessage"] >= 2, "receives suffer")
        sent = load.end()

    site.proxy.weather = Weather()
    site.until_deleted(sent)

    site.stop()
    assert set(range(sent)) == set(site.numbers())


def test_a_dead_connection_is_noticed_within_the_read_timeout(site: Site) -> None:
    """There is no error; the next attempt uses a new connection, without a restart."""
    site.run.until("ready")
    before = site.proxy.connections

    site.proxy.weather = Weather(lose=True)
    began = time.monotonic()
    failed = site.run.until("receive_failed")
    noticed = time.monotonic() - began
    site.proxy.weather = Weather()
    site.stub.post("/send-all", {"bodies": [numbered(0)]})
    site.until_deleted(1)
    recovered = time.monotonic() - began - noticed

    assert "ReadTimeoutError" == failed["code"]
    # One that was answered just before leaves the whole of it to the next.
    assert noticed < READ_TIMEOUT_SECONDS + SLACK_SECONDS
    assert recovered < failed["next_attempt_seconds"] + ARCHIVE_SECONDS + SLACK_SECONDS
    assert site.proxy.connections > before
    site.stop()
    assert [0] == site.numbers()
    print(f"noticed after {noticed:.1f} s, handled {recovered:.1f} s later")


def test_an_outage_ends_when_the_network_is_back(site: Site) -> None:
    """No slot is stuck, no log is flooded, and receives go on within one backoff.

    First packets vanish, then connections are reset. A minute of log is a
    second here: that is how often the summary and the counts of repeated failures are written.
    """
    with loading(site.stub) as load:
        eventually(lambda: site.stub.get("/stats")["deleted"] > 0, "it works")
        lines, began = len(site.run.log()), time.monotonic()
        struck = site.proxy.struck
        site.proxy.weather = Weather(lose=True)
        eventually(lambda: struck["ReceiveMessage"] >= 2, "receives get no answer")
        site.proxy.weather = Weather(reset=True)
        eventually(lambda: struck["ReceiveMessage"] >= 3, "a receive is reset")
        outage = time.monotonic() - began
        written = len(site.run.log()) - lines
        recovered = len(site.run.log("receive_recovered"))

        site.proxy.weather = Weather()
        back = time.monotonic()
        eventually(lambda: len(site.run.log("receive_recovered")) > recovered, "it receives again")
        waited = time.monotonic() - back
        sent = load.end()
    site.until_deleted(sent)

    print(f"{written} lines in {outage:.1f} s of outage, received again {waited:.1f} s after it")
    failures = site.run.log("receive_recovered")[-1]["failures"]
    assert failures > 1
    assert waited < RECEIVE_BACKOFF.ceiling(failures) + SLACK_SECONDS
    assert written < LINES_A_MINUTE * (outage + 1)
    site.stop()
    assert 0 == site.run.log("summary")[-1]["in_flight"]
    assert set(range(sent)) == set(site.numbers())


def test_a_stop_in_a_black_hole_ends_in_time(
    consume: Callable[..., Consume],
) -> None:
    """Calls that never return do not add their read timeout (300 s here) to the drain."""
    with running_stub(messages=500, visibility_seconds=60) as stub, tcp_proxy(stub.url) as proxy:
        proxy.weather = Weather(action="DeleteMessageBatch", lose=True)
        run = consume(
            "--queue-url", stub.queue_url, "--endpoint-url", proxy.url,
            CONSUMER_QUEUE__READ_TIMEOUT_SECONDS="300", CONSUMER_ENGINE__DRAIN_TIMEOUT_SECONDS="1",
        )  # fmt: skip
        eventually(lambda: proxy.struck["DeleteMessageBatch"] >= 3, "deletes get no answer")
        proxy.weather = Weather(lose=True)

        began = time.monotonic()
        run.signal(signal.SIGTERM)

        assert run.end() == 0
        assert time.monotonic() - began < 1 + LAST_CALLS_SECONDS + SLACK_SECONDS
        (counts,) = run.log("drained")
        assert counts["deleted"] == 0
        assert counts["handled"] > 0

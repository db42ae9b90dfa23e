"""Pings: what is called and when, with a real HTTP server; and that they hold up nothing."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from consumer.service.ping import Ping
from consumer.testing import ManualClock
from tests.acceptance.http_endpoint import Endpoint, running_endpoint
from tests.cases import for_each
from tests.processes import BOUND, eventually
from tests.service.daemon_stage import FakeWorker, named

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "0f1e-sesame"


class Server:
    """What the other service got, and what it answers."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.status = 200
        self.location = ""
        self.hold = threading.Event()
        self.hold.set()

    def handler(self) -> type[Endpoint]:
        """The class of its handlers."""
        server = self

        class Handler(Endpoint):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                server.calls.append(f"{self.command} {self.path} {body}".strip())
                server.hold.wait(BOUND)
                if server.location:
                    self.send_response(302)
                    self.send_header("Location", server.location)
                    self.end_headers()
                else:
                    self.answer(server.status, b"OK")

            do_GET = do_POST = _answer  # noqa: N815 - the names of http.server

        return Handler


class Rig:
    """A daemon that pings a server, by a manual clock."""

    def __init__(self, url: str, server: Server) -> None:
        self.clock = ManualClock()
        self.worker = FakeWorker(self.clock)
        self.server = server
        self.ping = Ping(f"{url}/{TOKEN}?tag=a", interval_seconds=300, clock=self.clock)

    def look(self, seconds: float = 0.0, **facts: Any) -> None:
        """The daemon looks around after so much time."""
        self.clock.advance(seconds)
        self.worker.become(**facts)
        self.ping.look(self.worker.current)

    def until(self, calls: int) -> list[str]:
        """Wait until the server got so many calls, and the answer to the last one came."""
        eventually(lambda: len(self.server.calls) >= calls, f"{calls} pings")
        self.idle()
        return [
            call.replace(f"/{TOKEN}", "URL").replace("?tag=a", "") for call in self.server.calls
        ]

    def idle(self) -> None:
        """Wait until nothing is being sent."""
        background = self.ping._background
        eventually(lambda: not background._busy and not background._waiting, "it is idle")


@pytest.fixture(name="rig")
def _rig() -> Iterator[Rig]:
    with running() as rig:
        yield rig


@contextmanager
def running() -> Iterator[Rig]:
    """A rig with a server."""
    server = Server()
    with running_endpoint(server.handler()) as url:
        rig = Rig(url, server)
        rig.until(1)
        yield rig
        server.hold.set()
        rig.ping._background.close(BOUND)


def test_it_pings_at_the_start_and_while_healthy(rig: Rig) -> None:
    """The secret's own path, its query kept; not before the first receive has succeeded."""
    rig.look()
    assert [f"GET /{TOKEN}/start?tag=a"] == rig.server.calls

    rig.look(1, ready=True)
    assert ["GET URL/start", "GET URL"] == rig.until(2)
    for _ in range(299):
        rig.look(1)
    assert 2 == len(rig.server.calls)
    rig.look(1)
    assert ["GET URL"] == rig.until(3)[2:]


def test_unhealthy_is_a_failure_with_a_code_only(rig: Rig) -> None:
    """At once, and again at each interval; then the success is reported at once, too."""
    rig.look(ready=True)
    rig.until(2)

    rig.look(1, outages=("every receive has failed",), receive_error_code="EndpointConnectionError")
    assert ["POST URL/fail EndpointConnectionError"] == rig.until(3)[2:]
    rig.look(300)
    assert ["POST URL/fail EndpointConnectionError"] == rig.until(4)[3:]
    rig.look(1, outages=(), problems=("housekeeper without progress",), receive_error_code="")
    rig.look(300)
    assert ["POST URL/fail unhealthy"] == rig.until(5)[4:]
    rig.look(1, problems=())
    assert ["GET URL"] == rig.until(6)[5:]


def test_an_outage_before_the_first_receive_is_reported(rig: Rig) -> None:
    """It need not have been healthy before."""
    rig.look(150, outages=("every receive has failed",))

    assert "POST URL/fail unhealthy" == rig.until(2)[1]


@for_each("code, call", [(0, "GET URL"), (75, "POST URL/fail exit code 75")])
def test_the_last_ping_says_how_it_ended(code: int, call: str) -> None:
    """It is waited for."""
    with running() as rig:
        rig.look(ready=True)
        rig.until(2)
        rig.ping.close(code)

        assert call == rig.until(3)[2]


@for_each("status, reason", [(500, "HTTP 500"), (404, "HTTP 404")])
def test_a_ping_that_fails_is_a_warning(status: int, reason: str) -> None:
    """Logged once an hour, repeated after a minute, without anything of the URL."""
    with structlog.testing.capture_logs() as logged, running() as rig:
        rig.server.status = status
        for number in range(50):
            rig.look(60, ready=True)
            rig.until(number + 2)
        assert [(reason, 1)] == [(x["reason"], x["failures"]) for x in logged]
        for number in range(50, 70):
            rig.look(60)
            rig.until(number + 2)
        assert 2 == len(named(logged, "ping_failed"))
        assert "sesame" not in str(logged)
        rig.server.status = 200
        rig.look(60)
        rig.until(72)
        assert 70 == named(logged, "ping_recovered")[0]["failures"]


def test_a_server_that_hangs_holds_up_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks return at once, one request is open, and the end waits for a moment only."""
    monkeypatch.setattr("consumer.service.ping._CLOSE_SECONDS", 0.0)
    rig.server.hold.clear()
    rig.look(ready=True)
    eventually(lambda: len(rig.server.calls) == 2, "the ping hangs")

    for _ in range(10):
        rig.look(300)
    rig.ping.close(75)

    assert 2 == len(rig.server.calls)


@for_each(
    "url, reason",
    [
        ("http://127.0.0.1:1", "Connection refused"),
        ("http://no-such-host.invalid", ""),
        ("https://127.0.0.1:{port}", ""),
    ],
)
def test_a_server_that_is_not_there_is_a_warning(url: str, reason: str) -> None:
    """The reason is the system's own, and has nothing of the URL."""
    server = Server()
    with structlog.testing.capture_logs() as logged, running_endpoint(server.handler()) as there:
        rig = Rig(url.format(port=there.rpartition(":")[2]), server)
        eventually(lambda: logged, "it is logged")
        rig.ping._background.close(BOUND)

    (line,) = named(logged, "ping_failed")
    assert reason in line["reason"]
    assert line["reason"]
    assert "sesame" not in str(logged)


def test_a_redirect_is_not_followed(rig: Rig, logged: list[Any]) -> None:
    """The secret does not reach another host."""
    other = Server()
    with running_endpoint(other.handler()) as url:
        rig.server.location = f"{url}/elsewhere"
        rig.look(ready=True)
        rig.until(2)

    assert [] == other.calls
    assert ["HTTP 302"] == [line["reason"] for line in logged]


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """As everywhere; the target need not be reachable from here."""
    server = Server()
    with running_endpoint(server.handler()) as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("no_proxy", "")
        rig = Rig("http://hc-ping.invalid", server)
        rig.until(1)
        rig.ping._background.close(BOUND)

    assert [f"GET http://hc-ping.invalid/{TOKEN}/start?tag=a"] == server.calls

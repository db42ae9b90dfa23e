"""Messages are posted, judged and tried again as Canvas does: real sockets, and a manual clock."""

from __future__ import annotations

import random
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from consumer.operations.posting import LATE, Address, Deliveries, Posts, address
from consumer.operations.posting import posts as posts_module
from consumer.operations.posting.address import UnreachableError
from consumer.operations.posting.deliveries import Delivery
from consumer.queues.sending import Outgoing
from consumer.testing import ManualClock
from tests.bench.certificate import write_certificate
from tests.cases import for_each
from tests.queues.servers import CLOSE, RESET, Request, Server, http, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumer.clock import Clock


def address_of(server: Server, clock: Clock | None = None, scheme: str = "") -> Address:
    base = server.url(scheme=scheme).partition("/123456789012")[0]
    return Address(urlsplit(f"{base}/canvas/s3cret?a=1#part"), clock=clock or ManualClock())


def posted(*pieces: Any, clock: ManualClock | None = None) -> str:
    """What becomes of one post that is answered so."""
    with serving(lambda _: pieces) as server:
        link = address_of(server, clock)
        try:
            return link.post(b"event")
        finally:
            link.close()


@for_each(
    "pieces, found",
    [
        ([http(b"")], ""),
        ([http(b"x", 201)], ""),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], ""),
        ([http(b"", 302, Location="/other")], "HTTP status 302"),
        ([http(b"", 401)], "HTTP status 401"),
        ([http(b"", 503)], "HTTP status 503"),
        ([CLOSE], "the connection was closed without an answer"),
        ([RESET], "Connection reset by peer"),
        ([b"HTTP/1.1 503 Busy\r\nContent-Le", CLOSE], "HTTP status 503"),
        ([b"SSH-2.0-OpenSSH\r\n\r\n"], "its answer is not HTTP"),
    ],
)
def test_a_2xx_accepts_a_message_and_nothing_else_does(pieces: list[Any], found: str) -> None:
    """A redirect is not followed. The reason quotes nothing of the answer."""
    assert posted(*pieces) == found


def test_an_answer_after_15_seconds_is_late() -> None:
    """Also a 2xx, and one that comes bit by bit; one in time is not."""
    clock = ManualClock()

    assert posted(lambda: clock.advance(14), http(b""), clock=clock) == ""
    assert posted(lambda: clock.advance(16), http(b""), clock=clock) == LATE
    drops = [part for byte in http(b"") for part in (bytes([byte]), lambda: clock.advance(1))]
    assert posted(*drops, clock=clock) == LATE


def test_a_receiver_that_says_nothing_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for."""
    monkeypatch.setattr(address, "LIMIT_SECONDS", 0.05)

    assert posted(None) == LATE


def test_a_request_is_as_from_canvas() -> None:
    """The body is the event. There is no content type, on which a receiver must not depend."""
    with serving(lambda _: [http(b"")]) as server:
        link = address_of(server)
        assert [link.post(body) for body in (b"one", "zw\xf6lf".encode())] == ["", ""]
        link.close()
        port = server.port

    assert {"POST /canvas/s3cret?a=1 HTTP/1.1"} == {request.line for request in server.requests}
    assert [b"one", "zw\xf6lf".encode()] == [request.body for request in server.requests]
    assert server.connections == 1
    headers = server.requests[0].headers
    assert headers.pop("user-agent").startswith("canvas-live-events-consumer/")
    assert headers.pop("accept-encoding") == "identity"
    assert headers == {"host": f"127.0.0.1:{port}", "content-length": "3"}


def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    """That is no failure."""
    with serving(lambda r: [http(b""), *([] if r.connection else [CLOSE])]) as server:
        link = address_of(server)
        assert link.post(b"one") == ""
        assert link.post(b"two") == ""
        link.close()

    assert server.connections == 2


def test_no_secret_is_shown() -> None:
    """The path may be one."""
    found = Address(urlsplit("https://events.example.edu:8443/s3cret"), clock=ManualClock())
    assert str(found) == "events.example.edu:8443"


def test_certificates_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SSL_CERT_FILE names others to trust."""
    files = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.chain, files.key)
    with serving(lambda _: [http(b"")], tls=context) as server:
        with pytest.raises(UnreachableError, match="its certificate is not valid: unable to get"):
            address_of(server).check()

        monkeypatch.setenv("SSL_CERT_FILE", str(files.authority))
        trusting = address_of(server)
        trusting.check()
        assert trusting.post(b"one") == ""
        trusting.close()


def test_an_address_where_nothing_listens_is_reported() -> None:
    """Before anything is sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    nowhere = Address(urlsplit(f"http://127.0.0.1:{port}/s3cret"), clock=ManualClock())

    with pytest.raises(UnreachableError) as caught:
        nowhere.check()

    assert str(caught.value) == f"127.0.0.1:{port} can't be reached: Connection refused"
    assert nowhere.post(b"event") == "Connection refused"


def waits_of(failures: list[str], seed: int, minutes: float = 15) -> tuple[Deliveries, list[float]]:
    """Deliver one message that fails so; and the waits before its further tries."""
    clock = ManualClock()
    deliveries = Deliveries(clock=clock, rng=random.Random(seed), retry_minutes=minutes)
    deliveries.add(b"event")
    waits = []
    for failure in failures:
        while not isinstance(found := deliveries.take(), Delivery):
            assert found is not None
            waits.append(found)
            clock.advance(found)
        deliveries.tried(found, failure)
    assert deliveries.take() is None or deliveries.held
    return deliveries, waits


def test_a_message_is_tried_three_more_times_within_10_to_20_minutes() -> None:
    """With waits that grow, and jitter."""
    totals = []
    for seed in range(200):
        deliveries, waits = waits_of(["HTTP status 503"] * 4, seed)
        assert len(waits) == 3
        assert waits == sorted(waits)
        totals.append(sum(waits))
        assert (deliveries.held, deliveries.accepted, deliveries.retries) == (0, 0, 3)
        assert deliveries.failed == {"HTTP status 503": 1}
    assert 600 <= min(totals) < 720
    assert 1_080 < max(totals) <= 1_200


def test_the_waits_can_be_shorter() -> None:
    """Down to none."""
    _, waits = waits_of(["x"] * 4, 0, minutes=0.1)
    assert 4 <= sum(waits) <= 8
    assert waits_of(["x"] * 4, 0, minutes=0)[1] == []


def test_what_was_accepted_is_not_tried_again() -> None:
    """Failures before that are counted."""
    deliveries, waits = waits_of([LATE, "HTTP status 500", ""], 0)

    assert len(waits) == 2
    assert (deliveries.held, deliveries.accepted, deliveries.retries) == (0, 1, 2)
    assert deliveries.failed_tries == {LATE: 1, "HTTP status 500": 1}
    assert not deliveries.failed


def test_other_messages_do_not_wait_for_one_that_failed() -> None:
    """They are tried in the order in which they are due."""
    clock = ManualClock()
    deliveries = Deliveries(clock=clock, rng=random.Random(0))
    for body in (b"1", b"2"):
        deliveries.add(body)
    first = deliveries.take()
    assert isinstance(first, Delivery)
    deliveries.tried(first, "x")
    second = deliveries.take()
    assert isinstance(second, Delivery)
    assert second.body == b"2"
    deliveries.tried(second, "")
    wait = deliveries.take()
    assert isinstance(wait, float)
    clock.advance(wait)
    deliveries.add(b"3")
    assert deliveries.take() is first


class Receiver:
    """Answers each message with these statuses in turn, then with 200."""

    def __init__(self, *statuses: int) -> None:
        self._statuses = statuses
        self._lock = threading.Lock()
        self.tries: dict[bytes, int] = {}

    def __call__(self, request: Request) -> Iterator[bytes]:
        with self._lock:
            number = self.tries[request.body] = self.tries.get(request.body, 0) + 1
        status = self._statuses[number - 1] if number <= len(self._statuses) else 200
        yield http(b"", status)


def test_all_messages_are_posted_over_several_connections() -> None:
    """Each until it is accepted, and not once more."""
    receiver, clock = Receiver(503, 500), ManualClock()
    deliveries = Deliveries(clock=clock, rng=random.Random(0), retry_minutes=0)
    with serving(receiver) as server:
        posts = Posts(address_of(server, clock), deliveries)
        for number in range(0, 200, 10):
            posts.send([Outgoing(str(n)) for n in range(number, number + 10)])
        posts.finish()

    assert {str(n).encode(): 3 for n in range(200)} == receiver.tries
    assert (deliveries.accepted, deliveries.retries, deliveries.held) == (200, 400, 0)
    assert 1 < server.connections <= 16


def test_the_messages_that_are_held_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further ones wait, so that memory does not grow while the receiver is down."""
    monkeypatch.setattr(posts_module, "MOST_HELD", 20)
    clock, most = ManualClock(), 0
    deliveries = Deliveries(clock=clock, rng=random.Random(0))
    with serving(Receiver()) as server:
        posts = Posts(address_of(server, clock), deliveries, connections=2)
        for _ in range(30):
            posts.send([Outgoing("event")] * 10)
            most = max(most, deliveries.held)
        posts.finish()

    assert most < 30
    assert deliveries.accepted == 300


def test_a_bug_in_a_thread_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of waiting for ever."""

    def post(*_: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(Address, "post", post)
    clock = ManualClock()
    with serving(Receiver()) as server:
        posts = Posts(address_of(server, clock), Deliveries(clock=clock, rng=random.Random(0)))
        posts.send([Outgoing("event")])
        with pytest.raises(ZeroDivisionError):
            posts.finish()
        with pytest.raises(ZeroDivisionError):
            posts.send([Outgoing("event")])

"""Connections are used again as long as nothing is left in them, and never longer."""

from __future__ import annotations

import contextlib
import functools
import select
import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from consumer.clock import SystemClock
from consumer.queues.sqs.connections import Connections
from consumer.testing import ManualClock
from tests.cases import for_each
from tests.queues.servers import CLOSE, RESET, Request, connected, http, scripted, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.clock import Clock

REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
FIRST, SECOND = http(b"first"), http(b"second")


@contextlib.contextmanager
def connections_to(
    port: int, *, clock: Clock | None = None, read: float = 5, scheme: str = "http", **options: Any
) -> Iterator[Connections]:
    """Connections to a port of loopback, which are closed in the end."""
    connections = Connections(
        urlsplit(f"{scheme}://127.0.0.1:{port}"),
        connect_timeout_seconds=options.pop("connect", 2),
        read_timeout_seconds=read,
        verify=options.pop("verify", True),
        clock=clock or SystemClock(),
    )
    yield connections
    connections.close()


def wait_until_readable(connections: Connections) -> None:
    """Until what the server did has arrived at the idle connection."""
    (link, _), *_ = connections._idle
    assert select.select([link], [], [], 10)[0]


def test_a_connection_is_used_again() -> None:
    """The request arrives byte for byte; the second one on the same connection."""
    with scripted([FIRST, SECOND, http()]) as server, connections_to(server.port) as ours:
        first, second = ours.exchange(REQUEST), ours.exchange(REQUEST)

    assert (b"first", b"second") == (first.content, second.content)
    assert [(0, 0), (0, 1)] == [(r.connection, r.position) for r in server.requests]
    assert {("POST / HTTP/1.1", b"{}")} == {(r.line, r.body) for r in server.requests}


@for_each(
    "behind",
    [
        b"\r\n",
        b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        http(b"of another request"),
        b"\x00",
        b"",
        CLOSE,
        RESET,
    ],
)
def test_a_connection_with_something_left_in_it_is_not_used_again(behind: Any) -> None:
    """Whether it comes with the answer or later: the next request gets its own answer.

    The first answer is good in any case: its messages are not lost. The end of a connection
    between two requests is not an error, either.
    """
    for later in (False, True):
        arrived = threading.Event()
        pieces = [FIRST, functools.partial(arrived.wait, 10), behind]
        if not later:
            pieces = [FIRST + behind] if isinstance(behind, bytes) else [FIRST, behind]
        with scripted([pieces, http()], [SECOND]) as server, connections_to(server.port) as ours:
            first = ours.exchange(REQUEST)
            arrived.set()
            if behind and (later or not isinstance(behind, bytes)):
                wait_until_readable(ours)
            second = ours.exchange(REQUEST)

        expected = (b"first", b"{}" if behind == b"" else b"second")
        assert expected == (first.content, second.content), later


def test_an_answer_that_ends_with_its_connection_is_good() -> None:
    """Without a length, or with `Connection: close`; then another connection is opened."""
    script = http(b"first", Connection="close")
    with (
        scripted([script], [b"HTTP/1.1 200 OK\r\n\r\nsecond"], [FIRST]) as server,
        connections_to(server.port) as ours,
    ):
        contents = [ours.exchange(REQUEST).content for _ in range(3)]

    assert [b"first", b"second", b"first"] == contents
    assert 3 == server.connections


@for_each(
    "pieces",
    [
        [CLOSE],
        [RESET],
        [FIRST[:-1], CLOSE],
        [FIRST[:30], RESET],
        [FIRST[:-1], RESET],
        [b"SSH-2.0-OpenSSH_9.2\r\n\r\n"],
    ],
)
def test_half_an_answer_is_an_error_and_its_connection_is_dropped(pieces: list[Any]) -> None:
    """It is botocore's error; the next request has a connection of its own."""
    with scripted([pieces], [SECOND]) as server, connections_to(server.port) as ours:
        with pytest.raises(ConnectionClosedError):
            ours.exchange(REQUEST)
        assert not ours._idle

        assert b"second" == ours.exchange(REQUEST).content


@for_each("pieces", [[None], [FIRST[:-1], None]])
def test_no_answer_is_a_read_timeout(pieces: list[Any]) -> None:
    """A connection that died without a word is noticed within the read timeout."""
    with scripted([pieces], [SECOND]) as server, connections_to(server.port, read=0.1) as ours:
        with pytest.raises(ReadTimeoutError):
            ours.exchange(REQUEST)

        assert not ours._idle


def test_an_answer_that_drips_ends_at_the_deadline() -> None:
    """A byte a second would be less than any timeout of a single read, for ever."""
    clock = ManualClock()
    drip: list[Any] = [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"]
    for _ in range(100):
        drip += [lambda: clock.advance(1), b"x"]
    with (
        scripted([[*drip, None]]) as server,
        connections_to(server.port, clock=clock, read=20) as ours,
        pytest.raises(ReadTimeoutError),
    ):
        ours.exchange(REQUEST)


def test_what_came_prolongs_the_deadline() -> None:
    """A second for each 16 KiB: ten large messages by a slow line are no failure."""
    clock = ManualClock()
    with connections_to(1, clock=clock, read=5) as ours:
        mine, other = socket.socketpair()
        with mine, other:
            receive = ours._receiver(mine)
            for _ in range(20):
                other.sendall(b"x" * 16_384)
                received = 0
                while received < 16_384:
                    received += len(receive())
                clock.advance(1)
            clock.advance(4.9)
            other.sendall(b"x")
            assert b"x" == receive()
            clock.advance(0.2)
            with pytest.raises(TimeoutError):
                receive()


def test_nothing_is_sent_for_longer_than_the_read_timeout() -> None:
    """A peer that takes no more of the request is a dead one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with (
            connections_to(port, read=0.1, connect=300) as ours,
            pytest.raises(ReadTimeoutError),
        ):
            ours.exchange(b"x" * 64 * 1024 * 1024)


def test_what_cannot_be_reached_is_an_endpoint_error() -> None:
    """Nothing listens there, or the name is not known."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with connections_to(port) as ours, pytest.raises(EndpointConnectionError):
        ours.exchange(REQUEST)
    unknown = Connections(
        urlsplit("http://nowhere.invalid"),
        connect_timeout_seconds=1,
        read_timeout_seconds=1,
        verify=True,
        clock=SystemClock(),
    )
    with pytest.raises(EndpointConnectionError):
        unknown.exchange(REQUEST)


def test_a_handshake_without_an_answer_is_a_connect_timeout() -> None:
    """The port is open, but nothing answers."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        connections_to(listener.getsockname()[1], scheme="https", connect=0.1) as ours,
        pytest.raises(ConnectTimeoutError),
    ):
        ours.exchange(REQUEST)


def test_a_connection_that_idled_too_long_is_not_used() -> None:
    """Routers drop it after a while, and the request would get no answer."""
    clock = ManualClock()
    with (
        scripted([FIRST, SECOND, http()], [http(b"third")]) as server,
        connections_to(server.port, clock=clock) as ours,
    ):
        contents = [ours.exchange(REQUEST).content]
        clock.advance(59)
        contents.append(ours.exchange(REQUEST).content)
        clock.advance(61)
        contents.append(ours.exchange(REQUEST).content)

    assert [b"first", b"second", b"third"] == contents


def test_closing_leaves_a_request_alone_and_nothing_open() -> None:
    """Whoever waits for an answer gets it, and closes its connection behind it."""
    asked, go = threading.Event(), threading.Event()
    pieces = [asked.set, functools.partial(go.wait, 10), FIRST, None]
    got: list[bytes] = []
    with scripted([pieces]) as server, connections_to(server.port) as ours:
        thread = threading.Thread(target=lambda: got.append(ours.exchange(REQUEST).content))
        thread.start()
        assert asked.wait(10)

        ours.close()
        go.set()
        thread.join(10)

        assert [b"first"] == got
        assert not ours._idle


def test_no_answer_goes_to_another_call() -> None:
    """Eight threads, 200 calls each, by few connections; some of which the server closes."""

    def echo(request: Request) -> Iterator[Any]:
        handle = request.asked["Entries"][0]["ReceiptHandle"]
        yield http({"Successful": [{"Id": "0"}], "echo": handle})
        if request.position == 49:
            yield CLOSE

    wrong: list[Any] = []
    retried: list[str] = []

    def work(calls: Any, name: str) -> None:
        for number in range(200):
            handle = f"{name}-{number}"
            arguments = {"Entries": [{"Id": "0", "ReceiptHandle": handle}]}
            answer = None
            while answer is None:
                try:
                    answer = calls.ask("DeleteMessageBatch", arguments)
                except ConnectionClosedError:  # closed while the request was on its way
                    retried.append(handle)
            if answer["echo"] != handle:
                wrong.append((handle, answer))

    with serving(echo) as server:
        transport = connected(server.url())
        names = [f"thread {number}" for number in range(8)]
        threads = [threading.Thread(target=work, args=(transport._calls, n)) for n in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        transport.close()

    assert [] == wrong
    assert 1600 <= len(server.requests) <= 1600 + len(retried)
    assert 32 <= server.connections < 200

"""The HTTP server of metrics and control socket: what it answers, and what it survives."""

import http.client
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from consumer.errors import ConfigurationError
from consumer.service.http import server as server_module
from consumer.service.http.listeners import listen_tcp, listen_unix
from consumer.service.http.server import MOST_CONNECTIONS, HttpServer, Response, Route
from tests.cases import for_each
from tests.processes import eventually


@contextmanager
def serving(**routes: Route) -> Iterator[int]:
    """A server on a port of loopback; the routes are those of GET."""
    listener = listen_tcp("127.0.0.1", 0)
    server = HttpServer(listener, {f"GET /{name}": route for name, route in routes.items()})
    server.start()
    with closing(server):
        yield listener.getsockname()[1]


def threads() -> int:
    """How many threads servers have: one that accepts, and one for each connection."""
    return sum(thread.name == "http" for thread in threading.enumerate())


def ask(
    port: int, path: str, *, method: str = "GET", host: str | None = None
) -> tuple[int, bytes, dict[str, str]]:
    """One request: the status, the body and the headers of its answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as client:
        client.request(method, path, headers={} if host is None else {"Host": host})
        answer = client.getresponse()
        return answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}


def raw(port: int, request: bytes) -> bytes:
    """What comes back for these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(request)
        received = b""
        while part := client.recv(65536):
            received += part
        return received


def hello(query: Any = None) -> Response:
    """Answer with the name in the query."""
    return Response(body=f"hello {query.get('name', '')}".encode())


def test_a_route_gets_the_query_and_its_answer_is_complete() -> None:
    """The query is decoded; the answer has its length and may not be cached or guessed at."""
    with serving(hello=hello) as port:
        status, body, headers = ask(port, "/hello?name=A%20%C3%A9&b=")

    assert (status, body) == (200, "hello A é".encode())
    assert headers["content-length"] == str(len(body))
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_head_is_answered_without_a_body() -> None:
    """HEAD gives what GET gives, but the body; a stream ends at once."""
    stream = Response(body=iter(lambda: b"x", b""))
    with serving(hello=hello, tap=lambda _query: stream) as port:
        status, body, headers = ask(port, "/hello", method="HEAD")
        assert (status, body, headers["content-length"]) == (200, b"", "6")
        assert raw(port, b"HEAD /tap HTTP/1.1\r\n\r\n").endswith(b"\r\n\r\n")


@for_each(
    "method, path, host, status",
    [
        ("GET", "/missing", None, 404),
        ("POST", "/hello", None, 405),
        ("DELETE", "/hello", None, 405),
        ("GET", "/hello", "localhost:9464", 200),
        ("GET", "/hello", "127.0.0.1", 200),
        ("GET", "/hello", "[::1]:9464", 200),
        ("GET", "/hello", "10.1.2.3:80", 200),
        ("GET", "/hello", "canvas.example.org", 403),
        ("GET", "/hello", "localhost.example.org:9464", 403),
        ("GET", "/hello", "[::1", 200),
    ],
)
def test_what_no_route_answers_gets_a_status(
    method: str, path: str, host: str | None, status: int
) -> None:
    """Unknown paths 404, other methods 405, and a Host that a page chose 403 (DNS rebinding)."""
    with serving(hello=hello) as port:
        assert ask(port, path, method=method, host=host)[0] == status


@for_each(
    "request_bytes, status",
    [
        (b"GET /hello\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\n\n", 400),
        (b"GET http://elsewhere/ HTTP/1.1\r\n\r\n", 400),
        (b"GET /hello HTTP/1.0\r\n\r\n", 200),
        (b"GET /hello HTTP/1.0\n\n", 200),
        (b"GET //x HTTP/1.1\r\n\r\n", 404),
        (b"GET /[ HTTP/1.1\r\n\r\n", 404),
        (b"GET //[ HTTP/1.1\r\n\r\n", 404),
        (b"GET /hello HTTP/1.1\r\n" + b"A: b\r\n" * 5000, 431),
    ],
)
def test_requests_that_are_none_get_an_answer(request_bytes: bytes, status: int) -> None:
    """Whatever bytes come: one answer with a status, and the next client is served."""
    with serving(hello=hello) as port:
        assert raw(port, request_bytes).split(b" ")[1] == str(status).encode()
        assert ask(port, "/hello")[0] == 200


def test_a_route_that_raises_gives_500_and_is_logged(logged: list[Any]) -> None:
    """A bug in an answer is logged with its place, without its text, and the server goes on."""

    def broken(_query: Any) -> Response:
        raise ValueError("secret")

    with serving(broken=broken, hello=hello) as port:
        assert ask(port, "/broken")[:2] == (500, b"a bug: see the log\n")
        assert ask(port, "/hello")[0] == 200
    (line,) = [line for line in logged if line["event"] == "http_failed"]
    assert line["error_type"] == "ValueError"
    assert line["error_at"].endswith(" in broken")


def test_a_slow_client_is_disconnected_and_delays_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that sends no request holds one connection for a few seconds; others are served."""
    monkeypatch.setattr(server_module, "REQUEST_SECONDS", 0.2)
    with (
        serving(hello=hello) as port,
        socket.create_connection(("127.0.0.1", port), timeout=30) as slow,
    ):
        slow.sendall(b"GET /hello")
        assert ask(port, "/hello")[0] == 200
        assert slow.recv(100) == b""  # closed by the server


def test_a_client_that_does_not_read_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is not taken in time is given up, and its connection is free again."""
    monkeypatch.setattr(server_module, "ANSWER_SECONDS", 0.2)
    begun = threading.Event()

    def large(_query: Any) -> Response:
        begun.set()
        return Response(body=bytes(50_000_000))

    with (
        serving(large=large) as port,
        socket.create_connection(("127.0.0.1", port), timeout=30) as client,
    ):
        client.sendall(b"GET /large HTTP/1.0\r\n\r\n")
        assert begun.wait(30)
        eventually(lambda: threads() == 1, "it was given up")


def test_connections_are_bounded() -> None:
    """Beyond the most connections each gets 503 at once; when they end, there is room again."""
    release, begun = threading.Event(), list[int]()

    def slow(_query: Any) -> Response:
        begun.append(1)
        release.wait(30)
        return Response(body=b"done")

    with serving(slow=slow, hello=hello) as port:
        clients = [
            http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            for _ in range(MOST_CONNECTIONS)
        ]
        for client in clients:
            client.request("GET", "/slow")
        eventually(lambda: threads() == 1 + MOST_CONNECTIONS, "all are connected")
        assert raw(port, b"").split(b"\r\n")[0] == b"HTTP/1.1 503 Service Unavailable"
        release.set()
        for client in clients:
            with closing(client):
                assert client.getresponse().read() == b"done"
        eventually(lambda: ask(port, "/hello")[0] == 200, "there is room again")


def test_a_stream_is_sent_part_by_part_and_notices_that_its_client_went() -> None:
    """Each part arrives at once; a client that left ends the stream, which is closed."""
    go_on, closed = threading.Event(), threading.Event()

    def parts() -> Iterator[bytes]:
        try:
            yield b"one\n"
            go_on.wait(30)
            yield b"two\n"
            while True:
                yield b""
        finally:
            closed.set()

    with serving(tap=lambda _query: Response(body=parts())) as port:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as client:
            client.request("GET", "/tap")
            answer = client.getresponse()
            assert answer.readline() == b"one\n"
            go_on.set()
            assert answer.readline() == b"two\n"
            answer.close()
        assert closed.wait(30)


def test_a_stream_is_not_sent_where_only_its_head_is_asked_for() -> None:
    """And it is closed."""
    closed = threading.Event()

    def parts() -> Iterator[bytes]:
        try:
            yield b""
            yield b"one"
        finally:
            closed.set()

    stream = parts()
    next(stream)
    with serving(tap=lambda _query: Response(body=stream)) as port:
        status, body, _ = ask(port, "/tap", method="HEAD")
        assert (200, b"") == (status, body)
        assert closed.wait(30)


def test_closing_ends_streams_and_frees_the_port() -> None:
    """After `close` the port can be used at once, although a client was connected."""
    with serving(tap=lambda _query: Response(body=iter(lambda: b"x", b""))) as port:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        client.request("GET", "/tap")
        answer = client.getresponse()
        assert answer.read(1) == b"x"
    with closing(client), closing(answer):
        listen_tcp("127.0.0.1", port).close()


def test_a_forked_child_does_not_keep_the_port() -> None:
    """A child that a handler forks has no copy of the listener: if we are killed, it is free."""
    listener = listen_tcp("127.0.0.1", 0)
    told, tells = os.pipe()
    with closing(HttpServer(listener, {})):
        child = os.fork()
        if not child:
            os.write(tells, str(listener.fileno()).encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert listener.fileno() > 0
    assert os.read(told, 10) == b"-1"
    os.close(told)
    os.close(tells)


@for_each(
    "host, port, why",
    [
        ("127.0.0.1", None, "another process listens there: stop it, or choose another port"),
        ("192.0.2.1", 9464, "this is not an address of this machine"),
    ],
)
def test_why_a_port_cannot_be_used(host: str, port: int | None, why: str) -> None:
    """The error names the address, what is wrong and what would be right."""
    with listen_tcp("127.0.0.1", 0) as used:
        port = port or used.getsockname()[1]
        with pytest.raises(ConfigurationError) as caught:
            listen_tcp(host, port)
    assert str(caught.value) == f"can't listen on {host}:{port}: {why}"


def test_a_unix_socket_is_private_serves_and_is_removed(tmp_path: Path) -> None:
    """It has the mode from its first moment; closing the server removes it."""
    path = tmp_path / "control.sock"
    server = HttpServer(listen_unix(path), {"POST /stop": hello})
    server.start()
    with closing(server), socket.socket(socket.AF_UNIX) as client:
        assert path.stat().st_mode & 0o777 == 0o600
        client.settimeout(30)
        client.connect(str(path))
        client.sendall(b"POST /stop?name=you HTTP/1.1\r\nHost: any\r\n\r\n")
        received = b""
        while part := client.recv(4096):
            received += part
        assert received.endswith(b"hello you")
    assert not path.exists()


def test_a_stale_socket_is_replaced_but_not_one_in_use(tmp_path: Path) -> None:
    """What a killed process left is replaced; a living daemon's socket and a file are not."""
    path = tmp_path / "control.sock"
    listen_unix(path).close()  # as a kill does: the file stays
    with listen_unix(path), pytest.raises(ConfigurationError, match="another process listens"):
        listen_unix(path)
    path.unlink()
    path.write_text("mine")
    with pytest.raises(ConfigurationError, match="which is not a socket"):
        listen_unix(path)
    assert path.read_text() == "mine"


@for_each(
    "name, why",
    [
        ("missing/control.sock", "No such file or directory"),
        ("long" * 30, "the path is too long: a socket's path has at most 107 bytes"),
    ],
)
def test_why_a_unix_socket_cannot_be_made(name: str, why: str, tmp_path: Path) -> None:
    """The error names the path and what is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        listen_unix(tmp_path / name)
    assert str(caught.value) == f"can't listen on {tmp_path / name}: {why}"

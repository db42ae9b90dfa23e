"""Requests go through the proxy that the environment names, except to this machine."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from consumer.errors import ConfigurationError, Unavailable
from consumer.handlers.http.client import proxy_for
from consumer.testing import make_event
from tests.bench.certificate import write_certificate
from tests.cases import for_each
from tests.handlers.http_rig import made
from tests.queues.servers import http, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumer.handlers.registering.registry import Handler

NAMES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def handler_for(url: str, **options: object) -> Iterator[Handler]:
    (handler,) = made({"url": url, **options}).handlers
    try:
        yield handler
    finally:
        assert handler.close is not None
        handler.close()


def call(handler: Handler) -> None:
    assert handler.call is not None
    handler.call(make_event(), None)  # type: ignore[arg-type]


def test_http_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the whole URL, and the proxy's login."""
    with serving(lambda _: [http(b"")]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://User:p%40ss@127.0.0.1:{proxy.port}")
        with handler_for("http://receiver.example/hook?a=1") as handler:
            call(handler)
            call(handler)

    request, _ = proxy.requests
    assert request.line == "POST http://receiver.example/hook?a=1 HTTP/1.1"
    assert request.headers["host"] == "receiver.example"
    assert request.headers["proxy-authorization"] == "Basic VXNlcjpwQHNz"
    assert proxy.connections == 1


def check(handler: Handler) -> None:
    assert handler.check_destination is not None
    assert handler.check_destination() == "127.0.0.1 can be reached"


class Tunnel:
    """A proxy that knows CONNECT, and connects to one port only, whatever it is asked for."""

    def __init__(self, port: int | None, answer: bytes = b"HTTP/1.1 200 Connected\r\n\r\n") -> None:
        self._to = port
        self._answer = answer
        self.heads: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        link, _ = self._listener.accept()
        with link:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += link.recv(1)
            self.heads.append(head)
            link.sendall(self._answer)
            if self._to is not None:
                self._pass_on(link, self._to)

    def _pass_on(self, link: socket.socket, port: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as other:
            back = threading.Thread(target=_copy, args=(other, link))
            back.start()
            _copy(link, other)
            back.join()

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_https_goes_through_a_tunnel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS is with the receiver, so the proxy sees neither the path nor the events."""
    files = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.chain, files.key)
    monkeypatch.setattr("consumer.handlers.http.client.is_loopback", lambda _: False)
    with serving(lambda _: [http(b"")], tls=context) as server:
        for use in (call, check):
            tunnel = Tunnel(server.port)
            monkeypatch.setenv("https_proxy", f"user:p%40ss@127.0.0.1:{tunnel.port}")
            with handler_for("https://127.0.0.1/s3cret", ca_file=str(files.authority)) as handler:
                use(handler)
            tunnel.close()
            (head,) = tunnel.heads
            assert head.startswith(b"CONNECT 127.0.0.1:443 HTTP/1.")
            assert b"proxy-authorization: Basic dXNlcjpwQHNz\r\n" in head
            assert b"s3cret" not in head

    (request,) = server.requests
    assert request.line == "POST /s3cret HTTP/1.1"


@for_each("scheme", ["http", "https"])
def test_a_proxy_that_can_not_be_reached_is_named(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receiver was not even tried; a check says the same."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://127.0.0.1:{port}")
    with handler_for(f"{scheme}://receiver.example/hook") as handler:
        with pytest.raises(Unavailable, match=r"example: the proxy: Connection refused$"):
            call(handler)
        assert handler.check_destination is not None
        with pytest.raises(Unavailable, match=r"can't be reached: the proxy: Connection refused$"):
            handler.check_destination()


@for_each(
    "answer, reason",
    [
        (b"HTTP/1.1 407 Login\r\n\r\n", "the proxy answered 407 to CONNECT"),
        (b"SSH-2.0\r\n\r\n", "its answer is not HTTP"),
    ],
)
def test_a_proxy_that_does_not_connect_is_unavailable(answer: bytes, reason: str) -> None:
    """It is named in the reason, and nothing of the events is sent to it."""
    with pytest.MonkeyPatch.context() as patch:
        tunnel = Tunnel(None, answer)
        patch.setenv("https_proxy", f"http://127.0.0.1:{tunnel.port}")
        with (
            handler_for("https://receiver.example/") as handler,
            pytest.raises(Unavailable) as caught,
        ):
            call(handler)
        tunnel.close()

    assert caught.value.reason == f"receiver.example: {reason}"


@for_each(
    "url, environ, proxy",
    [
        ("https://a.example/", {}, None),
        ("https://a.example/", {"HTTP_PROXY": "http://p:1"}, None),
        ("https://a.example/", {"HTTPS_PROXY": "p:1"}, "http://p:1"),
        ("http://a.example/", {"http_proxy": "http://p"}, "http://p"),
        ("https://a.example/", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".example"}, None),
        ("https://a.example/", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, None),
        (
            "https://a.example/",
            {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "b.example"},
            "http://p:1",
        ),
        ("https://localhost/", {"HTTPS_PROXY": "http://p:1"}, None),
        ("https://127.0.0.1:9/", {"HTTPS_PROXY": "http://p:1"}, None),
    ],
)
def test_which_proxy(url: str, environ: dict[str, str], proxy: str | None) -> None:
    """As other programs read these variables; this machine needs none."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        found = proxy_for(urlsplit(url))

    assert found == proxy


def test_a_proxy_that_can_not_be_used_is_refused() -> None:
    """At load, without its value, which may have a password in it."""
    for value in ("socks5://s3cret@p", "http://p:s3cret", "http://"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HTTPS_PROXY", value)
            with pytest.raises(ConfigurationError) as caught:
                made({"url": "https://a.example/"})
        assert str(caught.value) == "HTTPS_PROXY in the environment must be http://HOST:PORT"
        assert "s3cret" not in str(caught.value)

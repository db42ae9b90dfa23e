"""What strangers may do with connections: each is bounded, and none gets an answer of another."""

from __future__ import annotations

import http.client
import signal
import socket
import ssl
import threading
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING

import pytest

from tests.bench.certificate import write_certificate
from tests.bench.process import peak_rss_mb
from tests.processes import BOUND, eventually
from tests.signatures.signing import signed
from tests.webhook.rig import event
from tests.webhook.test_webhook import PATH, UNSIGNED, entries_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.scripted_queue import Script
    from tests.webhook.conftest import Start

pytestmark = pytest.mark.acceptance


def post_of(body: str, *headers: str) -> bytes:
    """The bytes of a request."""
    head = "".join(f"{header}\r\n" for header in ("Host: x", *headers))
    return f"POST / HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def all_of(link: socket.socket) -> bytes:
    """All that is answered until the connection is closed."""
    link.settimeout(60)
    answer = b""
    while piece := link.recv(65_536):
        answer += piece
    return answer


def read_until(link: socket.socket, text: str) -> None:
    """Read until this has come."""
    answer = b""
    while text.encode() not in answer:
        piece = link.recv(4096)
        assert piece, answer
        answer += piece


def test_a_refused_post_may_be_sent_to_its_end(script: Script, webhook: Start) -> None:
    """It is refused by its head already; the client reads that after it has sent the rest."""
    kept = entries_of(script)
    running = webhook(script, **UNSIGNED)
    body = b"x" * 900_000

    for path, status in (("/", 404), (PATH, 204)):
        with closing(running.connect()) as link:
            link.sendall(
                f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            )
            for start in range(0, len(body), 9_000):
                link.sendall(body[start : start + 9_000])
            read_until(link, f"HTTP/1.1 {status} ")
            link.sendall(post_of("{}").replace(b"/", PATH.encode(), 1))
            read_until(link, "HTTP/1.1 204 ")
    assert ["{}", body.decode(), "{}"] == [entry["MessageBody"] for entry in kept]


def test_what_comes_before_the_answer_ends_the_connection(script: Script, webhook: Start) -> None:
    """The answer under way is given, and is not that of what came after it."""
    kept = entries_of(script)
    running = webhook(script)
    post = post_of(signed(event(1)))

    for more in (post * 3, b"nonsense\r\n\r\n", post_of("forged")):
        with closing(running.connect()) as link:
            link.sendall(post + more)
            answer = all_of(link)
        assert answer.startswith(b"HTTP/1.1 204 ")
        assert answer.count(b"HTTP/1.1") == 1
        assert b"connection: close" in answer

    assert len(kept) == 3


def test_a_flood_on_one_connection_takes_no_memory(script: Script, webhook: Start) -> None:
    """Neither requests that do not wait for their answers, nor a head without end behind a post."""
    running = webhook(script)
    script.hold("SendMessageBatch")
    before = peak_rss_mb(running.run.process.pid)
    floods = (b"", post_of("") * 2_000), (b"POST / HTTP/1.1\r\n", b"X: y\r\n" * 12_000)

    for first, flood in floods:
        with closing(running.connect()) as link, suppress(OSError):  # cut off
            link.sendall(post_of(signed(event(1))) + first)
            for _ in range(500):
                link.sendall(flood)

    assert peak_rss_mb(running.run.process.pid) - before < 30
    script.let_go("SendMessageBatch")


def test_a_refusal_instead_of_100_continue_ends_the_connection(
    script: Script, webhook: Start
) -> None:
    """The client does not send the body then: what comes next must not be taken for it."""
    running = webhook(script, **UNSIGNED)

    for path in ("/", PATH):
        with closing(running.connect()) as link:
            link.sendall(
                f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                "Expect: 100-continue\r\n\r\n".encode()
            )
            link.settimeout(60)
            answer = link.recv(4096)
            if path == "/":
                assert answer.startswith(b"HTTP/1.1 404 ")
                assert b"connection: close" in answer
            else:
                assert answer.startswith(b"HTTP/1.1 100 ")
                link.sendall(b"{}")
                assert link.recv(4096).startswith(b"HTTP/1.1 204 ")


def test_handshakes_that_stall(script: Script, webhook: Start, tmp_path: Path) -> None:
    """They are cut off after some seconds, and leave room for others."""
    files = write_certificate(tmp_path)
    running = webhook(
        script,
        CONSUMER_WEBHOOK__TLS__CERTIFICATE_FILE=str(files.chain),
        CONSUMER_WEBHOOK__TLS__KEY_FILE=str(files.key),
    )
    with ExitStack() as stack:
        links = [stack.enter_context(closing(running.connect())) for _ in range(600)]
        links[0].settimeout(30)
        assert links[0].recv(10) == b""
        trust = ssl.create_default_context(cafile=str(files.authority))

        def is_served() -> bool:
            try:
                with (
                    closing(running.connect()) as link,
                    trust.wrap_socket(link, server_hostname="127.0.0.1") as tls,
                ):
                    tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                    return tls.recv(100).startswith(b"HTTP/1.1 200 ")
            except OSError:
                return False

        eventually(is_served, "it is served again")


def test_posts_that_wait_take_little_memory(script: Script, webhook: Start) -> None:
    """Large ones, with characters that take four bytes in memory; posts beyond get 503 at once."""
    running = webhook(script, **UNSIGNED)
    before = peak_rss_mb(running.run.process.pid)
    script.hold("SendMessageBatch")
    body = ("\u00e9" * 450_000 + "\U0001f600").encode()
    refused: list[bool] = []

    def post() -> None:
        with suppress(OSError):
            refused.append(running.post(body, PATH).status == 503)

    threads = [threading.Thread(target=post, daemon=True) for _ in range(80)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(refused) > 30, "the posts beyond are refused")

    assert all(refused)
    assert peak_rss_mb(running.run.process.pid) - before < 200


def test_a_stop_answers_over_connections_that_are_kept(script: Script, webhook: Start) -> None:
    """A post that comes just then gets its 204, and reads that the connection ends."""
    running = webhook(script)
    pause = threading.Event()
    ends: list[str | None] = []

    def post() -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)) as link:
            end = None
            while end is None:
                pause.wait(0.2)
                try:
                    link.request("POST", "/", signed(event(1)))
                    answer = link.getresponse()
                except (OSError, http.client.HTTPException) as error:
                    end = type(error).__name__
                else:
                    answer.read()
                    end = answer.headers["Connection"]
            ends.append(end)

    threads = [threading.Thread(target=post, daemon=True) for _ in range(10)]
    for thread in threads:
        thread.start()
    eventually(lambda: script.asked["SendMessageBatch"] > 5, "they post")
    running.run.signal(signal.SIGTERM)
    for thread in threads:
        thread.join(BOUND)

    assert running.run.end() == 0
    assert ends == ["close"] * 10

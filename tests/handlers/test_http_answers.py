"""What becomes of an event that is posted, by what is answered: real sockets."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import ssl
import threading
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from consumer.errors import ConfigurationError, Unavailable
from consumer.handlers.http.client import Answer, Client, NoAnswerError
from consumer.handlers.http.verdicts import rejecting, retry_after
from consumer.testing import ManualClock, make_event
from tests.bench.certificate import write_certificate
from tests.cases import for_each
from tests.handlers.http_rig import SECRET_PATH, made, rig
from tests.processes import ROOT, eventually
from tests.queues.servers import CLOSE, RESET, Request, http

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: No answer that can be read.
NONE = "retry HOST: the connection was closed without an answer"


@for_each(
    "pieces, found",
    [
        ([http(b"ok")], "ack"),
        ([http(b"", 201)], "ack"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], "ack"),
        ([http(gzip.compress(b"ok"), Content_Encoding="gzip")], "ack"),
        ([http(b"x" * 1_000_000)], "ack"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", http(b"")], "ack"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"], "ack"),
        ([b"HTTP/1.1 200 OK\r\n\r\nto the end", CLOSE], "ack"),
        ([b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", CLOSE], "ack"),
        ([http(b"", 400)], "reject HOST refused it with 400"),
        ([http(b"", 410)], "reject HOST refused it with 410"),
        ([http(b"", 413)], "reject HOST refused it with 413"),
        ([http(b"", 422)], "reject HOST refused it with 422"),
        ([http(b"", 401)], "retry HOST answered 401: the token is missing or wrong"),
        (
            [http(b"", 403)],
            "retry HOST answered 403: the token is wrong, or it is not allowed to do this",
        ),
        ([http(b"", 404)], "retry HOST answered 404: there is nothing at the path of the url"),
        (
            [http(b"", 405)],
            "retry HOST answered 405: it does not take this method there; see the option method",
        ),
        ([http(b"", 407)], "retry HOST answered 407: the proxy requires a login: see HTTPS_PROXY"),
        ([http(b"", 421)], "retry HOST answered 421: it does not serve this host"),
        ([http(b"", 431)], "retry HOST answered 431: the headers are too large"),
        (
            [http(b"", 496)],
            "retry HOST answered 496: a proxy or load balancer in front of it refused",
        ),
        ([http(b"", 418)], "reject HOST refused it with 418"),
        ([http(b"", 451)], "reject HOST refused it with 451"),
        ([http(b"", 429)], "retry HOST answered 429: too many requests"),
        ([http(b"", 500)], "retry HOST answered 500"),
        ([http(b"", 503)], "retry HOST answered 503"),
        (
            [http(b"", 302, Location="/other")],
            "retry HOST answered 302, a redirect, which is not followed: correct the url",
        ),
        ([CLOSE], NONE),
        ([RESET], "retry HOST: Connection reset by peer"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", CLOSE], NONE),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", RESET], None),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf", CLOSE], NONE),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", CLOSE], None),
        (
            [b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", CLOSE],
            "retry HOST: its answer is not HTTP",
        ),
        ([b"SSH-2.0-OpenSSH\r\n\r\n"], "retry HOST: its answer is not HTTP"),
        ([b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 9_000 + b"\r\n", CLOSE], None),
    ],
)
def test_a_2xx_that_is_there_as_a_whole_takes_an_event(
    pieces: list[Any], found: str | None
) -> None:
    """What is about the event rejects it; all else pauses the handler, and says why."""
    with rig(lambda _: pieces) as there:
        (reason,) = there.reasons(make_event())

    if found is None:
        assert reason.startswith("retry HOST: ")
    else:
        assert found == reason


def test_what_pauses_the_handler_is_unavailable() -> None:
    """So no delivery is used up; with the time that the receiver asks for."""
    for status, headers, after in (
        (503, {"Retry-After": "7"}, 7.0),
        (429, {"Retry-After": "120"}, 120.0),
        (503, {}, None),
    ):
        with rig(lambda _, s=status, h=headers: [http(b"", s, **h)]) as there:  # type: ignore[misc]
            (ran,) = there.land(make_event())
        error = ran.errors["chat"]
        assert isinstance(error, Unavailable)
        assert after == error.after


NOW = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)


@for_each(
    "text, seconds",
    [
        ("30", 30.0),
        (" 1.5 ", 1.5),
        ("-4", 0.0),
        ("99999999", 3_600.0),
        ("inf", 3_600.0),
        ("nan", None),
        ("", None),
        ("soon", None),
        ("Fri, 27 Nov 2026 10:00:45 GMT", 45.0),
        ("Fri, 27 Nov 2026 12:01:00 +0200", 60.0),
        ("Fri, 27 Nov 2026 09:00:00 GMT", 0.0),
        ("Fri, 27 Nov 2026 10:00:45 -0000", 45.0),
        ("Fri, 99 Nov 2026 10:00:45 GMT", None),
        ("9" * 5_000, 3_600.0),
    ],
)
def test_retry_after_is_read_leniently(text: str, seconds: float | None) -> None:
    """Seconds or a date, at most an hour; nonsense is as if it was not there."""
    assert seconds == retry_after(Answer(503, {"retry-after": text}, b""), NOW)


@for_each(
    "reject, status, verdict",
    [
        ([410], 410, "reject"),
        ([410], 400, "retry"),
        (410, 410, "reject"),
        ([], 400, "retry"),
        (["4xx", 404], 404, "reject"),
        (["4xx"], 404, "retry"),
        (["4xx"], 402, "retry"),
        (["4xx", 500], 500, "reject"),
        (["4xx", 500], 502, "retry"),
    ],
)
def test_what_rejects_is_configurable(reject: object, status: int, verdict: str) -> None:
    """By status, or all of 4xx that are about one event."""
    with rig(lambda _: [http(b"", status)], reject=reject) as there:
        (ran,) = there.land(make_event())

    assert verdict == ran.verdict


def test_an_answer_that_comes_bit_by_bit_is_not_waited_for_longer() -> None:
    """The time is that of the whole request, although each byte comes soon after another."""
    clock = ManualClock()
    drops = [part for byte in http(b"") for part in (bytes([byte]), lambda: clock.advance(1))]
    with rig(lambda _: drops, clock=clock) as there:
        assert there.reasons(make_event()) == ["retry HOST: no answer in time"]

    with rig(lambda _: [lambda: clock.advance(29), http(b"")], clock=clock) as there:
        assert there.reasons(make_event()) == ["ack"]


def test_whatever_comes_bit_by_bit_ends_in_time() -> None:
    """Also where the next byte is always there before a socket's timeout."""
    head = b"HTTP/1.1 200 OK\r\n"
    for begin, drop in (
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (head + b"X: ", b"x"),
        (head + b"Content-Length: 99999\r\n\r\n", b"x"),
        (head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n"),
    ):
        ended = threading.Event()
        dropped: list[bytes] = []

        def answer(
            _: Request, begin: bytes = begin, drop: bytes = drop,
            ended: threading.Event = ended, dropped: list[bytes] = dropped,
        ) -> Iterator[Any]:  # fmt: skip
            yield begin
            while len(dropped) < 500 and not ended.wait(0.01):
                dropped.append(drop)
                yield drop

        with rig(answer, request_timeout_seconds=0.2) as there:
            assert there.reasons(make_event()) == ["retry HOST: no answer in time"]
            ended.set()
        assert len(dropped) < 250


def test_a_receiver_that_hangs_is_not_waited_for() -> None:
    """Also one that does not read, and one that ends in the middle."""
    for pieces in ([None], [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", None]):
        with rig(lambda _, p=pieces: p, request_timeout_seconds=0.1) as there:  # type: ignore[misc]
            assert there.reasons(make_event()) == ["retry HOST: no answer in time"]

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        options = {"url": f"http://127.0.0.1:{port}/", "request_timeout_seconds": 0.2}
        big = make_event(body={"text": "x" * 10_000_000})
        (handler,) = made(options).handlers
        assert handler.call is not None
        with pytest.raises(Unavailable, match="no answer in time"):
            handler.call(big, None)  # type: ignore[arg-type]


def test_a_connection_is_used_again() -> None:
    """One is enough for calls one after the other."""
    with rig(lambda _: [http(b"")]) as there:
        for number in range(5):
            assert there.reasons(make_event(body={"n": number})) == ["ack"]

    assert there.server.connections == 1


def test_a_connection_that_was_closed_meanwhile_fails_no_event() -> None:
    """Whether that is seen before the request is sent, or only then."""

    def before(request: Request) -> Iterator[Any]:
        yield http(b"")
        yield CLOSE

    def then(request: Request) -> Iterator[Any]:
        yield CLOSE if request.position else http(b"")

    for answer in (before, then):
        with rig(answer) as there:
            for number in range(3):
                assert there.reasons(make_event(body={"n": number})) == ["ack"]
        assert there.server.connections == 3


def test_an_event_that_breaks_each_connection_is_not_sent_for_ever() -> None:
    """Once more if the connection was kept; that a new one is closed is not its fault."""
    with rig(lambda r: [http(b"")] if r.connection + r.position == 0 else [CLOSE]) as there:
        assert there.reasons(make_event()) == ["ack"]
        assert there.reasons(make_event()) == [NONE]

        assert len(there.server.requests) == 3
        assert there.reasons(make_event()) == [NONE]

    assert len(there.server.requests) == 4


def test_a_content_that_does_not_end_is_not_read_to_its_end() -> None:
    """It says nothing that counts; its connection is not used again."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"

    def answer(_: Request) -> Iterator[Any]:
        yield head
        while True:
            yield chunk

    with rig(answer) as there:
        assert there.reasons(make_event(), make_event()) == ["ack", "ack"]

    assert there.server.connections == 2


def test_1_mebibyte_arrives() -> None:
    """As a whole."""
    event = make_event(body={"text": "\xe4" * 600_000})
    with rig(lambda _: [http(b"")]) as there:
        assert there.reasons(event) == ["ack"]

    (body,) = there.bodies
    assert len(body) > 1 << 20
    assert json.loads(body)["payload"] == event.payload


def test_certificates_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ca_file` or SSL_CERT_FILE name others to trust."""
    files = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.chain, files.key)
    answer = [http(b"")]

    with rig(lambda _: answer, tls=context) as there:
        (reason,) = there.reasons(make_event())
        assert reason.startswith("retry HOST: its certificate is not valid: unable to get")
    with rig(lambda _: answer, tls=context, ca_file=str(files.authority)) as there:
        assert there.reasons(make_event(), make_event()) == ["ack", "ack"]
        assert there.server.connections == 1
    monkeypatch.setenv("SSL_CERT_FILE", str(files.authority))
    with rig(lambda _: answer, tls=context) as there:
        assert there.reasons(make_event()) == ["ack"]


def test_http_to_a_port_with_tls_is_unavailable(tmp_path: Path) -> None:
    """And the other way round."""
    files = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.chain, files.key)
    with rig(lambda _: [http(b"")], tls=context) as there:
        there.registry = made({"url": f"http://127.0.0.1:{there.server.port}/"})
        (ran,) = there.land(make_event())
        assert isinstance(ran.errors["chat"], Unavailable)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = urlsplit(f"https://127.0.0.1:{listener.getsockname()[1]}/")
        client = Client(url, clock=ManualClock(), seconds=30, connect_seconds=30)

        def answer() -> None:
            link, _ = listener.accept()
            with link:
                link.sendall(http(b"", 400))
                link.recv(65_536)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(NoAnswerError, match="TLS: "):
            client.check()
        thread.join()


def test_a_connection_in_use_is_closed_after_its_answer() -> None:
    """If the handler was closed meanwhile; the event is done."""
    closing: list[Any] = []
    with rig(lambda _: [closing[0], http(b"")]) as there:
        closing.append(there.handler.close)
        assert there.reasons(make_event(), make_event()) == ["ack", "ack"]

    assert there.server.connections == 2


def test_a_secret_url_is_never_shown() -> None:
    """Not its path, and with `url_file` not its host; whatever goes wrong."""
    options: dict[str, Any] = {"url_file": True, "token": "t0ken", "request_timeout_seconds": 0.2}
    for pieces in (
        [http(b"", 400)], [http(b"", 404)], [CLOSE], [http(b"", 302)], [b"x\r\n\r\n"], [None],
    ):  # fmt: skip
        with rig(lambda _, p=pieces: p, **options) as there:  # type: ignore[misc]
            (ran,) = there.land(make_event())
            shown_error = "".join(traceback.format_exception(ran.errors["chat"]))
            shown = f"{ran.reason} {shown_error} {ran.errors['chat']!r} {there.handler!r}"
            shown += repr(there.handler.call) + repr(there.handler.function)
        assert ran.reason.startswith("the address in url_file")
        for secret in (SECRET_PATH, "127.0.0.1", str(there.server.port), "t0ken"):
            assert secret not in shown


def test_a_secret_url_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """Not at the level DEBUG, and not if an answer's headers are damaged."""
    caplog.set_level(logging.DEBUG)
    urllib3 = logging.getLogger("urllib3")
    before, shown = urllib3.level, []
    for opened in (False, True):
        with rig(lambda _: [b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", CLOSE]) as there:
            if opened:
                urllib3.setLevel(logging.NOTSET)
            assert there.reasons(make_event()) == ["ack"]
            urllib3.setLevel(before)
        shown.append(SECRET_PATH in caplog.text)

    assert shown == [False, True], "the second shows what urllib3 would log"


def test_a_call_that_takes_longer_than_it_may_counts_as_stuck() -> None:
    """Of a batch there may be several requests."""
    for batch_size, seconds in ((None, 35.0), (9, 350.0)):
        (handler,) = made({"url": "http://127.0.0.1/"}, batch_size=batch_size).handlers
        assert handler.timeout_seconds == seconds


def test_where_nothing_listens_is_unavailable() -> None:
    """And a check says the same, without a request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (handler,) = made({"url": f"http://127.0.0.1:{port}/"}).handlers
    assert handler.call is not None
    assert handler.check_destination is not None

    with pytest.raises(Unavailable) as caught:
        handler.call(make_event(), None)  # type: ignore[arg-type]
    assert caught.value.reason == f"127.0.0.1:{port}: Connection refused"
    with pytest.raises(Unavailable) as caught:
        handler.check_destination()
    assert caught.value.reason == f"127.0.0.1:{port} can't be reached: Connection refused"


def test_no_error_keeps_what_it_was_made_of() -> None:
    """Errors of urllib3 contain the URL; nothing is found behind those that the handler raises."""
    for url in ("http://127.0.0.1:1/s3cret", "http://[::1]s3cret/"):
        try:
            (handler,) = made({"url": url}).handlers
        except ConfigurationError:  # some versions of Python refuse the second one
            assert "[" in url
            continue
        assert handler.call is not None
        assert handler.check_destination is not None
        for use in (lambda h=handler: h.call(make_event(), None), handler.check_destination):
            with pytest.raises(Unavailable) as caught:
                use()
            error: BaseException | None = caught.value
            while error is not None:
                assert isinstance(error, Unavailable | NoAnswerError)
                error = error.__context__


def test_what_slack_does_not_take_pauses() -> None:
    """Its API says so with 200; an archived channel is 410, and no event's fault."""
    slack: dict[str, Any] = {"preset": "slack", "template": {"text": "{body.name}"}}
    for piece, found in (
        (http(b"ok"), "ack"),
        (http({"ok": True}), "ack"),
        (
            http({"ok": False, "error": "s3cret"}),
            'retry HOST answered 200, but "ok" is false in it',
        ),
        (http(b"channel_is_archived", 410), "retry HOST answered 410"),
        (http(b"invalid_payload", 400), "reject HOST refused it with 400"),
    ):
        with rig(lambda _, p=piece: [p], **slack) as there:  # type: ignore[misc]
            assert there.reasons(make_event()) == [found]
    with rig(lambda _: [http(b"", 410)], **slack, reject=["4xx"]) as there:
        assert there.reasons(make_event()) == ["reject HOST refused it with 410"]


def test_a_slow_receiver_does_not_take_all_threads() -> None:
    """Half of the engine's threads are left to other handlers."""
    for batch_size in (None, 9):
        (handler,) = made({"url": "http://127.0.0.1/"}, batch_size=batch_size).handlers
        assert handler.concurrency == 4


def test_a_check_sends_nothing() -> None:
    """It connects only."""
    with rig(lambda _: [http(b"")]) as there:
        check = there.handler.check_destination
        assert check is not None
        assert check() == f"127.0.0.1:{there.server.port} can be reached"
        eventually(lambda: there.server.connections == 1, "it is accepted")

    assert there.server.requests == []


def test_the_readme_lists_what_pauses() -> None:
    """All of 4xx that is not about one event, and nothing else."""
    readme = (ROOT / "README.md").read_text()
    row = next(line for line in readme.splitlines() if line.startswith("| 401 to 405"))
    listed: set[int] = set()
    for part in row.split("|")[1].split(","):
        first, _, last = part.strip().partition(" to ")
        listed |= set(range(int(first), int(last or first) + 1))

    assert listed == set(range(400, 500)) - rejecting(["4xx"])

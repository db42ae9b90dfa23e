"""Which way SQS is called, as whom, at which time; and that both ways understand the same."""

from __future__ import annotations

import datetime as dt
import json
import threading
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import pytest
from botocore import handlers
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials
from moto import mock_aws
from structlog.testing import capture_logs

from consumer.clock import SystemClock
from consumer.config import AwsSettings, QueueSettings
from consumer.errors import AccessDeniedError, TransportError
from consumer.queues.rules import address_of
from consumer.queues.sqs.calls import BotocoreCalls, WireCalls, calls_of
from consumer.queues.sqs.client import make_client
from consumer.testing import ManualClock
from tests.cases import for_each
from tests.queues.servers import (
    KEYS,
    QUEUE,
    WAYS,
    Request,
    Server,
    connected,
    http,
    scripted,
    serving,
    signed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.queues.sqs import SqsTransport

AMAZON = f"https://sqs.us-east-1.amazonaws.com/123456789012/{QUEUE}"


def receive(transport: SqsTransport) -> list[Any]:
    """Receive as the engine does."""
    return transport.receive(max_messages=10, wait_seconds=0, visibility_timeout_seconds=None)


def connecting(url: str | None, **settings: Any) -> tuple[SqsTransport, list[Any]]:
    """A transport, and what was logged of how it calls."""
    with capture_logs() as logs:
        transport = connected(url, **settings)
    return transport, logs


def by_botocore(reason: str) -> list[dict[str, str]]:
    """What is logged of botocore's way."""
    return [{"event": "transport_botocore", "log_level": "info", "reason": reason}]


def is_ours(request: Request) -> bool:
    """Botocore's requests number their attempts."""
    return "amz-sdk-request" not in request.headers


# Ways


def test_our_own_way_is_taken_and_not_logged() -> None:
    """Unless `queue.transport` asks for botocore's, which is logged."""
    with serving(lambda _: [http()]) as server:
        for way, logged in (
            ("auto", []),
            ("botocore", by_botocore("queue.transport asks for it")),
        ):
            transport, logs = connecting(server.url(), way=way)
            receive(transport)
            transport.close()
            assert logged == logs

    assert [True, False] == [is_ours(request) for request in server.requests]


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """By botocore's way, and only for hosts that are not exempt."""
    with serving(lambda _: [http()]) as proxy, serving(lambda _: [http()]) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        through, logs = connecting(f"http://sqs.localhost/123456789012/{QUEUE}")
        past, nothing = connecting(server.url())
        for transport in (through, past):
            receive(transport)
            transport.close()

    assert by_botocore("a proxy is configured") == logs
    assert "POST http://sqs.localhost/ HTTP/1.1" == proxy.requests[0].line
    assert [] == nothing
    assert is_ours(server.requests[0])


def test_a_proxy_for_another_scheme_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY is for https."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")

    plain, nothing = connecting("http://sqs.localhost/1/canvas-live-events")
    secure, logs = connecting(AMAZON)
    plain.close()
    secure.close()

    assert [] == nothing
    assert by_botocore("a proxy is configured") == logs


def test_an_endpoint_with_a_query_is_botocores_business(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is part of what is signed and sent."""
    with serving(lambda _: [http()]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}/a?b=c")
        transport, logs = connecting(AMAZON)
        receive(transport)
        transport.close()

    assert by_botocore("the endpoint's URL has more than host and path") == logs
    assert "POST /a?b=c HTTP/1.1" == server.requests[0].line


@for_each(
    "event",
    [
        "before-send",
        "before-send.sqs",
        "before-call.*.*",
        "before-call.sqs.ReceiveMessage",
        "provide-client-params.sqs.ReceiveMessage",
        "request-created.sqs.*",
        "before-sign",
        "response-received.sqs",
        "after-call.sqs.ReceiveMessage",
    ],
)
def test_hooks_of_other_code_see_every_request(event: str) -> None:
    """Whatever hooks into botocore's clients sees those of the queue; it is logged once."""
    seen: list[Any] = []

    def hook(event_name: str, **_: object) -> None:
        seen.append(event_name)

    mine = [*handlers.BUILTIN_HANDLERS, (event, hook)]
    with patch.object(handlers, "BUILTIN_HANDLERS", mine), serving(lambda _: [http()]) as server:
        with capture_logs() as logs:
            transport = connected(server.url())
            receive(transport)
            receive(transport)
        transport.close()

    assert by_botocore("other code hooks into botocore's requests") == logs
    assert 2 == len(seen)
    assert not is_ours(server.requests[0])


def test_hooks_into_other_services_and_clients_change_nothing() -> None:
    """A hook can only be made for our client before `connect`."""
    mine = [*handlers.BUILTIN_HANDLERS, ("before-send.s3", lambda **_: 1 // 0)]
    with patch.object(handlers, "BUILTIN_HANDLERS", mine), serving(lambda _: [http()]) as server:
        other = boto3.client("sqs", region_name="us-east-1")
        transport, logs = connecting(server.url())
        other.meta.events.register("before-send", lambda **_: 1 // 0)
        receive(transport)
        transport.close()
        other.close()

    assert [] == logs
    assert is_ours(server.requests[0])


def check_that_it_works(transport: SqsTransport, client: Any) -> None:
    """Send by boto3, and receive, change and delete by the transport."""
    url = client.create_queue(QueueName=QUEUE)["QueueUrl"]
    assert AMAZON == url
    client.send_message(QueueUrl=url, MessageBody="hello")

    (message,) = receive(transport)
    assert [None] == transport.change_visibility([(message.receipt_handle, 0)])
    (again,) = receive(transport)
    assert [None] == transport.delete([again.receipt_handle])

    assert ("hello", "hello", 2) == (message.body, again.body, again.receive_count)
    assert 0 == transport.attributes().visible_messages


def test_moto_mocks_us_if_it_is_active_before_we_connect() -> None:
    """As the tests of an application do it."""
    with mock_aws():
        client = boto3.client("sqs", region_name="us-east-1")
        transport = connected(AMAZON)
        check_that_it_works(transport, client)
        transport.close()
        client.close()


def test_moto_mocks_us_if_it_is_activated_after_we_connected() -> None:
    """It was imported before; afterwards our own way is taken again."""
    with serving(lambda _: [http()]) as server:
        elsewhere = connected(server.url())
        transport = connected(AMAZON)
        with mock_aws():
            client = boto3.client("sqs", region_name="us-east-1")
            check_that_it_works(transport, client)
            client.close()
        assert [] == receive(elsewhere)
        transport.close()
        elsewhere.close()

    assert isinstance(transport._calls, WireCalls)
    assert is_ours(server.requests[0])


# Answers

NOT_JSON = [b"<html>Sign in to our Wi-Fi</html>", b"", b"[]", b"null", b'"x"', b"7", b"[" * 99_999,
            b'{"a":', b"\xff", b'{"Messages": []} x']  # fmt: skip


@for_each("way", WAYS)
def test_a_page_of_a_proxy_is_not_an_empty_queue(way: str) -> None:
    """Status 200 does not make it an answer of SQS."""
    pages = iter(NOT_JSON)
    with serving(lambda _: [http(next(pages), Content_Type="text/html")]) as server:
        transport = connected(server.url(), way=way)
        for page in NOT_JSON:
            with pytest.raises(TransportError) as failed:
                receive(transport)
            if way == "auto" or page.startswith((b"<", b"{")) or not page:
                assert "ResponseParserError" == failed.value.code, page
            assert not failed.value.fatal
        transport.close()


QUERY_ERROR = {"x_amzn_query_error": "AWS.SimpleQueueService.NonExistentQueue;Sender"}
ERRORS: list[tuple[int, object, dict[str, str]]] = [
    (400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"}, QUERY_ERROR),
    (400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist"}, {}),
    (400, {"__type": "AWS.SimpleQueueService.NonExistentQueue"}, {}),
    (400, {"__type": "x:y"}, {"X-Amzn-Query-Error": "KMS.DisabledException;Sender"}),
    (403, {"__type": "AccessDeniedException", "Message": "not allowed"}, {}),
    (403, {"__type": "InvalidClientTokenId"}, {}),
    (503, {"__type": "ServiceUnavailable"}, {}),
    (503, b"<html>busy</html>", {}),
    (502, b"", {}),
    (502, b"Bad Gateway", {}),
    (404, b"Not Found", {}),
    (400, {}, {}),
    (400, {"__type": None}, {}),
    (400, {"__type": 7}, {}),
    (400, {"message": "no type"}, {}),
    (400, [], {}),
    (400, "text", {}),
    (400, b"\xff\xfe", {}),
    (400, {"__type": "A" * 200}, {}),
    (400, {"__type": "x"}, {"x_amzn_query_error": ""}),
    (300, {}, {}),
    (300, {"__type": "x"}, {}),
    (301, b"", {"Location": "http://elsewhere"}),
    (307, b"<html>moved</html>", {"Location": "http://elsewhere"}),
    (304, b"", {}),
    (599, {"__type": "x"}, {}),
    (999, {"__type": "x"}, {}),
]


def test_errors_are_understood_alike_by_both_ways() -> None:
    """The kind of the error, its code and its sentence, for all kinds of answers."""
    understood = []
    for way in WAYS:
        errors = iter(ERRORS)

        def answer(_: Request, errors: Any = errors) -> list[bytes]:
            status, content, headers = next(errors)
            return [http(content, status, **headers)]

        with serving(answer) as server:
            transport = connected(server.url(), way=way)
            got = []
            for case in ERRORS:
                with pytest.raises(TransportError) as failed:
                    receive(transport)
                got.append((case, type(failed.value), failed.value.code, str(failed.value)))
            transport.close()
        understood.append(got)

    assert understood[1] == understood[0]


# The time

TWENTY_MINUTES = dt.timedelta(minutes=20)


def refusal(code: str, date: str | None) -> bytes:
    """An answer that refuses a signature, with AWS's time."""
    return http({"__type": code}, 400, **({} if date is None else {"Date": date}))


def signed_at(server: Server) -> list[str]:
    """The times at which the requests were signed."""
    return [request.headers["x-amz-date"] for request in server.requests]


def stamp(moment: dt.datetime) -> str:
    """A time as requests have it."""
    return moment.strftime("%Y%m%dT%H%M%SZ")


@for_each(
    "refused",
    [
        {"__type": "InvalidSignatureException"},
        {"__type": "com.amazon.coral.service#InvalidSignatureException"},
        {"__type": "SignatureDoesNotMatch"},
        {"__type": "RequestExpired"},
        {"__type": "RequestTimeTooSkewed"},
        {"__type": "RequestInTheFuture"},
        {"query": "RequestExpired;Sender"},
    ],
)
def test_the_time_of_aws_is_learned_from_a_refusal(refused: dict[str, str]) -> None:
    """The next request is signed for it; it is logged once, as long as it stays the same."""
    clock = ManualClock()
    aws = clock.now() + TWENTY_MINUTES
    headers = {"Date": format_datetime(aws, usegmt=True)}
    if "query" in refused:
        headers["x_amzn_query_error"] = refused["query"]
    no = http({"__type": refused.get("__type", "x")}, 400, **headers)
    with scripted([no, no, http()]) as server, capture_logs() as logs:
        transport = connected(server.url(), clock=clock)
        for _ in range(2):
            with pytest.raises(TransportError):
                receive(transport)
        assert [] == receive(transport)
        transport.close()

    assert [stamp(clock.now()), stamp(aws), stamp(aws)] == signed_at(server)
    assert [("clock_skew", "warning", 1200)] == [
        (line["event"], line["log_level"], line["seconds"]) for line in logs
    ]


def test_a_clock_that_is_set_right_later_is_learned_again() -> None:
    """What was learned is wrong from then on, and AWS says so; no hint is logged then."""
    clock = ManualClock()
    late, right = clock.now() - TWENTY_MINUTES, clock.now()
    dates = [format_datetime(moment, usegmt=True) for moment in (late, right)]
    noes = [refusal("InvalidSignatureException", date) for date in dates]
    with scripted([noes[0], http(), noes[1], http()]) as server, capture_logs() as logs:
        transport = connected(server.url(), clock=clock)
        for fails in (True, False, True, False):
            if fails:
                with pytest.raises(TransportError):
                    receive(transport)
            else:
                receive(transport)
        transport.close()

    assert [stamp(moment) for moment in (right, late, late, right)] == signed_at(server)
    assert [-1200] == [line["seconds"] for line in logs]


NEARLY = format_datetime(ManualClock().now() + dt.timedelta(seconds=239), usegmt=True)
LATER = format_datetime(ManualClock().now() + TWENTY_MINUTES, usegmt=True)


@for_each(
    "code, date",
    [
        ("InvalidSignatureException", NEARLY),
        ("InvalidSignatureException", None),
        ("InvalidSignatureException", ""),
        ("InvalidSignatureException", "yesterday"),
        ("InvalidSignatureException", LATER.replace("GMT", "-0000")),
        ("InvalidSignatureException", LATER.replace("GMT", "")),
        ("InvalidSignatureException", LATER.replace("GMT", "+99999999999999999999")),
        ("InvalidSignatureException", LATER.replace("2024", "99999999999")),
        ("InvalidSignatureException", LATER.replace("12:", "99:")),
        ("ServiceUnavailable", LATER),
    ],
)
def test_what_says_nothing_of_the_time_changes_nothing(code: str, date: str | None) -> None:
    """A small difference is how long the answer was under way, or a wrong secret."""
    clock = ManualClock()
    with scripted([refusal(code, date), http()]) as server, capture_logs() as logs:
        transport = connected(server.url(), clock=clock)
        with pytest.raises(TransportError) as failed:
            receive(transport)
        receive(transport)
        transport.close()

    assert code == failed.value.code
    assert [stamp(clock.now())] * 2 == signed_at(server)
    assert [] == logs


# Credentials


def own_calls(server: Server, credentials: Any) -> WireCalls:
    """Our own calls, made with these credentials."""
    queue, aws = QueueSettings(url=server.url()), AwsSettings.model_validate(KEYS)
    session, client = make_client(queue, aws, address_of(queue, aws))
    session._credentials = credentials
    calls = calls_of(session, client, queue, SystemClock())
    assert isinstance(calls, WireCalls)
    return calls


def is_signed_by(request: Request, url: str, credentials: ReadOnlyCredentials) -> bool:
    """True if these credentials sign it so, by botocore."""
    names = ("x-amz-target", "content-type", "x-amzn-query-mode")
    headers = {name: request.headers[name] for name in names}
    again = AWSRequest("POST", url, headers, request.body)
    signed(again, credentials, "us-east-1", request.headers["x-amz-date"])
    return bool(again.headers["Authorization"] == request.headers["authorization"])


def test_credentials_are_asked_at_each_call_and_never_mixed() -> None:
    """They rotate at each ask, in four threads: key, secret and token of a request go together."""
    asked = iter(range(10_000))

    def refresh() -> dict[str, str]:
        number = next(asked)
        until = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)  # so soon that it is asked again
        return {
            "access_key": f"key{number}",
            "secret_key": f"secret{number}",
            "token": f"token{number}",
            "expiry_time": until.isoformat(),
        }

    credentials = RefreshableCredentials.create_from_metadata(refresh(), refresh, "test")
    with serving(lambda _: [http()]) as server:
        calls = own_calls(server, credentials)

        def work() -> None:
            for _ in range(25):
                calls.ask("ReceiveMessage", {})

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        calls.close()

    url = f"http://127.0.0.1:{server.port}/"
    numbers = set()
    for request in server.requests:
        number = request.headers["x-amz-security-token"].removeprefix("token")
        parts = (f"key{number}", f"secret{number}", f"token{number}")
        assert is_signed_by(request, url, ReadOnlyCredentials(*parts))
        numbers.add(number)
    assert 100 == len(server.requests)
    assert len(numbers) > 25


def test_a_secret_that_rotates_within_a_day_signs_from_then_on() -> None:
    """The key that was made of the old one, for the day, is not used any more."""
    pairs = [ReadOnlyCredentials("key", secret, None) for secret in ("one", "two", "one")]

    class Rotating:
        def __init__(self) -> None:
            self.left = list(pairs)

        def get_frozen_credentials(self) -> ReadOnlyCredentials:
            return self.left.pop(0)

    with serving(lambda _: [http()]) as server:
        calls = own_calls(server, Rotating())
        for _ in pairs:
            calls.ask("ReceiveMessage", {})
        calls.close()

    url = f"http://127.0.0.1:{server.port}/"
    for request, pair in zip(server.requests, pairs, strict=True):
        assert is_signed_by(request, url, pair)


def test_credentials_that_appear_later_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine's role is not there at once, when it starts."""
    none: dict[str, Any] = {"aws_access_key_id": None, "aws_secret_access_key": None}
    with serving(lambda _: [http()]) as server:
        with pytest.raises(AccessDeniedError, match="no AWS credentials"):
            connected(server.url(), **none)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALATE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        transport = connected(server.url(), **none)
        receive(transport)
        transport.close()

    assert "Credential=AKIALATE/" in server.requests[0].headers["authorization"]


def test_both_ways_ask_the_same() -> None:
    """Arguments as they are, a body that is JSON, one request each."""
    arguments = {"QueueUrl": AMAZON, "Entries": [{"Id": "0", "ReceiptHandle": "é\ud83d\ude00"}]}
    asked: list[Any] = []

    def answer(request: Request) -> Iterator[bytes]:
        asked.append(json.loads(request.body))
        yield http({"Successful": [{"Id": "0"}], "Failed": []})

    with serving(answer) as server:
        for way in WAYS:
            transport = connected(server.url(), way=way)
            calls = transport._calls
            assert isinstance(calls, WireCalls if way == "auto" else BotocoreCalls)
            got = calls.ask("DeleteMessageBatch", arguments)
            assert [{"Id": "0"}] == got["Successful"]
            transport.close()

    assert asked[0] == asked[1]

"""Requests of our own are signed as botocore signs them, and say what botocore's say."""

from __future__ import annotations

import datetime as dt
import io
import json
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import ReadOnlyCredentials
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.config import AwsSettings, QueueSettings
from consumer.queues.rules import address_of
from consumer.queues.sqs.client import make_client
from consumer.queues.sqs.signing import Signer
from consumer.testing import ManualClock
from tests.cases import for_each
from tests.queues.servers import KEYS, WAYS, connected, http, serving, signed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOUR = dt.timedelta(hours=1)
NOW = ManualClock().now()
OPERATIONS: dict[str, dict[str, Any]] = {
    "ReceiveMessage": {
        "MaxNumberOfMessages": 10,
        "WaitTimeSeconds": 20,
        "VisibilityTimeout": 60,
        "AttributeNames": ["ApproximateReceiveCount", "SentTimestamp"],
        "MessageAttributeNames": ["All"],
    },
    "DeleteMessageBatch": {"Entries": [{"Id": "0", "ReceiptHandle": "h/+=é\n"}]},
    "ChangeMessageVisibilityBatch": {
        "Entries": [{"Id": "0", "ReceiptHandle": "h", "VisibilityTimeout": 0}]
    },
    "GetQueueAttributes": {"AttributeNames": ["VisibilityTimeout", "RedrivePolicy"]},
}
#: Anything that can be sent in a header at all.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=30)
some_text = texts.filter(bool)
hosts = st.sampled_from(
    [
        "sqs.us-east-1.amazonaws.com", "SQS.EU-West-1.AmazonAWS.com", "localhost", "127.0.0.1",
        "[::1]", "[FE80::1]", "sqs.us-east-1.amazonaws.com.", "host_x",
    ]
)  # fmt: skip
ports = st.one_of(st.just(""), st.sampled_from([":80", ":443", ":1", ":4566", ":65535", ":"]))
paths = st.one_of(
    st.sampled_from(
        ["", "/", "//", "/a/b", "/a//b/", "/./a/../b/.", "/~a%2Fb", "/a b", "/é+=&:@$"]
    ),
    st.text("abc/.%~ é+", max_size=12).map(lambda text: f"/{text}"),
)
moments = st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001


def headers_of(request: bytes) -> dict[str, str]:
    """By name in lower case; twice the same name is a mistake."""
    head = request.partition(b"\r\n\r\n")[0].decode()
    pairs = [line.split(": ", 1) for line in head.split("\r\n")[1:]]
    assert len(pairs) == len({name.lower() for name, _ in pairs})
    return {name.lower(): value for name, value in pairs}


@settings(max_examples=400)
@given(
    credentials=st.builds(ReadOnlyCredentials, some_text, some_text, st.none() | texts),
    region=st.sampled_from(["us-east-1", "cn-north-1", "us-gov-west-1"]) | some_text,
    url=st.builds("{}://{}{}{}".format, st.sampled_from(["http", "https"]), hosts, ports, paths),
    operation=st.sampled_from([*OPERATIONS]),
    body=st.binary(max_size=100),
    moment=moments,
)
@example(
    credentials=ReadOnlyCredentials("k", "s", " a  b "),
    region="r",
    url="https://H:443/x",
    operation="GetQueueUrl",
    body=b"",
    moment=NOW,
)
def test_signatures_are_those_of_botocore(
    *,
    credentials: ReadOnlyCredentials,
    region: str,
    url: str,
    operation: str,
    body: bytes,
    moment: dt.datetime,
) -> None:
    """For any credentials, region, endpoint, operation, body and date."""
    theirs = AWSRequest(
        method="POST",
        url=url,
        data=body,
        headers={
            "X-Amz-Target": f"AmazonSQS.{operation}",
            "Content-Type": "application/x-amz-json-1.0",
            "x-amzn-query-mode": "true",
        },
    )
    signed(theirs, credentials, region, moment.strftime("%Y%m%dT%H%M%SZ"))
    signer = Signer(urlsplit(url), region=region, user_agent="us")

    ours = signer.request(operation, body, credentials, moment.timestamp())

    got = headers_of(ours)
    assert theirs.headers["Authorization"] == got["authorization"]
    assert theirs.headers["X-Amz-Date"] == got["x-amz-date"]
    assert theirs.headers.get("X-Amz-Security-Token") == got.get("x-amz-security-token")
    assert str(len(body)) == got["content-length"]
    assert body == ours.partition(b"\r\n\r\n")[2]


class _Body(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        """All of it."""
        yield self.read()


def sent_by_botocore(url: str, aws: dict[str, Any]) -> list[Any]:
    """The requests that a client of botocore's makes of the same configuration."""
    queue = QueueSettings(url=url)
    configured = AwsSettings.model_validate(aws)
    _, client = make_client(queue, configured, address_of(queue, configured))
    sent: list[Any] = []

    def send(request: Any, **_: object) -> AWSResponse:
        sent.append(request)
        return AWSResponse(request.url, 200, {}, _Body(b"{}"))

    client.meta.events.register("before-send.sqs", send)
    for operation, arguments in OPERATIONS.items():
        client._make_api_call(operation, {"QueueUrl": url, **arguments})
    client.close()
    return sent


class _Line:
    """Stands for the connections: keeps what would be sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def exchange(self, request: bytes) -> Any:
        self.sent.append(request)
        raise BrokenPipeError

    def close(self) -> None:
        """Nothing to close."""


def sent_by_us(url: str, aws: dict[str, Any]) -> tuple[Any, list[bytes]]:
    """The calls, and the requests."""
    transport = connected(url, **{f"aws_{name}": value for name, value in aws.items()})
    calls: Any = transport._calls
    calls._connections.close()
    calls._connections = line = _Line()
    for operation, arguments in OPERATIONS.items():
        with pytest.raises(BrokenPipeError):
            calls.ask(operation, {"QueueUrl": url, **arguments})
    transport.close()
    return calls, line.sent


AMAZON = "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events"
PLACES: list[tuple[str, dict[str, Any], dict[str, str], str]] = [
    (AMAZON, {}, {}, "sqs.us-east-1.amazonaws.com"),
    (AMAZON, {"session_token": "to+ken/="}, {}, "sqs.us-east-1.amazonaws.com"),
    (AMAZON, {}, {"AWS_USE_FIPS_ENDPOINT": "true"}, "sqs-fips.us-east-1.amazonaws.com"),
    (AMAZON, {}, {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "sqs.us-east-1.api.aws"),
    (AMAZON, {}, {"AWS_ENDPOINT_URL": "http://Emulator:4566/a/b/"}, "emulator:4566"),
    (AMAZON, {}, {"AWS_ENDPOINT_URL_SQS": "https://emulator:443"}, "emulator"),
    (AMAZON, {"profile": "p"}, {}, "services.example:1"),
    (AMAZON, {"endpoint_url": "http://[::1]:4566"}, {}, "[::1]:4566"),
    (AMAZON.replace("us-east-1", "us-iso-east-1"), {}, {}, "sqs.us-iso-east-1"),
    (
        "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/canvas-live-events",
        {},
        {},
        "sqs.cn-north-1.amazonaws.com.cn",
    ),
    (
        "https://sqs-fips.us-east-1.amazonaws.com/123456789012/canvas-live-events",
        {},
        {},
        "sqs-fips.us-east-1.amazonaws.com",
    ),
    (
        "https://vpce-1.sqs.us-west-2.vpce.amazonaws.com/123456789012/canvas-live-events",
        {},
        {},
        "vpce-1.sqs.us-west-2.vpce.amazonaws.com",
    ),
    (
        "https://us-west-2.queue.amazonaws.com/123456789012/canvas-live-events",
        {},
        {},
        "sqs.us-west-2.amazonaws.com",
    ),
]


@for_each("url, aws, environ, host", PLACES)
def test_requests_are_those_of_a_client_of_botocores(
    tmp_path: Path, url: str, aws: dict[str, Any], environ: dict[str, str], host: str
) -> None:
    """Address, headers that are signed, and meaning of the body; the signature of its own body."""
    (tmp_path / "aws-config").write_text(
        "[profile p]\nservices = s\n[services s]\nsqs =\n  endpoint_url = http://services.example:1\n"
    )
    with patch.dict("os.environ", environ):
        sent = sent_by_botocore(url, KEYS | aws)
        calls, ours = sent_by_us(url, KEYS | aws)
    frozen = calls._session.get_credentials().get_frozen_credentials()

    for operation, theirs, request in zip(OPERATIONS, sent, ours, strict=True):
        parts = urlsplit(theirs.url)
        got = headers_of(request)
        assert f"POST {parts.path} HTTP/1.1".encode() == request.partition(b"\r\n")[0]
        assert got["host"].startswith(host), got["host"]
        assert parts.netloc.lower().removesuffix(":443") == got["host"]
        for name in ("X-Amz-Target", "Content-Type"):
            assert theirs.headers[name] == got[name.lower()].encode()
        assert json.loads(theirs.body) == json.loads(request.partition(b"\r\n\r\n")[2])
        # Over its body, ours is botocore's to the last digit: scope, signed headers, signature.
        # Older versions of botocore do not send the query mode: then only the scope is the same.
        scopes_only = "X-Amzn-Query-Mode" not in theirs.headers
        stamp = theirs.headers["X-Amz-Date"].decode()
        moment = dt.datetime.strptime(f"{stamp}+0000", "%Y%m%dT%H%M%SZ%z")
        again = calls._signer.request(operation, theirs.body, frozen, moment.timestamp())
        both = theirs.headers["Authorization"].decode(), headers_of(again)["authorization"]
        expected, signed_by_us = (text.split(",")[: 1 if scopes_only else 3] for text in both)
        assert expected == signed_by_us


@for_each(
    "credentials",
    [
        ReadOnlyCredentials("key\r\nX: y", "s3cret", None),
        ReadOnlyCredentials("key\nX: y", "s3cret", "token"),
        ReadOnlyCredentials("key\rX: y", "s3cret", None),
        ReadOnlyCredentials("key", "s3cret", "token\r\nX: y"),
        ReadOnlyCredentials("key", "s3cret", "token\n"),
        ReadOnlyCredentials("key", "s3cret", "token\rX: y"),
        ReadOnlyCredentials("key\n", "s3cret", None),
    ],
)
def test_a_line_break_in_credentials_makes_no_header(credentials: ReadOnlyCredentials) -> None:
    """They come from files and services; the error holds none of them."""
    signer = Signer(urlsplit("https://host"), region="r", user_agent="us")

    with pytest.raises(ValueError, match="line break") as refused:
        signer.request("ReceiveMessage", b"{}", credentials, 0.0)

    assert "key" not in str(refused.value)


@for_each("way", WAYS)
def test_credentials_that_cannot_be_sent_lead_to_an_error_without_them(way: str) -> None:
    """By both ways: nothing is sent, and nothing secret is in what is logged."""
    with serving(lambda _: [http()]) as server:
        for token in ("s3cret\r\nX-Header: s3cret", "s3cret\ud800"):
            transport = connected(server.url(), way=way, aws_session_token=token)
            with pytest.raises(Exception, match="ReceiveMessage") as failed:
                transport.receive(max_messages=1, wait_seconds=0, visibility_timeout_seconds=None)
            transport.close()
            assert "s3cret" not in f"{failed.value!r} {failed.value}"
            assert failed.value.__suppress_context__
        assert [] == server.requests


def test_the_key_of_a_day_is_made_once_and_again_for_another_secret_or_day() -> None:
    """The four steps of HMAC are what costs; a rotated secret with the same day has its own."""
    signer = Signer(urlsplit("https://host"), region="r", user_agent="us")
    made: list[str] = []

    def sign(key: str, secret: str, moment: dt.datetime) -> str:
        credentials = ReadOnlyCredentials(key, secret, None)
        before = signer._identity
        ours = signer.request("ReceiveMessage", b"{}", credentials, moment.timestamp())
        if signer._identity is not before:
            made.append(secret)
        fresh = Signer(urlsplit("https://host"), region="r", user_agent="us")
        assert fresh.request("ReceiveMessage", b"{}", credentials, moment.timestamp()) == ours
        return headers_of(ours)["authorization"]

    signatures = {
        sign("a", "one", NOW),
        sign("a", "one", NOW + HOUR),
        sign("b", "two", NOW + HOUR),
        sign("a", "one", NOW + HOUR * 2),
        sign("a", "one", NOW + HOUR * 24),
    }

    assert ["one", "two", "one", "one"] == made
    assert 5 == len(signatures)

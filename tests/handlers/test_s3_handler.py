"""The objects that the S3 handler puts: their names, their lines, and when they are put again."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from consumer.errors import ConfigurationError
from consumer.handlers import s3
from consumer.testing import make_event, run_batch
from tests.cases import for_each
from tests.handlers.aws_handlers import answering, close, events, land, made, xml_error
from tests.queues.servers import http

if TYPE_CHECKING:
    from tests.queues.servers import Request

DONE = http(b"", ETag='"e"')
THERE = xml_error("PreconditionFailed", 412)


def key_of(request: Request) -> str:
    """The key that an object was put under; the bucket is before it."""
    method, path, _ = request.line.split(" ")
    assert (method, True) == ("PUT", path.startswith("/lake/"))
    return unquote(path.removeprefix("/lake/"))


def lines_of(request: Request) -> list[Any]:
    """The records in an object."""
    return [json.loads(line) for line in gzip.decompress(request.body).splitlines()]


def at(*moments: str) -> list[Any]:
    """Events of these times, each different."""
    times = [datetime.fromisoformat(moment) for moment in moments]
    return [make_event(body={"grade": str(n)}, time=time) for n, time in enumerate(times)]


def test_an_object() -> None:
    """Its name says day and content; S3 checks its bytes, and replaces none; it stays a file."""
    with answering(DONE) as (server, url):
        batch = events(3)
        assert [("ack", "")] * 3 == land(made("s3", url, prefix="/live events/raw/"), batch)
    (request,) = server.requests
    digest = sha256("\n".join(["h", *sorted(e.key for e in batch)]).encode()).hexdigest()[:32]
    assert f"live events/raw/event_date=2024-03-01/{digest}.jsonl.gz" == key_of(request)
    assert "*" == request.headers["if-none-match"]
    checksum = b64encode(sha256(request.body).digest()).decode()
    assert checksum == request.headers["x-amz-checksum-sha256"]
    assert "application/gzip" == request.headers["content-type"]
    assert "content-encoding" not in request.headers
    assert "x-amz-server-side-encryption" not in request.headers
    assert [event.key for event in batch] == [line["event_key"] for line in lines_of(request)]


def test_an_object_for_each_day() -> None:
    """The day of the event, in UTC; without a time, the day on which it arrived."""
    batch = at("2024-02-29T23:59:59+00:00", "2024-03-01T01:30:00+02:00", "2024-03-01T00:00:00Z")
    batch.append(make_event(body={"grade": "none"}, time=None))
    with answering(DONE, DONE, DONE) as (server, url):
        assert {"ack"} == {verdict for verdict, _ in land(made("s3", url), batch)}
    days = {key_of(r).partition("/")[0]: len(lines_of(r)) for r in server.requests}
    today = datetime.now(UTC).date()
    assert {
        "event_date=2024-02-29": 2,
        "event_date=2024-03-01": 1,
        f"event_date={today}": 1,
    } == days


def test_a_large_batch_is_split() -> None:
    """No object is larger before compression, but for one with a single event."""
    batch = [make_event(body={"text": "x" * size}) for size in (400, 401, 5000, 402)]
    with answering(*[DONE] * 3) as (server, url):
        assert {"ack"} == {
            verdict for verdict, _ in land(made("s3", url, max_object_bytes=2000), batch)
        }
    assert [2, 1, 1] == [len(lines_of(request)) for request in server.requests]


def test_a_batch_that_is_put_again_is_there_already() -> None:
    """Whatever the order: the same name; and the same bytes for the same lines."""
    batch = events(5)
    with answering(DONE, THERE) as (server, url):
        for order in (batch, batch[::-1]):
            assert [("ack", "")] * 5 == land(made("s3", url), order)
    first, second = server.requests
    assert key_of(first) == key_of(second)


def test_the_same_object_after_an_outage() -> None:
    """The engine tries one event, then the others: the object of all is put again, once."""
    batch = events(5)
    with answering(xml_error("InternalError", 500), THERE) as (server, url):
        registry = made("s3", url)
        assert {"retry"} == {ran.verdict for ran in run_batch(registry, batch)}
        assert ["ack"] == [ran.verdict for ran in run_batch(registry, batch[:1])]
        assert ["ack"] * 4 == [ran.verdict for ran in run_batch(registry, batch[1:])]
        close(registry)
    first, second = server.requests
    assert (key_of(first), first.body) == (key_of(second), second.body)


def test_an_outage_between_two_objects() -> None:
    """What landed is handled; what has not is put again; new events have their own object."""
    old, new = at("2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"), events(1)
    with answering(DONE, xml_error("SlowDown", 503), DONE, DONE) as (server, url):
        registry = made("s3", url)
        assert [False, True] == [
            ran.outcome.down_seconds is not None for ran in run_batch(registry, old)
        ]
        assert {"ack"} == {ran.verdict for ran in run_batch(registry, [old[1], *new])}
        close(registry)
    landed = [[line["event_key"] for line in lines_of(request)] for request in server.requests]
    assert [[old[0].key], [old[1].key], [old[1].key], [new[0].key]] == landed


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events that never come again do not fill the memory; the newest are kept."""
    monkeypatch.setattr(s3, "_MOST_KEPT", 3)
    kept, made = s3._Objects(), s3._Object("key", [])
    for number in range(5):
        kept.keep({f"{number}": made})
    assert [None, None, made, made, made] == [kept.take(f"{number}") for number in range(5)]
    assert kept.take("4") is None


def test_an_event_twice_in_a_batch() -> None:
    """It has one line."""
    batch = events(2)
    with answering(DONE) as (server, url):
        assert [("ack", "")] * 4 == land(made("s3", url), batch * 2)
    assert 2 == len(lines_of(server.requests[0]))


def test_a_kms_key() -> None:
    """S3 encrypts the object with it."""
    key = "arn:aws:kms:us-east-1:123456789012:key/0a1b-2c"
    with answering(DONE) as (server, url):
        land(made("s3", url, kms_key=key), events(1))
    headers = server.requests[0].headers
    assert ("aws:kms", key) == (
        headers["x-amz-server-side-encryption"],
        headers["x-amz-server-side-encryption-aws-kms-key-id"],
    )


@for_each(
    "options, fault",
    [
        ({"bucket": "Not_A_Bucket"}, "bucket must be the name of a bucket"),
        ({"bucket": None}, "bucket must be the name of a bucket"),
        ({"prefix": "x" * 901}, "prefix must be at most 900 bytes long"),
        ({"kms_key": "alias/canvas"}, "kms_key must be the ARN of a key"),
        ({"max_object_bytes": 0}, "max_object_bytes must be a whole number from 1"),
        ({"buckets": "x"}, 'has no option "buckets"'),
    ],
)
def test_wrong_options(options: dict[str, Any], fault: str) -> None:
    """They are refused before anything is called."""
    with pytest.raises(ConfigurationError, match=fault):
        made("s3", **options)


def test_by_default_a_thousand_or_a_minute() -> None:
    """So that objects are neither many nor late."""
    (handler,) = made("s3", batch_size=None).handlers
    assert (1000, 60.0) == (handler.batch, handler.linger_seconds)

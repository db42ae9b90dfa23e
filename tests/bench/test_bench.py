"""The stub behaves as SQS does where the benchmark relies on it."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import statistics
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.bench.certificate import write_certificate
from tests.bench.rig import StubAddress, running_stub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(name="stub")
def _stub() -> Iterator[StubAddress]:
    with running_stub(messages=12) as stub:
        yield stub


@pytest.fixture(name="sqs")
def _sqs(stub: StubAddress) -> Iterator[Any]:
    with _client(stub) as client:
        yield client


@contextlib.contextmanager
def _client(stub: StubAddress) -> Iterator[Any]:
    client = boto3.client(
        "sqs",
        endpoint_url=stub.url,
        verify=stub.authority,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
    )
    with contextlib.closing(client):
        yield client


def _receive(sqs: Any, stub: StubAddress, **options: Any) -> list[dict[str, Any]]:
    response = sqs.receive_message(
        QueueUrl=stub.queue_url, MaxNumberOfMessages=10, AttributeNames=["All"],
        MessageAttributeNames=["All"], **options,
    )  # fmt: skip
    messages: list[dict[str, Any]] = response.get("Messages", [])
    return messages


def test_messages_are_canvas_events_each_its_own() -> None:
    """No two of the stub's messages are the same event, and their size is what Canvas sends."""
    with running_stub(messages=200) as stub, _client(stub) as sqs:
        bodies = [message["Body"] for _ in range(20) for message in _receive(sqs, stub)]

    assert len(set(bodies)) == 200
    assert 1_100 < statistics.median(map(len, bodies)) < 1_500
    assert all(json.loads(body).keys() == {"metadata", "body"} for body in bodies)


def test_receive_gives_ten_with_their_attributes(sqs: Any, stub: StubAddress) -> None:
    """A receive brings up to ten, with digests that fit and what Canvas and SQS say of them."""
    first, second = _receive(sqs, stub), _receive(sqs, stub)

    assert [len(first), len(second)] == [10, 2]
    for message in [*first, *second]:
        assert hashlib.md5(message["Body"].encode()).hexdigest() == message["MD5OfBody"]
        metadata = json.loads(message["Body"])["metadata"]
        attributes = {
            name: value["StringValue"] for name, value in message["MessageAttributes"].items()
        }
        assert attributes == {name: metadata[name] for name in ("event_name", "event_time")}
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"
        assert message["Attributes"]["SentTimestamp"].isdecimal()
    assert _receive(sqs, stub) == []


def test_attributes_come_only_if_asked_for(sqs: Any, stub: StubAddress) -> None:
    """A receive without attributes gets none; one that asks for one gets that one."""
    plain = sqs.receive_message(QueueUrl=stub.queue_url)["Messages"][0]
    chosen = sqs.receive_message(
        QueueUrl=stub.queue_url,
        AttributeNames=["SentTimestamp"],
        MessageAttributeNames=["event_name"],
    )["Messages"][0]

    assert not {"Attributes", "MessageAttributes"} & plain.keys()
    assert list(chosen["Attributes"]) == ["SentTimestamp"]
    assert list(chosen["MessageAttributes"]) == ["event_name"]


def test_deleted_messages_are_gone(sqs: Any, stub: StubAddress) -> None:
    """A message that is deleted twice is counted once."""
    entries = [
        {"Id": str(position), "ReceiptHandle": message["ReceiptHandle"]}
        for position, message in enumerate(_receive(sqs, stub))
    ]

    first = sqs.delete_message_batch(QueueUrl=stub.queue_url, Entries=entries)
    sqs.delete_message_batch(QueueUrl=stub.queue_url, Entries=entries)

    stats = stub.get("/stats")
    assert [str(position) for position in range(10)] == [e["Id"] for e in first["Successful"]]
    assert "Failed" not in first
    assert (stats["deleted"], stats["remaining"], stats["in_flight"]) == (10, 2, 0)
    assert stats["calls"] == {"ReceiveMessage": 1, "DeleteMessageBatch": 2}


def test_visibility_zero_gives_a_message_back(sqs: Any, stub: StubAddress) -> None:
    """A released message comes again, with a new handle, and the old one deletes it no more."""
    _receive(sqs, stub)
    released = _receive(sqs, stub)[0]

    sqs.change_message_visibility_batch(
        QueueUrl=stub.queue_url,
        Entries=[
            {"Id": "0", "ReceiptHandle": released["ReceiptHandle"], "VisibilityTimeout": 0}
        ],
    )  # fmt: skip
    again = _receive(sqs, stub)

    assert [released["MessageId"]] == [message["MessageId"] for message in again]
    assert again[0]["Attributes"]["ApproximateReceiveCount"] == "2"
    stale = sqs.delete_message_batch(
        QueueUrl=stub.queue_url,
        Entries=[{"Id": "0", "ReceiptHandle": released["ReceiptHandle"]}],
    )
    assert [entry["Code"] for entry in stale["Failed"]] == ["ReceiptHandleIsInvalid"]


def test_visibility_timeout_ends(sqs: Any, stub: StubAddress) -> None:
    """What is neither deleted nor extended comes again, to a long poll that waits for it."""
    taken = _receive(sqs, stub) + _receive(sqs, stub, VisibilityTimeout=1)

    again = _receive(sqs, stub, WaitTimeSeconds=20)

    assert [m["MessageId"] for m in taken[10:]] == [m["MessageId"] for m in again]


def test_long_poll_is_answered_when_a_message_comes() -> None:
    """A message that is sent while a receive waits is the answer to it."""
    with running_stub() as stub:
        waiting = http.client.HTTPConnection(stub.url.removeprefix("http://"), timeout=60)
        with contextlib.closing(waiting):
            asked = {"QueueUrl": stub.queue_url, "WaitTimeSeconds": 20}
            target = {"X-Amz-Target": "AmazonSQS.ReceiveMessage"}
            waiting.request("POST", "/", json.dumps(asked), target)

            sent = stub.post("/send", {"body": "hello"})
            messages = json.loads(waiting.getresponse().read())["Messages"]

    assert [(sent["MessageId"], "hello")] == [(m["MessageId"], m["Body"]) for m in messages]


def test_a_closed_connection_takes_no_message() -> None:
    """A long poll whose client is gone is not given what comes later."""
    with running_stub() as stub, _client(stub) as sqs:
        gone = http.client.HTTPConnection(stub.url.removeprefix("http://"), timeout=60)
        asked = {"QueueUrl": stub.queue_url, "WaitTimeSeconds": 20}
        gone.request("POST", "/", json.dumps(asked), {"X-Amz-Target": "AmazonSQS.ReceiveMessage"})
        gone.close()

        stub.get("/stats")  # answered after the connection is seen to be closed
        stub.post("/send", {"body": "hello"})

        assert [message["Body"] for message in _receive(sqs, stub)] == ["hello"]


def test_latency_is_added_to_each_call() -> None:
    """With latency, no call is answered sooner."""
    with running_stub(messages=1, latency_ms=60) as stub, _client(stub) as sqs:
        begin = time.monotonic()
        assert len(_receive(sqs, stub)) == 1

        assert time.monotonic() - begin >= 0.055


def test_with_a_certificate_sqs_is_behind_tls(tmp_path: Path) -> None:
    """A client that trusts the authority that was made for it can use TLS."""
    certificate = write_certificate(tmp_path)
    with running_stub(messages=1, certificate=certificate) as stub, _client(stub) as sqs:
        assert stub.url.startswith("https://127.0.0.1:")
        assert len(_receive(sqs, stub)) == 1
        assert stub.get("/stats")["received"] == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"QueueUrl": "http://127.0.0.1/123456789012/other"}, "QueueDoesNotExist"),
        ({"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        ({"WaitTimeSeconds": 21}, "InvalidParameterValue"),
        ({"VisibilityTimeout": -1}, "InvalidParameterValue"),
    ],
)
def test_bad_receives_are_refused(
    sqs: Any, stub: StubAddress, change: dict[str, Any], code: str
) -> None:
    """What SQS would refuse is refused, and nothing is received."""
    with pytest.raises(ClientError) as refused:
        sqs.receive_message(**{"QueueUrl": stub.queue_url, **change})

    assert code in refused.value.response["Error"].values()
    assert stub.get("/stats")["received"] == 0


def test_bad_batches_are_refused(sqs: Any, stub: StubAddress) -> None:
    """More than ten entries, or two of the same id, fail as a whole."""
    entry = {"Id": "0", "ReceiptHandle": _receive(sqs, stub)[0]["ReceiptHandle"]}
    for entries in ([entry] * 11, [entry, entry]):
        with pytest.raises(ClientError):
            sqs.delete_message_batch(QueueUrl=stub.queue_url, Entries=entries)

    assert stub.get("/stats")["deleted"] == 0

"""The transport for SQS: what it asks, what it makes of the answers, who it is to AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import RefreshableCredentials
from structlog.testing import capture_logs

from consumer.config import AwsSettings
from consumer.errors import (
    AccessDeniedError,
    ConfigurationError,
    QueueMissingError,
    TransportError,
)
from consumer.queues.requests import RequestCounts
from consumer.queues.sqs.calls import WireCalls
from consumer.queues.sqs.client import session_for
from consumer.queues.transport import EntryFailure
from consumer.testing import ManualClock
from tests.cases import for_each
from tests.queues.servers import CLOSE, KEYS, QUEUE, WAYS, Request, connected, http, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumer.queues.sqs import SqsTransport
    from tests.moto_queues import Moto

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events"
NO_KEYS: dict[str, Any] = {"aws_access_key_id": None, "aws_secret_access_key": None}


class Wire:
    """SQS on loopback, and a transport for each way to call it."""

    def __init__(self, port: int, requests: list[Request], answers: list[Any]) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.requests = requests
        self.both = [self.connect(way=way) for way in WAYS]
        self.ours = self.both[0]
        self.answers = answers

    def connect(self, url: str | None = URL, **settings: Any) -> SqsTransport:
        """A transport that calls this server."""
        return connected(url, **{"aws_endpoint_url": self.endpoint, **settings})

    def answer(self, content: object, *, status: int = 200, **headers: str) -> None:
        """The next request gets this answer."""
        self.answers.append(http(content, status, **headers))

    def fail(self) -> None:
        """The next request gets none."""
        self.answers.append(CLOSE)

    @property
    def asked(self) -> list[tuple[str, Any]]:
        """Operations and their arguments."""
        return [(request.operation, request.asked) for request in self.requests]


@pytest.fixture(scope="module", name="shared")
def _shared() -> Iterator[Wire]:
    answers: list[Any] = []
    requests: list[Request] = []

    def answer(request: Request) -> list[Any]:
        requests.append(request)
        return [answers.pop(0)]

    with serving(answer) as server:
        wire = Wire(server.port, requests, answers)
        yield wire
        for transport in wire.both:
            transport.close()


@pytest.fixture(name="wire")
def _wire(shared: Wire) -> Wire:
    shared.requests.clear()
    shared.answers.clear()
    return shared


def receive(transport: SqsTransport, visibility: int | None = 60) -> list[Any]:
    """Receive as the engine does."""
    return transport.receive(
        max_messages=10, wait_seconds=20, visibility_timeout_seconds=visibility
    )


MESSAGE = {
    "MessageId": "m",
    "ReceiptHandle": "h",
    "Body": "é\ud800",
    "MD5OfBody": "0" * 32,
    "Attributes": {"ApproximateReceiveCount": "3", "SentTimestamp": "1704164645000"},
    "MessageAttributes": {
        "event_name": {"DataType": "String", "StringValue": "grade_change"},
        "picture": {"DataType": "Binary", "BinaryValue": "AAE="},
    },
}


def test_a_receive_asks_for_what_is_needed(wire: Wire) -> None:
    """All message attributes, two of the system's, and the visibility timeout if there is one."""
    asked = {
        "QueueUrl": URL,
        "MaxNumberOfMessages": 10,
        "WaitTimeSeconds": 20,
        "AttributeNames": ["ApproximateReceiveCount", "SentTimestamp"],
        "MessageAttributeNames": ["All"],
    }
    for transport in wire.both:
        wire.requests.clear()
        wire.answer({})
        wire.answer({"Messages": []})

        assert [] == receive(transport, 60)
        assert [] == receive(transport, None)

        assert [
            ("ReceiveMessage", {**asked, "VisibilityTimeout": 60}),
            ("ReceiveMessage", asked),
        ] == wire.asked
        assert {"POST / HTTP/1.1"} == {request.line for request in wire.requests}
        agent = wire.requests[0].headers["user-agent"]
        assert agent.split()[0] == "canvas-live-events-consumer"


def test_a_message_is_as_it_came(wire: Wire) -> None:
    """String attributes only; the time is the clock's."""
    for transport in wire.both:
        wire.answer({"Messages": [MESSAGE]})

        (message,) = receive(transport)

        assert ("m", "h", "é\ud800", 3) == (
            message.message_id, message.receipt_handle, message.body, message.receive_count,
        )  # fmt: skip
        assert ManualClock().monotonic() == message.received_at
        assert {"event_name": "grade_change"} == message.message_attributes
        assert "2024-01-02T03:04:05+00:00" == message.sent_at.isoformat()


def test_both_ways_read_the_same(wire: Wire) -> None:
    """Ten messages of all kinds of characters, field by field."""
    bodies = ["", " ", "é\u2028\x00\x7f", "\U0001f600", '"\\/', "x" * 100_000, "\ud83d", "{}", "0"]
    messages = [
        {**MESSAGE, "MessageId": f"m{number}", "Body": body} for number, body in enumerate(bodies)
    ]
    received = []
    for transport in wire.both:
        wire.answer({"Messages": [*messages, {"MessageId": "m", "ReceiptHandle": "h"}]})
        received.append(receive(transport))

    for ours, theirs in zip(*received, strict=True):
        assert all(
            getattr(ours, name) == getattr(theirs, name)
            for name in ("message_id", "receipt_handle", "body", "receive_count", "attributes",
                         "message_attributes", "sent_at")
        )  # fmt: skip
    assert [*bodies, ""] == [message.body for message in received[0]]


@for_each("messages", ["none", {"one": MESSAGE}, 7, True])
def test_a_receive_in_another_shape_is_a_failure_that_may_pass(
    wire: Wire, messages: object
) -> None:
    """A proxy's or an emulator's JSON is tried again; it must not end the process."""
    wire.answer({"Messages": messages})

    with pytest.raises(TransportError) as failure:
        receive(wire.ours)

    assert ("AnswerNotUnderstood", False) == (failure.value.code, failure.value.fatal)


@for_each(
    "odd",
    [
        None,
        "text",
        7,
        [],
        {},
        {**MESSAGE, "MessageId": ["m"]},
        {**MESSAGE, "MessageId": None},
        {**MESSAGE, "ReceiptHandle": 7},
        {**MESSAGE, "Body": {"metadata": {}}},
        {**MESSAGE, "Body": 7},
        {"MessageId": "m", "Body": "{}"},
        {"ReceiptHandle": "h", "Body": "{}"},
    ],
)
def test_what_is_no_message_does_not_stop_the_other_nine(wire: Wire, odd: object) -> None:
    """It is left to SQS, which delivers it again or redrives it; that is logged, and no more."""
    wire.answer({"Messages": [MESSAGE, odd, *[MESSAGE] * 8]})

    with capture_logs() as logs:
        received = receive(wire.ours)

    assert ["m"] * 9 == [message.message_id for message in received]
    assert [{"event": "message_not_understood", "log_level": "warning", "messages": 1}] == logs


@for_each(
    "odd, count, attributes",
    [
        ({"Attributes": ["SentTimestamp"]}, 1, {}),
        ({"Attributes": None, "MessageAttributes": None}, 1, {}),
        ({"Attributes": {"ApproximateReceiveCount": "many"}}, 1, None),
        ({"Attributes": {"ApproximateReceiveCount": None}}, 1, None),
        ({"Attributes": {"ApproximateReceiveCount": "0"}}, 1, None),
        ({"Attributes": {"ApproximateReceiveCount": "-5"}}, 1, None),
        ({"Attributes": {"ApproximateReceiveCount": 2}}, 2, None),
        ({"Attributes": {"ApproximateReceiveCount": [2]}}, 1, None),
        ({"Attributes": {"ApproximateReceiveCount": float("inf")}}, 1, None),
        ({"Attributes": {"ApproximateReceiveCount": float("nan")}}, 1, None),
        ({"Attributes": {"ApproximateReceiveCount": "9" * 5000}}, 1, None),
        ({"Attributes": {"SentTimestamp": [1]}}, 1, None),
        ({"MessageAttributes": {"event_name": None}}, 3, {}),
        ({"MessageAttributes": {"event_name": {"StringValue": 7}}}, 3, {}),
        ({"MessageAttributes": {"event_name": "grade_change"}}, 3, {}),
        ({"MessageAttributes": [1]}, 3, {}),
        ({"MessageAttributes": "x"}, 3, {}),
    ],
)
def test_odd_attributes_are_left_out(
    wire: Wire, odd: dict[str, Any], count: int, attributes: dict[str, str] | None
) -> None:
    """The message is good without them, and so are the others."""
    wire.answer({"Messages": [{**MESSAGE, **odd}, MESSAGE]})

    message, other = receive(wire.ours)

    assert ("m", "é\ud800", count) == (message.message_id, message.body, message.receive_count)
    if "MessageAttributes" in odd:
        assert (attributes or {}) == message.message_attributes
    if "SentTimestamp" not in (odd.get("Attributes") or MESSAGE["Attributes"]):
        assert message.sent_at is None
    assert 3 == other.receive_count


def test_a_message_without_a_body_is_an_empty_one(wire: Wire) -> None:
    """It is for the decoder to say what it thinks of that."""
    wire.answer({"Messages": [{"MessageId": "m", "ReceiptHandle": "h"}, {**MESSAGE, "Body": None}]})

    first, second = receive(wire.ours)

    assert ("", "", 1, 3) == (first.body, second.body, first.receive_count, second.receive_count)


@for_each(
    "answer",
    [
        {"Failed": "none"},
        {"Failed": 7},
        {"Failed": [1]},
        {"Failed": [{"Id": []}]},
        {"Successful": [{}]},
        {"Successful": [None]},
        {"Successful": [{"Id": {}}]},
        {"Successful": 7},
        {"Successful": {"Id": "0"}},
    ],
)
def test_a_settle_in_another_shape_is_a_failure_that_may_pass(
    wire: Wire, answer: dict[str, Any]
) -> None:
    """What it says of the messages is not known, so none counts as settled."""
    wire.answer(answer)
    wire.answer(answer)

    with pytest.raises(TransportError, match="DeleteMessageBatch"):
        wire.ours.delete(["h"])
    with pytest.raises(TransportError, match="ChangeMessageVisibilityBatch"):
        wire.ours.change_visibility([("h", 0)])


@for_each("attributes", ["none", ["VisibilityTimeout"], 7])
def test_attributes_in_another_shape_are_a_failure_that_may_pass(
    wire: Wire, attributes: object
) -> None:
    """The first call of all must not end the process with a stack trace."""
    wire.answer({"Attributes": attributes})

    with pytest.raises(TransportError, match="GetQueueAttributes") as failed:
        wire.ours.attributes()

    assert not failed.value.fatal


def test_a_queue_that_says_nothing_of_itself_has_no_attributes(wire: Wire) -> None:
    """By both ways; what it says otherwise is read."""
    for transport in wire.both:
        for answer in ({}, {"Attributes": None}, {"Attributes": {"VisibilityTimeout": "x"}}):
            wire.answer(answer)
            assert transport.attributes().visibility_timeout_seconds is None
        wire.answer({"Attributes": {"VisibilityTimeout": "30"}})
        assert 30 == transport.attributes().visibility_timeout_seconds


def test_entries_are_answered_by_position(wire: Wire) -> None:
    """Deleted, failed, and not mentioned, in any order of the answer."""
    for transport in wire.both:
        wire.requests.clear()
        wire.answer(
            {
                "Successful": [{"Id": "2"}, {"Id": "0"}],
                "Failed": [{"Id": "1", "Code": "ReceiptHandleIsInvalid", "SenderFault": True}],
            }
        )

        answers = transport.delete(["a", "b", "c", "d"])

        assert [
            None,
            EntryFailure("ReceiptHandleIsInvalid", gone=True),
            None,
            EntryFailure("NotInResponse"),
        ] == answers
        entries = [{"Id": str(at), "ReceiptHandle": handle} for at, handle in enumerate("abcd")]
        assert [("DeleteMessageBatch", {"QueueUrl": URL, "Entries": entries})] == wire.asked


def test_the_same_handle_may_be_in_a_batch_twice(wire: Wire) -> None:
    """Ids are positions, so that a batch is never refused for two of the same."""
    for transport in wire.both:
        wire.requests.clear()
        wire.answer({"Successful": [{"Id": "0"}, {"Id": "1"}], "Failed": []})

        answers = transport.change_visibility([("a", 0), ("a", 30)])

        assert [None, None] == answers
        assert [
            {"Id": "0", "ReceiptHandle": "a", "VisibilityTimeout": 0},
            {"Id": "1", "ReceiptHandle": "a", "VisibilityTimeout": 30},
        ] == wire.asked[0][1]["Entries"]


def test_a_missing_queue_is_known_on_the_wire(wire: Wire) -> None:
    """As SQS says it: one code in the body, the older one in a header; and as emulators do."""
    body = {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The queue ... no."}
    older = "AWS.SimpleQueueService.NonExistentQueue;Sender"
    for transport in wire.both:
        wire.answer(body, status=400, x_amzn_query_error=older)
        wire.answer(body, status=400)
        wire.answer({"__type": older.partition(";")[0]}, status=400)
        for _ in range(3):
            with pytest.raises(QueueMissingError):
                receive(transport)


def test_one_call_is_one_request(wire: Wire) -> None:
    """Only the engine tries again."""
    for transport in wire.both:
        wire.requests.clear()
        wire.answer({"__type": "ServiceUnavailable"}, status=503)
        wire.answer({"__type": "ThrottlingException"}, status=400)
        wire.fail()
        codes = []
        for _ in range(3):
            with pytest.raises(TransportError) as failed:
                receive(transport)
            codes.append(failed.value.code)

        assert ["ServiceUnavailable", "ThrottlingException", "ConnectionClosedError"] == codes
        assert 3 == len(wire.requests)


def test_a_mistake_of_ours_is_not_hidden(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the call and the shape of its answer are guarded: the rest is our business."""
    monkeypatch.setattr("consumer.queues.sqs.queue.message_of", lambda _message, _now: 1 // 0)
    wire.answer({"Messages": [MESSAGE]})

    with pytest.raises(ZeroDivisionError):
        receive(wire.ours)


def test_a_name_is_resolved_once_and_again_after_a_failure(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`connect` sends nothing, so a network that is not up yet can be waited for."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for way in WAYS:
        wire.requests.clear()
        transport = wire.connect(None, name=QUEUE, way=way)
        wire.fail()
        wire.answer({"QueueUrl": 7} if way == "auto" else {})
        for answer in ({"QueueUrl": URL}, {}, {}):
            wire.answer(answer)

        for _ in range(2):
            with pytest.raises(TransportError):
                receive(transport)
        receive(transport)
        receive(transport)
        transport.close()

        assert ["GetQueueUrl"] * 3 + ["ReceiveMessage"] * 2 == [name for name, _ in wire.asked]
        assert {"QueueName": QUEUE} == wire.asked[0][1]
        assert URL == wire.asked[-1][1]["QueueUrl"]
        assert "eu-west-1" == transport.region


def test_an_unknown_name_is_a_missing_queue(wire: Wire) -> None:
    """The same error as with a URL."""
    transport = wire.connect(None, name=QUEUE, aws_region="eu-west-1")
    wire.answer({"__type": "QueueDoesNotExist"}, status=400)

    with pytest.raises(QueueMissingError, match=r"'canvas-live-events' in eu-west-1"):
        transport.attributes()
    transport.close()


@for_each(
    "url, settings, region",
    [
        (URL, {}, "us-east-1"),
        (URL.replace("sqs.us-east-1", "us-west-2.queue"), {}, "us-west-2"),
        (URL.replace("sqs.us-east-1", "vpce-1.sqs.us-west-2.vpce"), {}, "us-west-2"),
        ("http://127.0.0.1:5000/123456789012/canvas-live-events", {}, "us-east-1"),
        (
            "http://127.0.0.1:5000/123456789012/canvas-live-events",
            {"aws_region": "ca-central-1"},
            "ca-central-1",
        ),
        (URL, {"aws_endpoint_url": "http://localhost:1"}, "us-east-1"),
    ],
)
def test_the_region_is_that_of_the_queue(url: str, settings: dict[str, Any], region: str) -> None:
    """The URL is enough, an emulator's too. Where requests go: test_signing.py."""
    transport = connected(url, **settings)

    assert (region, QUEUE) == (transport.region, transport.name)
    transport.close()


def test_the_calls_are_set_up_for_long_polls() -> None:
    """Timeouts beyond the wait, by both ways; enough connections and no retries by botocore's."""
    transport = connected(URL, wait_time_seconds=15, connect_timeout_seconds=3)
    calls = transport._calls
    assert isinstance(calls, WireCalls)
    config = calls._botocore.client.meta.config

    assert (3, 25) == (calls._connections._connect_timeout, calls._connections._read_timeout)
    assert (3, 25, 8, True) == (
        config.connect_timeout, config.read_timeout, config.max_pool_connections,
        config.tcp_keepalive,
    )  # fmt: skip
    assert 1 == config.retries["total_max_attempts"]
    transport.close()


def test_without_a_region_nothing_is_guessed() -> None:
    """A name alone does not say where; a key does not either."""
    with pytest.raises(ConfigurationError, match="region"):
        connected(None, name=QUEUE)


def test_nonsense_that_only_botocore_notices_is_a_matter_of_configuration() -> None:
    """A region that cannot be one."""
    with pytest.raises(ConfigurationError, match="no SQS client"):
        connected(None, name=QUEUE, aws_region="eu west")


def test_no_credentials_are_reported_when_connecting() -> None:
    """The chain has none here; the sentence says what to configure."""
    with pytest.raises(AccessDeniedError, match="no AWS credentials") as denied:
        connected(URL, **NO_KEYS)

    assert "NoCredentialsError" == denied.value.code


def test_a_profile_brings_credentials_and_region(wire: Wire, tmp_path: Path) -> None:
    """As the AWS CLI has it; one that does not exist is reported."""
    (tmp_path / "aws-credentials").write_text(
        "[canvas]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = s\n"
    )
    (tmp_path / "aws-config").write_text("[profile canvas]\nregion = eu-north-1\n")
    transport = wire.connect(None, name=QUEUE, aws_profile="canvas", **NO_KEYS)
    wire.answer({"QueueUrl": URL})
    wire.answer({})

    transport.attributes()
    transport.close()

    assert "eu-north-1" == transport.region
    signed = wire.requests[0].headers["authorization"]
    assert "Credential=AKIAPROFILE/" in signed
    assert "/eu-north-1/sqs/aws4_request" in signed
    with pytest.raises(AccessDeniedError, match=r"aws\.profile"):
        connected(URL, aws_profile="absent", **NO_KEYS)


def test_configured_keys_sign_the_requests(wire: Wire) -> None:
    """Key and token are those of the configuration, for the queue's region."""
    for way in WAYS:
        transport = wire.connect(way=way, aws_session_token="the-token")
        wire.requests.clear()
        wire.answer({})

        receive(transport)
        transport.close()

        headers = wire.requests[0].headers
        assert "Credential=AKIAEXAMPLE/" in headers["authorization"]
        assert "/us-east-1/sqs/aws4_request" in headers["authorization"]
        assert "the-token" == headers["x-amz-security-token"]


def test_a_role_is_assumed_and_refreshed_by_botocore(
    wire: Wire, moto: Moto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests are signed with the role's credentials, which are fetched when first needed."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto.endpoint)
    arn = "arn:aws:iam::123456789012:role/canvas"
    for way in WAYS:
        transport = wire.connect(way=way, aws_role_arn=arn)
        wire.requests.clear()
        wire.answer({})

        receive(transport)
        transport.close()

        expiry = transport.credentials_expire_at()
        assert expiry is not None
        assert expiry.tzinfo is not None
        headers = wire.requests[0].headers
        assert "AKIAEXAMPLE" not in headers["authorization"]
        assert headers["x-amz-security-token"]
    aws = AwsSettings.model_validate({**KEYS, "role_arn": arn})
    session = session_for(aws, region="us-east-1", timeout_seconds=5)
    assert isinstance(session.get_credentials(), RefreshableCredentials)


def test_keys_do_not_expire(wire: Wire) -> None:
    """So there is no time to show."""
    assert [transport.credentials_expire_at() for transport in wire.both] == [None, None]


def test_each_request_is_counted_with_its_result(wire: Wire) -> None:
    """Also those of another queue over the same connections, and the one for a queue's URL."""
    for way in WAYS:
        transport = wire.connect(None, way=way, name="canvas-live-events")
        wire.answer({"QueueUrl": f"{wire.endpoint}/123456789012/canvas-live-events"})
        wire.answer({})
        receive(transport)
        wire.answer({"__type": "RequestThrottled", "message": "slow down"}, status=400)
        with pytest.raises(TransportError):
            transport.delete(["handle"])
        wire.answer({"Attributes": {}})
        transport.beside("dead-letters").attributes()
        transport.close()

        assert wire.requests[-1].asked["QueueUrl"].endswith("/123456789012/dead-letters")
        assert transport.requests.snapshot() == {
            ("GetQueueUrl", "ok"): 1,
            ("ReceiveMessage", "ok"): 1,
            ("DeleteMessageBatch", "RequestThrottled"): 1,
            ("GetQueueAttributes", "ok"): 1,
        }


def test_codes_that_are_made_up_do_not_fill_the_memory() -> None:
    """Anything may answer in place of AWS."""
    counts = RequestCounts()
    for number in range(1_000):
        counts.add("ReceiveMessage", f"Made{number}")

    kinds = counts.snapshot()
    assert len(kinds) == 101
    assert sum(kinds.values()) == 1_000


def test_a_role_without_credentials_to_assume_it_with_is_reported() -> None:
    """The same sentence as without a role."""
    with pytest.raises(AccessDeniedError, match="no AWS credentials"):
        connected(URL, aws_role_arn="arn:aws:iam::123456789012:role/canvas", **NO_KEYS)


def test_nothing_secret_is_in_a_repr_or_an_error(wire: Wire) -> None:
    """Neither keys, nor the account, nor what AWS says of its users."""
    said = "User: arn:aws:iam::123456789012:user/jane is not authorized to perform this"
    for transport in wire.both:
        wire.answer({"__type": "AccessDenied", "message": said}, status=403)

        with pytest.raises(AccessDeniedError) as denied:
            receive(transport)

        shown = f"{transport!r} {denied.value!r} {denied.value}"
        assert "SqsTransport('canvas-live-events', 'us-east-1')" in shown
        assert all(secret not in shown for secret in ("hunter2", "AKIA", "123456789012", "jane"))
        assert denied.value.__suppress_context__

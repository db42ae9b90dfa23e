"""The transport by boto3: what it asks, what it makes of the answers, who it is to AWS."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ReadTimeoutError
from botocore.parsers import create_parser
from consumer.queues.sqs.http import KeepAliveSession
from consumer.queues.sqs.parsing import AnswerParserFactory
from moto.server import ThreadedMotoServer

from consumer.config import AwsSettings, QueueSettings
from consumer.errors import (
    AccessDeniedError,
    ConfigurationError,
    QueueMissingError,
    TransportError,
)
from consumer.queues.sqs import SqsTransport, connect
from consumer.queues.sqs.credentials import session_for
from consumer.queues.transport import EntryFailure
from consumer.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events"
KEYS = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "hunter2"}
HEADERS = {"content-type": "application/x-amz-json-1.0", "x-amzn-requestid": "r"}


class _Body(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        """All of it."""
        yield self.read()


class Wire:
    """Answers in the place of the network, by botocore's `before-send` hook; keeps the requests."""

    def __init__(self, transport: SqsTransport) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.urls: list[str] = []
        self._answers: list[tuple[int, dict[str, str], bytes] | Exception] = []
        transport._client.meta.events.register("before-send.sqs", self.send)

    def answer(self, content: object, *, status: int = 200, **headers: str) -> None:
        """The next request gets this answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self._answers.append((status, {**HEADERS, **named}, data))

    def fail(self, error: Exception) -> None:
        """The next request ends like this."""
        self._answers.append(error)

    def send(self, request: Any, **_: object) -> AWSResponse:
        """What stands in for the network."""
        headers = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        operation = headers["X-Amz-Target"].partition(".")[2]
        self.requests.append((operation, json.loads(request.body)))
        self.headers.append(headers)
        self.urls.append(request.url)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, told, data = answer
        return AWSResponse(request.url, status, told, _Body(data))


def transport_of(url: str | None = URL, **settings: Any) -> SqsTransport:
    """A transport; settings that begin with aws_ are for that section."""
    aws = {k.removeprefix("aws_"): v for k, v in settings.items() if k.startswith("aws_")}
    queue = {k: v for k, v in settings.items() if not k.startswith("aws_")}
    return connect(
        QueueSettings.model_validate({"url": url, **queue}),
        AwsSettings.model_validate(KEYS | aws),
        max_connections=4,
        clock=ManualClock(),
    )


@pytest.fixture(scope="module", name="transport")
def _transport() -> Iterator[SqsTransport]:
    transport = transport_of()
    yield transport
    transport.close()


@pytest.fixture(name="wire")
def _wire(transport: SqsTransport) -> Iterator[Wire]:
    wire = Wire(transport)
    yield wire
    transport._client.meta.events.unregister("before-send.sqs", wire.send)


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


def test_a_receive_asks_for_what_is_needed(transport: SqsTransport, wire: Wire) -> None:
    """All message attributes, two of the system's, and the visibility timeout if there is one."""
    wire.answer({})
    wire.answer({"Messages": []})

    assert [] == receive(transport, 60)
    assert [] == receive(transport, None)

    asked = {
        "QueueUrl": URL,
        "MaxNumberOfMessages": 10,
        "WaitTimeSeconds": 20,
        "AttributeNames": ["ApproximateReceiveCount", "SentTimestamp"],
        "MessageAttributeNames": ["All"],
    }
    assert [
        ("ReceiveMessage", {**asked, "VisibilityTimeout": 60}),
        ("ReceiveMessage", asked),
    ] == wire.requests
    assert ["https://sqs.us-east-1.amazonaws.com/"] * 2 == wire.urls
    assert wire.headers[0]["User-Agent"].startswith("canvas-live-events-consumer ")


def test_a_message_is_told_as_it_came(transport: SqsTransport, wire: Wire) -> None:
    """String attributes only; the time is the clock's."""
    wire.answer({"Messages": [MESSAGE]})

    (message,) = receive(transport)

    assert ("m", "h", "é\ud800", 3) == (
        message.message_id, message.receipt_handle, message.body, message.receive_count,
    )  # fmt: skip
    assert ManualClock().monotonic() == message.received_at
    assert {"event_name": "grade_change"} == message.message_attributes
    assert "2024-01-02T03:04:05+00:00" == message.sent_at.isoformat()


@pytest.mark.parametrize(
    "answer",
    [
        {"Messages": "none"},
        {"Messages": {"one": MESSAGE}},
        {"Messages": [None]},
        {"Messages": [{**MESSAGE, "MessageId": ["m"]}]},
        {"Messages": [{**MESSAGE, "ReceiptHandle": 7}]},
        {"Messages": [{**MESSAGE, "Body": {"metadata": {}}}]},
        {"Messages": [{**MESSAGE, "Attributes": ["SentTimestamp"]}]},
        {"Messages": [{**MESSAGE, "MessageAttributes": {"event_name": None}}]},
    ],
    ids=["text", "object", "null", "id", "handle", "body", "attributes", "message attributes"],
)
def test_a_receive_in_another_shape_is_a_failure_that_may_pass(
    transport: SqsTransport, wire: Wire, answer: dict[str, Any]
) -> None:
    """A proxy's or an emulator's JSON is tried again; it must not end the process."""
    wire.answer(answer)

    with pytest.raises(TransportError) as failure:
        receive(transport)

    assert ("AnswerNotUnderstood", False) == (failure.value.code, failure.value.fatal)


@pytest.mark.parametrize(
    "answer", [{"Failed": "none"}, {"Successful": [{}]}, {"Successful": [None]}, {"Failed": [1]}]
)
def test_a_settle_in_another_shape_is_a_failure_that_may_pass(
    transport: SqsTransport, wire: Wire, answer: dict[str, Any]
) -> None:
    """What it says of the messages is not known, so none counts as settled."""
    wire.answer(answer)
    wire.answer(answer)

    with pytest.raises(TransportError, match="DeleteMessageBatch"):
        transport.delete(["h"])
    with pytest.raises(TransportError, match="ChangeMessageVisibilityBatch"):
        transport.change_visibility([("h", 0)])


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"Body": None, "Attributes": None, "MessageAttributes": None},
        {"Attributes": {"ApproximateReceiveCount": "many"}},
        {"Attributes": {"ApproximateReceiveCount": None}},
        {"Attributes": {"ApproximateReceiveCount": "0"}},
    ],
)
def test_what_is_missing_in_a_message_is_empty(
    transport: SqsTransport, wire: Wire, told: dict[str, Any]
) -> None:
    """An odd message must not stop the nine beside it."""
    wire.answer({"Messages": [told, MESSAGE]})

    odd, sound = receive(transport)

    assert ("", "", "", 1, {}) == (
        odd.message_id, odd.receipt_handle, odd.body, odd.receive_count, odd.message_attributes,
    )  # fmt: skip
    assert "m" == sound.message_id


def test_our_parser_reads_what_botocores_does(transport: SqsTransport) -> None:
    """The same answer by both, as far as it is made of texts."""
    plain = {**MESSAGE, "MessageAttributes": {"n": {"DataType": "String", "StringValue": "v"}}}
    shape = transport._client.meta.service_model.operation_model("ReceiveMessage").output_shape
    data = json.dumps({"Messages": [plain]}).encode()
    response = {"status_code": 200, "headers": HEADERS, "body": data}

    ours = AnswerParserFactory().create_parser("json").parse(dict(response), shape)
    theirs = create_parser("json").parse(dict(response), shape)

    assert theirs["Messages"] == ours["Messages"]
    assert 200 == ours["ResponseMetadata"]["HTTPStatusCode"]
    assert "JSONParser" not in type(AnswerParserFactory().create_parser("query")).__name__


@pytest.mark.parametrize(
    "content", [b"<html>Sign in to our Wi-Fi</html>", b"", b"[]", b"[" * 99_999]
)
def test_a_page_of_a_proxy_is_not_an_empty_queue(
    transport: SqsTransport, wire: Wire, content: bytes
) -> None:
    """Status 200 does not make it an answer of SQS."""
    wire.answer(content, content_type="text/html")

    with pytest.raises(TransportError) as failed:
        receive(transport)

    assert "ResponseParserError" == failed.value.code
    assert not failed.value.fatal


def test_entries_are_answered_by_position(transport: SqsTransport, wire: Wire) -> None:
    """Deleted, failed, and passed over in silence: whatever the order of the answer."""
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
    operation, asked = wire.requests[0]
    assert "DeleteMessageBatch" == operation
    assert ["0", "1", "2", "3"] == [entry["Id"] for entry in asked["Entries"]]
    assert ["a", "b", "c", "d"] == [entry["ReceiptHandle"] for entry in asked["Entries"]]


def test_the_same_handle_twice_is_no_clash(transport: SqsTransport, wire: Wire) -> None:
    """Ids are positions, so that a batch is never refused for two of the same."""
    wire.answer({"Successful": [{"Id": "0"}, {"Id": "1"}], "Failed": []})

    answers = transport.change_visibility([("a", 0), ("a", 30)])

    assert [None, None] == answers
    assert [
        {"Id": "0", "ReceiptHandle": "a", "VisibilityTimeout": 0},
        {"Id": "1", "ReceiptHandle": "a", "VisibilityTimeout": 30},
    ] == wire.requests[0][1]["Entries"]


def test_a_missing_queue_is_known_on_the_wire(transport: SqsTransport, wire: Wire) -> None:
    """As SQS tells it: one code in the body, the older one in a header; and as emulators do."""
    body = {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The queue ... no."}
    older = "AWS.SimpleQueueService.NonExistentQueue;Sender"
    wire.answer(body, status=400, x_amzn_query_error=older)
    wire.answer(body, status=400)

    for _ in range(2):
        with pytest.raises(QueueMissingError):
            receive(transport)


def test_one_call_is_one_request(transport: SqsTransport, wire: Wire) -> None:
    """The engine tries again, nobody else."""
    wire.answer({"__type": "ServiceUnavailable"}, status=503)
    wire.fail(ReadTimeoutError(endpoint_url=URL))

    with pytest.raises(TransportError) as unavailable:
        receive(transport)
    with pytest.raises(TransportError) as silent:
        receive(transport)

    assert "ServiceUnavailable" == unavailable.value.code
    assert "ReadTimeoutError" == silent.value.code
    assert 2 == len(wire.requests)


def test_a_mistake_of_ours_is_not_hidden(
    transport: SqsTransport, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the call and the shape of its answer are guarded: the rest is our business."""
    monkeypatch.setattr("consumer.queues.sqs.queue._received", lambda _message, _now: 1 // 0)
    wire.answer({"Messages": [MESSAGE]})

    with pytest.raises(ZeroDivisionError):
        receive(transport)


def test_a_name_is_resolved_once_and_again_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """`connect` asks nobody, so that a network that is not up yet can be waited for."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    transport = transport_of(None, name="canvas-live-events")
    wire = Wire(transport)
    wire.fail(ReadTimeoutError(endpoint_url=URL))
    wire.answer({"QueueUrl": URL})
    wire.answer({})
    wire.answer({})

    with pytest.raises(TransportError):
        receive(transport)
    receive(transport)
    receive(transport)
    transport.close()

    operations = [operation for operation, _ in wire.requests]
    assert ["GetQueueUrl", "GetQueueUrl", "ReceiveMessage", "ReceiveMessage"] == operations
    assert {"QueueName": "canvas-live-events"} == wire.requests[0][1]
    assert "eu-west-1" == transport.region


def test_a_name_that_nobody_has_is_a_missing_queue() -> None:
    """The same error as with a URL."""
    transport = transport_of(None, name="canvas-live-events", aws_region="eu-west-1")
    Wire(transport).answer({"__type": "QueueDoesNotExist"}, status=400)

    with pytest.raises(QueueMissingError, match=r"'canvas-live-events' in eu-west-1"):
        transport.attributes()
    transport.close()


@pytest.mark.parametrize(
    ("url", "settings", "endpoint", "region"),
    [
        (URL, {}, "https://sqs.us-east-1.amazonaws.com", "us-east-1"),
        (
            "https://us-west-2.queue.amazonaws.com/123456789012/canvas-live-events",
            {},
            "https://sqs.us-west-2.amazonaws.com",
            "us-west-2",
        ),
        (
            "https://vpce-1.sqs.us-west-2.vpce.amazonaws.com/123456789012/canvas-live-events",
            {},
            "https://vpce-1.sqs.us-west-2.vpce.amazonaws.com",
            "us-west-2",
        ),
        (
            "http://127.0.0.1:5000/123456789012/canvas-live-events",
            {},
            "http://127.0.0.1:5000",
            "us-east-1",
        ),
        (
            "http://127.0.0.1:5000/123456789012/canvas-live-events",
            {"aws_region": "ca-central-1"},
            "http://127.0.0.1:5000",
            "ca-central-1",
        ),
        (URL, {"aws_endpoint_url": "http://localhost:1"}, "http://localhost:1", "us-east-1"),
    ],
)
def test_requests_go_where_the_queue_is(
    url: str, settings: dict[str, Any], endpoint: str, region: str
) -> None:
    """The URL is enough, an emulator's too; a configured endpoint wins."""
    transport = transport_of(url, **settings)

    assert endpoint == transport._client.meta.endpoint_url
    assert region == transport.region
    assert "canvas-live-events" == transport.name
    transport.close()


def test_the_client_is_set_up_for_long_polls() -> None:
    """Timeouts beyond the wait, enough connections, no retries, and our own HTTP session."""
    transport = transport_of(wait_time_seconds=15, connect_timeout_seconds=3)
    config = transport._client.meta.config

    assert (3, 25, 4, True) == (
        config.connect_timeout, config.read_timeout, config.max_pool_connections,
        config.tcp_keepalive,
    )  # fmt: skip
    assert 1 == config.retries["total_max_attempts"]
    assert isinstance(transport._client._endpoint.http_session, KeepAliveSession)
    transport.close()


def test_without_a_region_nothing_is_guessed() -> None:
    """A name alone does not say where; a key does not either."""
    with pytest.raises(ConfigurationError, match="region"):
        transport_of(None, name="canvas-live-events")


def test_nonsense_that_only_botocore_notices_is_a_matter_of_configuration() -> None:
    """A region that cannot be one."""
    with pytest.raises(ConfigurationError, match="no SQS client"):
        transport_of(None, name="canvas-live-events", aws_region="eu west")


@pytest.mark.parametrize("missing", ["access_key_id", "secret_access_key"])
def test_half_a_key_is_refused(missing: str) -> None:
    """Key without secret, or the reverse."""
    with pytest.raises(ConfigurationError, match="go together"):
        transport_of(**{f"aws_{missing}": None})


def test_no_credentials_are_told_at_the_first_call() -> None:
    """Nobody's chain has any here; the sentence says what to configure."""
    transport = transport_of(aws_access_key_id=None, aws_secret_access_key=None)

    with pytest.raises(AccessDeniedError, match="no AWS credentials") as denied:
        transport.attributes()
    transport.close()

    assert "NoCredentialsError" == denied.value.code


def test_a_profile_brings_credentials_and_region(tmp_path: Path) -> None:
    """As the AWS CLI has it; one that does not exist is told."""
    (tmp_path / "aws-credentials").write_text(
        "[canvas]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = s\n"
    )
    (tmp_path / "aws-config").write_text("[profile canvas]\nregion = eu-north-1\n")
    none = {"aws_access_key_id": None, "aws_secret_access_key": None}

    transport = transport_of(None, name="canvas-live-events", aws_profile="canvas", **none)
    wire = Wire(transport)
    wire.answer({"QueueUrl": URL})
    wire.answer({})
    transport.attributes()
    transport.close()

    assert "eu-north-1" == transport.region
    assert "Credential=AKIAPROFILE/" in wire.headers[0]["Authorization"]
    with pytest.raises(AccessDeniedError, match=r"aws\.profile"):
        transport_of(aws_profile="nobody", **none)


def test_configured_keys_sign_the_requests() -> None:
    """Key and token are those of the configuration, for the queue's region."""
    transport = transport_of(aws_session_token="the-token")
    wire = Wire(transport)
    wire.answer({})

    receive(transport)
    transport.close()

    assert "Credential=AKIAEXAMPLE/" in wire.headers[0]["Authorization"]
    assert "/us-east-1/sqs/aws4_request" in wire.headers[0]["Authorization"]
    assert "the-token" == wire.headers[0]["X-Amz-Security-Token"]


def test_a_role_is_assumed_and_refreshed_by_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are signed with the role's credentials, which are fetched when first needed."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://{host}:{port}")
    arn = "arn:aws:iam::123456789012:role/canvas"
    transport = transport_of(aws_role_arn=arn)
    wire = Wire(transport)
    wire.answer({})
    aws = AwsSettings.model_validate({**KEYS, "role_arn": arn})

    receive(transport)
    session = session_for(aws, region="us-east-1", timeout_seconds=5)
    credentials = session.get_credentials()
    transport.close()
    server.stop()

    assert "AKIAEXAMPLE" not in wire.headers[0]["Authorization"]
    assert wire.headers[0]["X-Amz-Security-Token"]
    assert isinstance(credentials, RefreshableCredentials)


def test_a_role_without_credentials_to_assume_it_with_is_told() -> None:
    """The same sentence as without a role."""
    none = {"aws_access_key_id": None, "aws_secret_access_key": None}
    transport = transport_of(aws_role_arn="arn:aws:iam::123456789012:role/canvas", **none)

    with pytest.raises(AccessDeniedError, match="no AWS credentials"):
        receive(transport)
    transport.close()


def test_nothing_secret_is_in_a_repr_or_an_error(transport: SqsTransport, wire: Wire) -> None:
    """Neither keys, nor the account, nor what AWS says of its users."""
    told = "User: arn:aws:iam::123456789012:user/jane is not authorized to perform this"
    wire.answer({"__type": "AccessDenied", "message": told}, status=403)

    with pytest.raises(AccessDeniedError) as denied:
        receive(transport)

    shown = f"{transport!r} {denied.value!r} {denied.value}"
    assert "SqsTransport('canvas-live-events', 'us-east-1')" in shown
    assert all(secret not in shown for secret in ("hunter2", "AKIA", "123456789012", "jane"))
    assert denied.value.__suppress_context__

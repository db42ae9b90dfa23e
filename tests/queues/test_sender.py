"""Sending by boto3: what is asked of SQS, and what is made of its answers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from consumer.config import AwsSettings, QueueSettings
from consumer.errors import (
    AccessDeniedError,
    ConfigurationError,
    QueueMissingError,
    TransportError,
)
from consumer.queues.rules import QueueAddress
from consumer.queues.sending import Outgoing
from consumer.queues.sqs import SqsTransport, connect
from consumer.queues.sqs.calls import BotocoreCalls
from consumer.queues.transport import EntryFailure
from consumer.testing import ManualClock
from tests.cases import for_each

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-test"
NAME = "canvas-live-events-test"
THREE = [Outgoing(body, {"event_name": "logged_in"}) for body in "abc"]
SILENT = EntryFailure("NotInResponse")


class Client:
    """In place of boto3's: keeps the requests, and answers with what it was given."""

    class Meta:
        region_name = "us-east-1"
        method_to_api_mapping: ClassVar = {
            "send_message_batch": "SendMessageBatch", "get_queue_url": "GetQueueUrl",
        }  # fmt: skip
        events = SimpleNamespace(register=lambda *_: None)

    meta = Meta()

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []
        self.names: list[str] = []
        self.closed = False

    def send_message_batch(self, **arguments: Any) -> Any:
        self.asked.append(arguments)
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is None:
            return {"Successful": [{"Id": entry["Id"]} for entry in arguments["Entries"]]}
        return self.answer

    def get_queue_url(self, *, QueueName: str) -> dict[str, str]:  # noqa: N803 - AWS's name
        self.names.append(QueueName)
        return {"QueueUrl": URL}

    def close(self) -> None:
        self.closed = True


def sender_of(client: Client, *, url: str | None = URL) -> SqsTransport:
    address = QueueAddress(NAME, url, "us-east-1", None)
    calls = BotocoreCalls(client)
    return SqsTransport(calls, address, region="us-east-1", clock=ManualClock())


def refusal(code: str) -> ClientError:
    error = {"Code": code, "Message": "arn:aws:iam::123456789012:user/CANARY"}
    return ClientError({"Error": error}, "SendMessageBatch")


def test_attributes_go_as_texts() -> None:
    """With the body, and an id that is the position."""
    client = Client()

    assert sender_of(client).send(THREE[:2]) == [None, None]

    attribute = {"event_name": {"DataType": "String", "StringValue": "logged_in"}}
    assert client.asked == [
        {
            "QueueUrl": URL,
            "Entries": [
                {"Id": "0", "MessageBody": "a", "MessageAttributes": attribute},
                {"Id": "1", "MessageBody": "b", "MessageAttributes": attribute},
            ],
        }
    ]


def test_a_queue_with_a_name_is_asked_for_its_url_once() -> None:
    """It does not change."""
    client = Client()
    sender = sender_of(client, url=None)

    sender.send(THREE)
    sender.send(THREE)

    assert client.names == [NAME]
    assert {asked["QueueUrl"] for asked in client.asked} == {URL}


@for_each(
    "answer, expected",
    [
        (
            {"Successful": [{"Id": "2"}, {"Id": "0"}], "Failed": [{"Id": "1", "Code": "Busy"}]},
            [None, EntryFailure("Busy"), None],
        ),
        ({"Successful": [{"Id": "1"}]}, [SILENT, None, SILENT]),
        ({"Failed": [{"Id": "0"}], "Successful": None}, [EntryFailure("Unknown"), SILENT, SILENT]),
        ({}, [SILENT, SILENT, SILENT]),
        (
            {"Successful": [{"Id": "0"}, {"Id": "1"}, {"Id": "2"}, {"Id": "7"}]},
            [None, None, None],
        ),
    ],
)
def test_the_answer_is_by_position(answer: Any, expected: list[EntryFailure | None]) -> None:
    """Whatever order SQS has; an entry that it is silent about has failed."""
    assert sender_of(Client(answer)).send(THREE) == expected


@for_each("answer", [{"Successful": [{}]}, {"Failed": ["text"]}, {"Successful": 5}, ["a list"]])
def test_an_answer_of_another_shape_is_a_fault_that_may_pass(answer: Any) -> None:
    """A proxy's, or an emulator's: an error of the transport, not a bug of this program."""
    with pytest.raises(TransportError, match="not SQS's answer") as caught:
        sender_of(Client(answer)).send(THREE)

    assert not caught.value.fatal
    assert caught.value.code == "AnswerNotUnderstood"


@for_each(
    "fault, error, text",
    [
        (refusal("QueueDoesNotExist"), QueueMissingError, "there is no queue"),
        (refusal("AccessDenied"), AccessDeniedError, "allow sqs:SendMessage"),
        (refusal("RequestThrottled"), TransportError, "SQS answered RequestThrottled"),
        (EndpointConnectionError(endpoint_url="CANARY"), TransportError, "was not reached"),
    ],
)
def test_a_fault_is_reported_in_our_own_words(
    fault: Exception, error: type[TransportError], text: str
) -> None:
    """By its kind; AWS's own text names accounts and users."""
    with pytest.raises(error, match=text) as caught:
        sender_of(Client(fault)).send(THREE)

    assert "CANARY" not in str(caught.value)
    assert caught.value.__suppress_context__


@for_each("count", [0, 11])
def test_a_batch_has_one_to_ten(count: int) -> None:
    """Anything else is a mistake of the caller, and nothing is sent."""
    client = Client()

    with pytest.raises(ValueError, match=f"1 to 10 entries, not {count}"):
        sender_of(client).send([THREE[0]] * count)

    assert client.asked == []


def test_the_account_is_in_no_repr() -> None:
    """Name and region are enough."""
    assert repr(sender_of(Client())) == f"SqsTransport('{NAME}', 'us-east-1')"


def test_connections_are_given_back() -> None:
    """By `close`."""
    client = Client()

    sender_of(client).close()

    assert client.closed


@for_each(
    "queue, text",
    [
        ({"url": URL.replace(NAME, "grades")}, "does not begin with 'canvas-live-events'"),
        ({"name": NAME}, "the region is not known"),
        ({}, "no queue is named"),
    ],
)
def test_a_queue_that_can_not_be_sent_to(queue: dict[str, str], text: str) -> None:
    """It is reported when connecting, with what would be right."""
    with pytest.raises(ConfigurationError, match=text):
        connect(QueueSettings.model_validate(queue), AwsSettings())


def test_the_region_is_that_of_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else has to be configured but a key; nothing is asked yet."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG")
    sender = connect(QueueSettings(url=URL.replace("us-east-1", "eu-west-2")), AwsSettings())

    assert (sender.name, sender.region) == (NAME, "eu-west-2")
    sender.close()

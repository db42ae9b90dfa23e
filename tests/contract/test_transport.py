"""One truth about queues: the one in memory, and SQS (moto) by both ways, behave the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from consumer.config import AwsSettings, QueueSettings
from consumer.queues.sqs import SqsTransport, connect
from consumer.queues.sqs.calls import BotocoreCalls, WireCalls
from consumer.testing import InMemoryQueue, ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from consumer.messages import ReceivedMessage
    from consumer.queues.transport import Transport

EMPTY: Mapping[str, str] = {}


@dataclass(frozen=True)
class Rig:
    """A queue with 30 s of visibility timeout and a dead-letter queue after two receives.

    `strict_handles` is the declared difference: moto lets a stale handle delete and change, as SQS
    sometimes does.
    """

    transport: Transport
    clock: ManualClock
    send: Callable[[str, Mapping[str, str]], str]
    dead_letters: Callable[[], list[str]]
    strict_handles: bool

    def receive(
        self, *, most: int = 10, wait: int = 0, visibility: int | None = None
    ) -> list[ReceivedMessage]:
        """Receive, without a wait unless one is given."""
        return self.transport.receive(
            max_messages=most, wait_seconds=wait, visibility_timeout_seconds=visibility
        )


def in_memory() -> Rig:
    """The queue in memory."""
    clock = ManualClock()
    dead = InMemoryQueue(clock, name="canvas-live-events-dlq")
    queue = InMemoryQueue(clock, max_receive_count=2, dead_letter_queue=dead)
    return Rig(
        transport=queue,
        clock=clock,
        send=lambda body, attributes: queue.send(body, message_attributes=attributes),
        dead_letters=lambda: list(dead.bodies().values()),
        strict_handles=True,
    )


class Moto:
    """A server of moto's, for all tests of this file; each test has queues of its own."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self._client = boto3.client(
            "sqs",
            endpoint_url=f"http://{host}:{port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self._made = 0

    def stop(self) -> None:
        """Stop it."""
        self._client.close()
        self._server.stop()

    def rig(self, way: str) -> Rig:
        """A new queue, reached by `connect` with nothing but its URL and the credentials."""
        self._made += 1
        dead_url = self._create(f"canvas-live-events-contract-{self._made}-dlq", {})
        arn = self._client.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])
        policy = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": "2"}
        name = f"canvas-live-events-contract-{self._made}"
        url = self._create(name, {"RedrivePolicy": json.dumps(policy)})
        clock = ManualClock()
        aws = AwsSettings.model_validate({"access_key_id": "test", "secret_access_key": "test"})
        queue = QueueSettings.model_validate({"url": url, "transport": way})
        transport = connect(queue, aws, max_connections=2, clock=clock)
        return Rig(
            transport=transport,
            clock=clock,
            send=lambda body, attributes: self._send(url, body, attributes),
            dead_letters=lambda: self._bodies(dead_url),
            strict_handles=False,
        )

    def _create(self, name: str, attributes: Mapping[str, str]) -> str:
        return str(self._client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def _send(self, url: str, body: str, attributes: Mapping[str, str]) -> str:
        named = {n: {"DataType": "String", "StringValue": v} for n, v in attributes.items()}
        answer = self._client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=named)
        return str(answer["MessageId"])

    def _bodies(self, url: str) -> list[str]:
        answer: dict[str, Any] = self._client.receive_message(QueueUrl=url)
        return [message["Body"] for message in answer.get("Messages", [])]


@pytest.fixture(scope="module", name="moto")
def _moto() -> Iterator[Moto]:
    moto = Moto()
    yield moto
    moto.stop()


@pytest.fixture(params=["memory", "auto", "botocore"], name="rig")
def _rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    way = request.param
    rig = in_memory() if way == "memory" else request.getfixturevalue("moto").rig(way)
    yield rig
    rig.transport.close()


def test_a_message_arrives_as_it_was_sent(rig: Rig) -> None:
    """Body to the last character, id, attributes, receive count, times."""
    body = '{"metadata": {"x": "é\\u0000 \U0001f600"}}'
    sent = rig.send(body, {"event_name": "grade_change", "event_time": "2024-01-01T00:00:00Z"})

    (message,) = rig.receive()

    assert body == message.body
    assert sent == message.message_id
    assert message.receipt_handle
    assert 1 == message.receive_count
    assert rig.clock.monotonic() == message.received_at
    assert message.sent_at is not None
    assert message.sent_at.tzinfo is not None
    assert {
        "event_name": "grade_change",
        "event_time": "2024-01-01T00:00:00Z",
    } == message.message_attributes


def test_an_empty_queue_gives_nothing(rig: Rig) -> None:
    """Without an error."""
    assert [] == rig.receive()


def test_no_more_arrive_than_were_asked_for(rig: Rig) -> None:
    """A receive gives what was asked for at most, and what was received is not given again."""
    sent = {rig.send(f"body {number}", EMPTY) for number in range(5)}

    first = rig.receive(most=2)
    rest = rig.receive()

    assert 2 == len(first)
    assert sent == {message.message_id for message in [*first, *rest]}
    assert [] == rig.receive()


def test_what_is_deleted_never_comes_again(rig: Rig) -> None:
    """Deleting it twice is not a failure."""
    rig.send("a", EMPTY)
    rig.send("b", EMPTY)
    handles = [message.receipt_handle for message in rig.receive()]

    assert [None, None] == rig.transport.delete(handles)

    assert [None, None] == rig.transport.delete(handles)
    attributes = rig.transport.attributes()
    assert 0 == attributes.visible_messages
    assert 0 == attributes.in_flight_messages


def test_one_bad_handle_spoils_no_other(rig: Rig) -> None:
    """Entries are answered one by one, by position."""
    for number in range(2):
        rig.send(f"body {number}", EMPTY)
    first, second = (message.receipt_handle for message in rig.receive())

    answers = rig.transport.delete([first, "no such handle", second])

    assert [True, False, True] == [answer is None for answer in answers]
    assert answers[1] is not None
    assert "ReceiptHandleIsInvalid" == answers[1].code
    assert answers[1].gone


def test_a_released_message_comes_again_under_a_new_handle(rig: Rig) -> None:
    """Visibility 0 gives it back at once, and it is counted."""
    rig.send("a", EMPTY)
    (before,) = rig.receive()

    answers = rig.transport.change_visibility([(before.receipt_handle, 0)])
    (again,) = rig.receive()

    assert [None] == answers
    assert before.message_id == again.message_id
    assert before.receipt_handle != again.receipt_handle
    assert 2 == again.receive_count


def test_the_visibility_timeout_of_the_receive_counts(rig: Rig) -> None:
    """It is hidden for as long as the receive asked; then a long poll gets it."""
    rig.send("a", EMPTY)
    (before,) = rig.receive(visibility=1)

    hidden = rig.receive()
    (again,) = rig.receive(wait=5)

    assert [] == hidden
    assert before.message_id == again.message_id
    assert 2 == again.receive_count


def test_an_extended_message_stays_hidden(rig: Rig) -> None:
    """What the heartbeat does: the time counts from the change on."""
    rig.send("a", EMPTY)
    (message,) = rig.receive(visibility=1)

    answers = rig.transport.change_visibility([(message.receipt_handle, 60)])

    assert [None] == answers
    assert [] == rig.receive(wait=2)


def test_a_change_by_an_unknown_handle_is_reported(rig: Rig) -> None:
    """The handle is gone: a fact, by position, and the others are changed."""
    rig.send("a", EMPTY)
    (message,) = rig.receive()

    unknown, known = rig.transport.change_visibility(
        [("no such handle", 0), (message.receipt_handle, 0)]
    )

    assert unknown is not None
    assert unknown.gone
    assert known is None
    assert 1 == len(rig.receive())


def test_a_stale_handle_does_nothing(rig: Rig) -> None:
    """After a redelivery, the old handle neither deletes the message nor changes it."""
    if not rig.strict_handles:
        pytest.skip("moto takes stale handles, as SQS sometimes does")
    rig.send("a", EMPTY)
    (before,) = rig.receive()
    rig.transport.change_visibility([(before.receipt_handle, 0)])
    rig.receive()

    answers = [
        *rig.transport.delete([before.receipt_handle]),
        *rig.transport.change_visibility([(before.receipt_handle, 0)]),
    ]

    assert [True, True] == [answer is not None and answer.gone for answer in answers]
    assert 1 == rig.transport.attributes().in_flight_messages


def test_the_redrive_policy_takes_what_came_too_often(rig: Rig) -> None:
    """After maxReceiveCount receives the next one moves it to the dead-letter queue."""
    rig.send("poison", EMPTY)
    for _ in range(2):
        (message,) = rig.receive()
        rig.transport.change_visibility([(message.receipt_handle, 0)])

    assert [] == rig.receive()
    assert ["poison"] == rig.dead_letters()


def test_the_queue_reports_its_attributes(rig: Rig) -> None:
    """What the preflight and the heartbeat need to know."""
    for number in range(3):
        rig.send(f"body {number}", EMPTY)
    rig.receive(most=1)

    attributes = rig.transport.attributes()

    assert 30 == attributes.visibility_timeout_seconds
    assert 2 == attributes.max_receive_count
    assert str(attributes.dead_letter_queue).endswith("-dlq")
    assert 345_600 == attributes.retention_seconds
    assert 2 == attributes.visible_messages
    assert 1 == attributes.in_flight_messages
    assert 0 == attributes.delayed_messages


def test_each_way_is_the_one_that_was_asked_for(rig: Rig, request: pytest.FixtureRequest) -> None:
    """No test of this file shows one way by the other."""
    ways = {"memory": type(None), "auto": WireCalls, "botocore": BotocoreCalls}
    way = request.node.callspec.params["rig"]

    assert ways[way] is type(getattr(rig.transport, "_calls", None))
    assert (way != "memory") is isinstance(rig.transport, SqsTransport)


@pytest.mark.parametrize("size", [0, 11])
def test_a_batch_has_one_to_ten_entries(rig: Rig, size: int) -> None:
    """More or fewer is a mistake of the caller, and nothing is sent."""
    with pytest.raises(ValueError, match="1 to 10"):
        rig.transport.delete(["handle"] * size)
    with pytest.raises(ValueError, match="1 to 10"):
        rig.transport.change_visibility([("handle", 0)] * size)

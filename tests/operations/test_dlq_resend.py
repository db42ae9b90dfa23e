"""A redrive from here: receive, send, delete. Against moto's server."""

from __future__ import annotations

from contextlib import closing, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import ConfigurationError, QueueMissingError, TransportError
from consumer.operations.decoding import Decoding
from consumer.operations.dlq.find import find_dead_letters
from consumer.operations.dlq.resend import Resend, Resent
from consumer.operations.replay.choice import Choice
from consumer.queues.sqs import SqsTransport, connect
from consumer.queues.sqs.admin import AwsCalls
from consumer.queues.sqs.failures import ActionDeniedError
from tests.cases import for_each
from tests.moto_queues import number_of, numbered
from tests.operations.dead_letters import AWS, Rig, rig_of, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from consumer.queues.transport import EntryFailure
    from tests.moto_queues import Moto

DENIED = ActionDeniedError("not permitted", code="AccessDenied", action="sqs:X")


@pytest.fixture(name="rig")
def _rig(moto: Moto) -> Iterator[Rig]:
    with rig_of(moto) as rig:
        yield rig


class Hooked(AwsCalls):
    """Asks a hook before and after each call."""

    def __init__(self, rig: Rig, before: Callable[[str, Any], None]) -> None:
        super().__init__(rig.settings.queue, AWS)
        self._before = before

    def ask(self, operation: str, /, *, service: str = "sqs", **arguments: Any) -> dict[str, Any]:
        self._before(operation, arguments)
        return super().ask(operation, service=service, **arguments)


class Deleting:
    """The dead-letter queue, with a hook before each delete."""

    def __init__(self, transport: SqsTransport, before: Callable[[Sequence[str]], None]) -> None:
        self._transport = transport
        self._before = before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def delete(self, handles: Sequence[str]) -> list[EntryFailure | None]:
        self._before(handles)
        return self._transport.delete(handles)


def redrive(
    rig: Rig,
    choice: Choice = Choice(),  # noqa: B008 - frozen
    *,
    before: Callable[[str, Any], None] = lambda *_: None,
    before_delete: Callable[[Sequence[str]], None] = lambda _: None,
    limit: int | None = None,
    dry_run: bool = False,
    rate: int | None = None,
) -> Resent:
    """Run it; returns the result even if it was interrupted."""
    places = rig.places
    queue = places.settings(rig.settings.queue)
    calls = Hooked(rig, before)
    with closing(calls), closing(connect(queue, AWS)) as dead:
        hooked: Any = Deleting(dead, before_delete)
        resend = Resend(
            calls, places, hooked, Decoding(), clock=rig.clock, choice=choice, rate=rate
        )
        with suppress(KeyboardInterrupt):
            resend.run(limit=limit, dry_run=dry_run)
        return resend.result


def test_all_messages_go_back(rig: Rig) -> None:
    """With their bodies, byte for byte, and their attributes."""
    bodies = [*map(numbered, range(12)), "not JSON \u2028 ü 🎓"]
    rig.lose(bodies, event_name="submission_created")

    result = redrive(rig)

    assert 13 == result.moved
    assert (0, 0) == rig.dead.counts()
    assert (13, 0) == rig.queue.counts()
    answer = rig.queue.client.receive_message(
        QueueUrl=rig.queue.url, MaxNumberOfMessages=1, MessageAttributeNames=["All"]
    )
    assert "submission_created" in str(answer["Messages"][0]["MessageAttributes"])
    received = answer["Messages"][0]["Body"]
    assert sorted(bodies) == sorted([received, *rig.queue.take_all()])


def test_a_message_that_comes_twice_in_one_answer_is_moved_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQS may do that."""
    rig.lose([numbered(number) for number in range(3)])
    ask = AwsCalls.ask

    def twice(calls: AwsCalls, operation: str, /, **arguments: Any) -> dict[str, Any]:
        answer = ask(calls, operation, **arguments)
        if messages := answer.get("Messages"):
            answer["Messages"] = [*messages, *messages]
        return answer

    monkeypatch.setattr(AwsCalls, "ask", twice)
    result = redrive(rig)

    assert 3 == result.moved
    assert (0, 0) == rig.dead.counts()
    assert [0, 1, 2] == rig.queue.numbers()


def test_attributes_of_every_type_are_kept(rig: Rig) -> None:
    """Numbers, custom types and bytes."""
    attributes = {
        "n": {"DataType": "Number", "StringValue": "17"},
        "c": {"DataType": "String.custom", "StringValue": "x"},
        "b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    rig.dead.client.send_message(
        QueueUrl=rig.dead.url, MessageBody="x", MessageAttributes=attributes
    )

    assert 1 == redrive(rig).moved

    (message,) = rig.queue.client.receive_message(
        QueueUrl=rig.queue.url, MessageAttributeNames=["All"]
    )["Messages"]
    assert attributes == message["MessageAttributes"]


def test_nothing_is_deleted_before_it_was_sent(rig: Rig) -> None:
    """At each delete, the queue has what is deleted."""
    rig.lose([numbered(number) for number in range(25)])
    deleted = 0

    def before(handles: Sequence[str]) -> None:
        nonlocal deleted
        deleted += len(handles) if handles != ["not a receipt handle"] else 0
        assert rig.queue.counts()[0] >= deleted

    assert 25 == redrive(rig, before_delete=before).moved
    assert 25 == deleted


@for_each("operation", ["ReceiveMessage", "SendMessageBatch", "delete"])
def test_ctrl_c_loses_and_doubles_nothing(operation: str, moto: Moto) -> None:
    """What the queue has is deleted, the rest is visible at once."""
    with rig_of(moto) as rig:
        rig.lose([numbered(number) for number in range(25)])
        calls = 0

        def interrupt(*arguments: Any) -> None:
            nonlocal calls
            calls += arguments[0] == operation or operation == "delete"
            if calls == 3:
                raise KeyboardInterrupt

        if operation == "delete":
            redrive(rig, before_delete=interrupt)
        else:
            redrive(rig, before=interrupt)

        moved, left = rig.queue.counts(), rig.dead.counts()
        assert 20 == moved[0]
        assert (5, 0) == left


def test_what_is_not_chosen_stays(rig: Rig) -> None:
    """Untouched and visible."""
    rig.lose([numbered(1), numbered(2, "grade_change"), numbered(3, "grade_override"), "{"])

    result = redrive(rig, Choice(names=("grade_*",)))

    assert (2, {"not chosen": 2}) == (result.moved, result.left)
    assert [2, 3] == rig.queue.numbers()
    assert (2, 0) == rig.dead.counts()


def test_a_period(rig: Rig) -> None:
    """By the time of the event; what is no event has only the time when it was sent."""
    rig.lose([numbered(1), "{"])
    now = rig.clock.now()

    assert 0 == redrive(rig, Choice(since=now + timedelta(hours=1))).moved
    assert 1 == redrive(rig, Choice(since=now - timedelta(hours=1))).moved  # the sample is older
    assert 1 == redrive(rig, Choice(until=now - timedelta(hours=1))).moved
    assert (0, 0) == rig.dead.counts()


def test_a_limit_and_a_dry_run(rig: Rig) -> None:
    """A dry run moves nothing, and gives all back."""
    rig.lose([numbered(number) for number in range(25)])

    assert 25 == redrive(rig, dry_run=True).moved
    assert 12 == redrive(rig, dry_run=True, limit=12).moved
    assert (25, 0) == rig.dead.counts()
    assert (0, 0) == rig.queue.counts()
    assert 12 == redrive(rig, limit=12).moved
    assert (13, 0) == rig.dead.counts()
    assert (12, 0) == rig.queue.counts()


def test_what_comes_back_is_not_moved_again(rig: Rig) -> None:
    """A consumer that fails at once must not keep it running."""
    rig.lose([numbered(number) for number in range(5)])
    failing = 0

    def fail_at_once(operation: str, _: Any) -> None:
        nonlocal failing
        if operation == "ReceiveMessage":
            failing += 1
            for _ in range(2):
                rig.queue.client.receive_message(
                    QueueUrl=rig.queue.url, MaxNumberOfMessages=10, VisibilityTimeout=0
                )

    result = redrive(rig, before=fail_at_once)

    assert (5, {"sent after the start": 5}) == (result.moved, result.left)
    assert 3 >= failing
    assert (5, 0) == rig.dead.counts()


def test_messages_of_another_queue_stay(rig: Rig) -> None:
    """Several queues can share a dead-letter queue; SQS says where each message comes from."""
    rig.lose([numbered(1)])

    places = rig.places
    queue = places.settings(rig.settings.queue)
    with closing(connect(queue, AWS)) as dead:

        class Shared(AwsCalls):
            def ask(self, operation: str, /, *, service: str = "sqs", **more: Any) -> Any:
                answer = super().ask(operation, service=service, **more)
                for message in answer.get("Messages", ()):
                    message["Attributes"]["DeadLetterQueueSourceArn"] = "arn:aws:sqs:::other"
                return answer

        with closing(Shared(rig.settings.queue, AWS)) as calls:
            resend = Resend(calls, places, dead, Decoding(), clock=rig.clock, choice=Choice())
            result = resend.run()

    assert (0, {"of another queue": 1}) == (result.moved, result.left)
    assert (1, 0) == rig.dead.counts()


def test_what_sqs_refuses_stays(rig: Rig) -> None:
    """Entries that failed in a successful answer are not deleted."""
    rig.lose([numbered(number) for number in range(5)])

    class Refusing(AwsCalls):
        def ask(self, operation: str, /, *, service: str = "sqs", **more: Any) -> Any:
            refused = []
            if operation == "SendMessageBatch":
                refused = more["Entries"][:2]
                more["Entries"] = more["Entries"][2:]
            answer = super().ask(operation, service=service, **more)
            failed = [{"Id": e["Id"], "Code": "Throttled", "SenderFault": False} for e in refused]
            return {**answer, "Failed": failed}

    places = rig.places
    queue = places.settings(rig.settings.queue)
    with closing(Refusing(rig.settings.queue, AWS)) as calls, closing(connect(queue, AWS)) as dead:
        result = Resend(calls, places, dead, Decoding(), clock=rig.clock, choice=Choice()).run()

    assert (3, {"Throttled": 2}) == (result.moved, result.refused)
    assert (2, 0) == rig.dead.counts()
    assert (3, 0) == rig.queue.counts()


def test_without_permission_to_delete_nothing_is_sent(rig: Rig) -> None:
    """Else every message would be in both queues. It is found out before the first receive."""
    rig.lose([numbered(1)])

    def refuse(_: Sequence[str]) -> None:
        raise DENIED

    with pytest.raises(ActionDeniedError):
        redrive(rig, before_delete=refuse)

    assert (0, 0) == rig.queue.counts()
    assert (1, 0) == rig.dead.counts()


def test_without_permission_to_send_all_is_given_back(rig: Rig) -> None:
    """The error names the action."""
    rig.lose([numbered(1)])

    def refuse(operation: str, _: Any) -> None:
        if operation == "SendMessageBatch":
            raise DENIED

    with pytest.raises(ActionDeniedError):
        redrive(rig, before=refuse)

    assert (1, 0) == rig.dead.counts()


def test_deletes_that_fail_stop_it(rig: Rig) -> None:
    """After one batch: more messages would be in both queues."""
    rig.lose([numbered(number) for number in range(25)])

    def refuse(handles: Sequence[str]) -> None:
        if handles != ["not a receipt handle"]:
            raise TransportError("it does not answer", code="Down")

    with pytest.raises(TransportError, match=r"a delete failed \(Down\).*: 10"):
        redrive(rig, before_delete=refuse)

    assert (10, 0) == rig.queue.counts()
    assert (15, 10) == rig.dead.counts()


def test_the_rest_is_given_back_even_if_deletes_fail(rig: Rig) -> None:
    """Ctrl-C, and then the delete of what was sent does not work."""
    rig.lose([numbered(1), numbered(2, "logged_in")])

    def refuse(handles: Sequence[str]) -> None:
        if handles != ["not a receipt handle"]:
            interrupted.append(True)
            raise DENIED if interrupted[1:] else KeyboardInterrupt

    interrupted: list[bool] = []
    with pytest.raises(TransportError, match="a delete failed"):
        redrive(rig, Choice(names=("submission_*",)), before_delete=refuse)

    assert (1, 1) == rig.dead.counts()


def test_a_rate(rig: Rig) -> None:
    """Waits, so that no more are moved in a second."""
    rig.lose([numbered(number) for number in range(20)])
    began = rig.clock.monotonic()

    assert 20 == redrive(rig, rate=40).moved

    assert rig.clock.monotonic() - began >= 0.5


def test_large_messages_have_a_request_of_their_own(rig: Rig) -> None:
    """A request has a limit, and what was received together may be larger."""
    rig.lose([f'{{"x": "{"y" * 200_000}"}}' for _ in range(4)])
    sizes: list[int] = []

    def before(operation: str, arguments: Any) -> None:
        if operation == "SendMessageBatch":
            sizes.append(sum(len(entry["MessageBody"]) for entry in arguments["Entries"]))

    assert 4 == redrive(rig, before=before).moved
    assert 262_144 > max(sizes)


def test_a_queue_without_a_dead_letter_queue(moto: Moto) -> None:
    """Exit code 69, and what to do."""
    queue = moto.queue()
    settings = settings_of(queue)

    with closing(AwsCalls(settings.queue, AWS)) as calls:
        with pytest.raises(QueueMissingError, match="no redrive policy") as raised:
            find_dead_letters(calls)
        named = find_dead_letters(calls, name="letters")

    assert 69 == raised.value.exit_code
    assert (None, "letters") == (named.arn, named.name)
    assert named.url == queue.url.replace(queue.name, "letters")


def test_the_queue_is_not_its_own_dead_letter_queue(rig: Rig) -> None:
    """Named by mistake: its messages would be sent to where they are."""
    with pytest.raises(ConfigurationError, match="is the queue itself"):
        find_dead_letters(rig.calls, url=rig.queue.url)


def test_numbers_survive_a_round_trip(rig: Rig) -> None:
    """All that was lost is there again, once."""
    rig.lose([numbered(number) for number in range(30)])

    redrive(rig)

    assert list(range(30)) == sorted(map(number_of, rig.queue.take_all()))

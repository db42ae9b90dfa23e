"""How a queue is set up: in which order, what is kept, and what AWS may answer meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import ANY, Stubber
from pydantic import SecretStr

from consumer.config import AwsSettings, QueueSettings
from consumer.errors import ConfigurationError, TransportError
from consumer.operations.queue_kept import kept
from consumer.operations.queue_setup import QueueSetup, SetUp, queue_to_set_up, visibility_seconds
from consumer.queues.blueprint import ALL_ACTIONS, Blueprint
from consumer.queues.sqs.admin import AwsCalls
from consumer.testing import ManualClock
from tests.cases import for_each
from tests.moto_queues import Moto

NAME = "canvas-live-events-prod"
HERE = "arn:aws:sqs:us-east-1:123456789012"
AWS_SETTINGS = AwsSettings(
    region="us-east-1", access_key_id=SecretStr("test"), secret_access_key=SecretStr("test")
)
DENY = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock()


class Account:
    """SQS of moto, with queues of a new name for each test."""

    def __init__(self, moto: Moto) -> None:
        self.name = moto.queue().name + "-new"
        self.aws = AWS_SETTINGS.model_copy(update={"endpoint_url": moto.endpoint})
        self.calls = AwsCalls(QueueSettings(name=self.name), self.aws)

    def set_up(self, *, dry_run: bool = False, seconds: int = 60, **options: Any) -> SetUp:
        return QueueSetup(self.calls, clock=ManualClock(), dry_run=dry_run).run(seconds, **options)

    def create(self, name: str = "", **attributes: str) -> str:
        name = name or self.name
        answer = self.calls.ask("CreateQueue", QueueName=name, Attributes=attributes)
        return str(answer["QueueUrl"])

    def attributes(self, name: str = "") -> dict[str, str]:
        return self.calls.attributes(self.calls.url_of(name or self.name))

    def names(self) -> set[str]:
        answer = self.calls.ask("ListQueues", QueueNamePrefix=self.name)
        return {url.rpartition("/")[2] for url in answer.get("QueueUrls", [])}


@pytest.fixture(name="account")
def _account(moto: Moto) -> Iterator[Account]:
    account = Account(moto)
    yield account
    account.calls.close()


def test_both_queues_are_made(account: Account) -> None:
    """With exactly the attributes of the blueprint; Canvas may send."""
    done = account.set_up(seconds=90)

    plan = Blueprint(f"{HERE}:{account.name}", 90)
    assert account.names() == {account.name, f"{account.name}-dlq"}
    assert plan.attributes().items() <= account.attributes().items()
    assert (
        plan.dead_letter_attributes().items()
        <= account.attributes(done.dead_letter_queue.name).items()
    )
    assert done.arn == plan.arn
    assert done.queue.url == account.calls.queue_url()
    assert [done.queue.action, done.dead_letter_queue.action] == ["created", "created"]
    assert dict(plan.attributes()) == {c.attribute: c.desired for c in done.queue.changes}
    assert done.warnings == ()


def test_the_second_run_changes_nothing(account: Account) -> None:
    """And a third one with --all-actions changes only the policy."""
    first = account.set_up()
    before = account.attributes()

    again = account.set_up()
    assert [again.queue.action, again.dead_letter_queue.action] == ["unchanged", "unchanged"]
    assert (again.queue.changes, again.queue.kept) == ((), ())
    assert again.queue.url == first.queue.url
    assert account.attributes() == before

    wider = account.set_up(sender_actions=ALL_ACTIONS)
    assert [change.attribute for change in wider.queue.changes] == ["Policy"]
    (statement,) = json.loads(account.attributes()["Policy"])["Statement"]
    assert statement["Action"] == ["sqs:*"]


def test_a_dry_run_changes_nothing(account: Account) -> None:
    """It shows what the real run does, before and after."""
    planned = account.set_up(dry_run=True)
    assert account.names() == set()
    assert planned.queue.url == ""
    done = account.set_up()
    assert (planned.arn, planned.queue.changes) == (done.arn, done.queue.changes)
    assert planned.dead_letter_queue.changes == done.dead_letter_queue.changes

    before = account.attributes()
    planned = account.set_up(dry_run=True, seconds=120)
    assert planned.queue.changes == (("VisibilityTimeout", "60", "120"),)
    assert account.attributes() == before


def test_a_run_that_was_interrupted_is_continued(account: Account) -> None:
    """The dead-letter queue is there, and no queue may use it yet."""
    account.create(f"{account.name}-dlq", MessageRetentionPeriod="1209600")

    done = account.set_up()

    assert [done.queue.action, done.dead_letter_queue.action] == ["created", "changed"]
    assert [change.attribute for change in done.dead_letter_queue.changes] == ["RedriveAllowPolicy"]


def test_an_older_queue_is_improved(account: Account) -> None:
    """What is not good enough changes; what an operator chose or added stays, and is shown."""
    old = account.create(f"{account.name}-dead-letters")
    other = {**DENY, "Effect": "Allow", "Sid": "Reports", "Principal": {"AWS": "111111111111"}}
    redrive = {"deadLetterTargetArn": f"{HERE}:{account.name}-dead-letters", "maxReceiveCount": 10}
    url = account.create(
        VisibilityTimeout="300",
        MessageRetentionPeriod="345600",
        RedrivePolicy=json.dumps(redrive),
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [other]}),
    )
    account.calls.ask("TagQueue", QueueUrl=url, Tags={"owner": "registrar"})

    done = account.set_up()

    changes = {change.attribute: change.desired for change in done.queue.changes}
    assert changes.keys() == {"MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "Policy"}
    assert done.queue.kept == (
        "VisibilityTimeout stays 300: 60 is enough",
        f"the dead-letter queue stays {account.name}-dead-letters",
        "maxReceiveCount stays 10: 5 is enough",
        "the policy's statement 'Reports' stays",
    )
    found = account.attributes()
    assert json.loads(found["RedrivePolicy"]) == redrive
    assert [each["Sid"] for each in json.loads(found["Policy"])["Statement"]] == [
        "Reports", "CanvasSends",
    ]  # fmt: skip
    assert account.names() == {account.name, f"{account.name}-dead-letters"}
    dead = account.calls.attributes(old)
    assert dead["MessageRetentionPeriod"] == "1209600"
    assert json.loads(dead["RedriveAllowPolicy"])["sourceQueueArns"] == [done.arn]
    assert account.calls.ask("ListQueueTags", QueueUrl=url)["Tags"] == {"owner": "registrar"}
    assert account.set_up().queue.changes == ()


def test_a_shared_dead_letter_queue_stays_open_to_all_who_use_it(account: Account) -> None:
    """The queues that use it without being listed are listed, too."""
    account.create(f"{account.name}-dlq")
    redrive = {"deadLetterTargetArn": f"{HERE}:{account.name}-dlq", "maxReceiveCount": 5}
    account.create(f"{account.name}-beside", RedrivePolicy=json.dumps(redrive))

    account.set_up()

    allow = json.loads(account.attributes(f"{account.name}-dlq")["RedriveAllowPolicy"])
    assert set(allow["sourceQueueArns"]) == {
        f"{HERE}:{account.name}",
        f"{HERE}:{account.name}-beside",
    }


def test_a_key_and_a_deny_stay_and_are_warned_of(account: Account) -> None:
    """Only a person can decide about them; the queue is not opened around them."""
    key = "arn:aws:kms:us-east-1:123456789012:key/mine"
    policy = json.dumps({"Version": "2012-10-17", "Statement": [DENY]})
    account.create(KmsMasterKeyId=key, SqsManagedSseEnabled="false", Policy=policy)

    done = account.set_up()

    assert f"the KMS key stays {key}" in done.queue.kept
    assert "the policy's statement without a Sid stays" in done.queue.kept
    found = account.attributes()
    assert (found["KmsMasterKeyId"], found["Policy"]) == (key, policy)
    assert found["SqsManagedSseEnabled"] == "false"
    assert done.warnings == (
        "Canvas can't send: statement 1 denies it in the queue's policy, which stays as it is",
        (
            "Canvas can send only if the policy of the KMS key allows account 636161780776 "
            "kms:GenerateDataKey and kms:Decrypt"
        ),
    )


def test_what_cannot_be_told_is_warned_of(account: Account) -> None:
    """A condition that is not understood, and a key that other accounts can never use."""
    allow = {
        **DENY,
        "Effect": "Allow",
        "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": allow})
    account.create(KmsMasterKeyId="alias/aws/sqs", SqsManagedSseEnabled="false", Policy=policy)

    assert account.set_up(dry_run=True).warnings == (
        (
            "Canvas may not be able to send: it depends on statement 1 in the queue's policy, "
            "which stays as it is"
        ),
        (
            "Canvas can't send: other accounts can't use the key alias/aws/sqs; use SSE-SQS, or a "
            "customer managed key"
        ),
    )


def test_what_is_unreadable_is_not_described() -> None:
    """SQS never answers it; an emulator may."""
    plan = Blueprint(f"{HERE}:{NAME}").attributes()
    broken = {**plan, "Policy": "{", "RedrivePolicy": "{"}
    assert list(kept(broken, plan, {"RedrivePolicy"})) == []


@pytest.fixture(name="stubbed")
def _stubbed() -> Iterator[tuple[AwsCalls, Stubber]]:
    """SQS as the test scripts it: each call in its order."""
    calls = AwsCalls(QueueSettings(name=NAME), AWS_SETTINGS)
    with Stubber(calls.client("sqs")) as stub:
        yield calls, stub
    calls.close()


def missing(stub: Stubber, operation: str, times: int = 1) -> None:
    for _ in range(times):
        stub.add_client_error(operation, "AWS.SimpleQueueService.NonExistentQueue")


URL = f"https://sqs.us-east-1.amazonaws.com/123456789012/{NAME}"


def test_a_new_queue_that_is_not_known_at_once_is_waited_for(
    stubbed: tuple[AwsCalls, Stubber], clock: ManualClock
) -> None:
    """Neither its attributes, nor as a dead-letter queue, nor to be changed."""
    calls, stub = stubbed
    missing(stub, "get_queue_url", 2)
    stub.add_response(
        "create_queue", {"QueueUrl": f"{URL}-dlq"}, {"QueueName": f"{NAME}-dlq", "Attributes": ANY}
    )
    missing(stub, "get_queue_attributes", 2)
    stub.add_response("get_queue_attributes", {"Attributes": {"QueueArn": f"{HERE}:{NAME}-dlq"}})
    stub.add_client_error("create_queue", "InvalidParameterValue")  # no such dead-letter queue
    stub.add_response("create_queue", {"QueueUrl": URL}, {"QueueName": NAME, "Attributes": ANY})
    missing(stub, "set_queue_attributes")
    stub.add_response("set_queue_attributes", {}, {"QueueUrl": f"{URL}-dlq", "Attributes": ANY})

    done = QueueSetup(calls, clock=clock).run(60)

    assert done.queue.url == URL
    assert clock.waits == [1.0] * 4
    stub.assert_no_pending_responses()


def test_what_stays_unknown_is_an_error(
    stubbed: tuple[AwsCalls, Stubber], clock: ManualClock
) -> None:
    """After a quarter of a minute."""
    calls, stub = stubbed
    missing(stub, "get_queue_url", 2)
    stub.add_response("create_queue", {"QueueUrl": f"{URL}-dlq"})
    missing(stub, "get_queue_attributes", 16)

    with pytest.raises(TransportError, match=f"there is no queue '{NAME}-dlq' in us-east-1"):
        QueueSetup(calls, clock=clock).run(60)
    assert len(clock.waits) == 15


@for_each(
    "code, exit_code, text",
    [
        (
            "AWS.SimpleQueueService.QueueDeletedRecently",
            75,
            (
                "a queue of this name was deleted less than 60 seconds ago; wait a minute, then "
                "run the command again"
            ),
        ),
        (
            "QueueAlreadyExists",
            75,
            (
                "a queue of this name, but with other settings, was created at the same time; "
                "run the command again"
            ),
        ),
        ("AccessDenied", 77, f"not permitted: allow sqs:CreateQueue on queue '{NAME}-dlq'"),
        ("InvalidAttributeValue", 75, "CreateQueue: SQS answered InvalidAttributeValue"),
    ],
)
def test_what_aws_refuses(code: str, exit_code: int, text: str) -> None:
    """In a sentence that says what to do; nothing is tried again."""
    calls, clock = AwsCalls(QueueSettings(name=NAME), AWS_SETTINGS), ManualClock()
    with Stubber(calls.client("sqs")) as stub:
        missing(stub, "get_queue_url", 2)
        stub.add_client_error("create_queue", code)

        with pytest.raises(TransportError) as caught:
            QueueSetup(calls, clock=clock).run(60)

    assert text in str(caught.value)
    assert caught.value.exit_code == exit_code
    assert clock.waits == []
    calls.close()


@for_each(
    "name, text",
    [
        ("grades", "'grades' does not begin with 'canvas-live-events'"),
        ("canvas-live-events.fifo", "is a FIFO queue, which Canvas does not deliver to"),
        ("canvas-live-events prod", "is not a queue name"),
        ("canvas-live-events" + "x" * 59, "is too long: use at most 76 characters"),
    ],
)
def test_a_wrong_name(name: str, text: str) -> None:
    """Is refused before AWS is called, with what would be right."""
    with pytest.raises(ConfigurationError, match=text) as caught:
        queue_to_set_up(name, QueueSettings(), AwsSettings())
    assert "queue.name" not in str(caught.value)


def test_the_configured_queue_is_replaced() -> None:
    """By the one that is named; for a test it may have any name if the configuration says so."""
    settings = QueueSettings(url=URL, allow_any_queue_name=True)
    found = queue_to_set_up("test", settings, AwsSettings())
    assert (found.name, found.url) == ("test", None)


@for_each(
    "settings, seconds",
    [
        ({}, 60),
        ({"visibility_timeout_seconds": 45}, 45),
        ({"read_timeout_seconds": 90.5}, 91),
        ({"connect_timeout_seconds": 60}, 122),
    ],
)
def test_the_visibility_timeout_fits_the_configuration(
    settings: dict[str, Any], seconds: int
) -> None:
    """A receive must fit in, and the heartbeat with a new connection twice."""
    assert visibility_seconds(QueueSettings.model_validate(settings)) == seconds

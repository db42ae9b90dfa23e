"""Who may send: the access policies that people write, read as SQS reads them."""

from __future__ import annotations

import json
from typing import Any

from consumer.queues.access import INSTRUCTURE_ACCOUNT, access_of
from tests.cases import for_each

ARN = "arn:aws:sqs:us-east-1:123456789012:canvas-live-events-prod"
ROOT = f"arn:aws:iam::{INSTRUCTURE_ACCOUNT}:root"


def statement(**elements: Any) -> dict[str, Any]:
    """One that allows Instructure to send, except for these elements; None removes one."""
    usual = {
        "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sqs:SendMessage", "Resource": ARN,
    }  # fmt: skip
    return {name: value for name, value in {**usual, **elements}.items() if value is not None}


def verdict(*statements: dict[str, Any], **asked: str) -> str:
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return access_of(policy, arn=ARN, **asked).verdict


INSECURE = statement(
    Effect="Deny", Principal="*", Action="sqs:*",
    Condition={"Bool": {"aws:SecureTransport": "false"}},
)  # fmt: skip
BY_ADDRESS = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}


@for_each(
    "elements",
    [
        {},
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": INSTRUCTURE_ACCOUNT}},
        {"Principal": {"AWS": ["111111111111", f"arn:aws-us-gov:iam::{INSTRUCTURE_ACCOUNT}:root"]}},
        {"Principal": {"AWS": f"arn:aws-cn:iam::{INSTRUCTURE_ACCOUNT}:root"}},
        {"Principal": None, "NotPrincipal": {"AWS": "111111111111"}},
        {"Action": ["sqs:GetQueueUrl", "SQS:SendMessage"]},
        {"Action": "SQS:*"},
        {"Action": "*"},
        {"Action": "sqs:Send*"},
        {"Action": None, "NotAction": "sqs:ReceiveMessage"},
        {"Resource": "*"},
        {"Resource": ["arn:aws:sqs:*:*:canvas-live-events-*"]},
        {"Resource": None, "NotResource": "arn:aws:sqs:*:*:other"},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {"Condition": {"StringEquals": {"aws:PrincipalAccount": [INSTRUCTURE_ACCOUNT]}}},
        {"Condition": {}},
    ],
)
def test_what_allows_canvas_to_send(elements: dict[str, Any]) -> None:
    """Every form in which a policy can name the account, the action and the queue."""
    assert verdict(statement(**elements)) == "allowed"


@for_each(
    "elements",
    [
        {"Principal": {"AWS": "111111111111"}},
        {"Principal": {"AWS": "arn:aws:iam::111111111111:root"}},
        {"Principal": {"Service": "sns.amazonaws.com"}},
        {"Principal": None},
        {"Principal": None, "NotPrincipal": {"AWS": ROOT}},
        {"Action": "sqs:ReceiveMessage"},
        {"Action": "sqs:Send?"},
        {"Action": None},
        {"Action": None, "NotAction": ["sqs:send*"]},
        {"Resource": f"{ARN}-dlq"},
        {"Resource": ARN.upper()},
        {"Resource": None, "NotResource": ARN},
        {"Condition": {"StringEquals": {"aws:PrincipalAccount": "111111111111"}}},
        {"Condition": {"Bool": {"aws:SecureTransport": "false"}, **BY_ADDRESS}},
    ],
)
def test_what_does_not_allow_it(elements: dict[str, Any]) -> None:
    """Another account, action or queue; or a condition that can't hold."""
    assert verdict(statement(**elements)) == "not allowed"


@for_each(
    "elements",
    [
        {"Condition": BY_ADDRESS},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
        {"Condition": {"StringNotEquals": {"aws:PrincipalAccount": INSTRUCTURE_ACCOUNT}}},
        {"Condition": "nonsense"},
        {"Condition": {"Bool": "nonsense"}},
        {"Principal": {"AWS": f"arn:aws:iam::{INSTRUCTURE_ACCOUNT}:role/live-events"}},
        {"Principal": {"AWS": f"arn:aws:sts::{INSTRUCTURE_ACCOUNT}:assumed-role/a/b"}},
    ],
)
def test_what_cannot_be_told(elements: dict[str, Any]) -> None:
    """A condition on what is not known here, or one of Instructure's own roles."""
    assert verdict(statement(**elements)) == "cannot tell"
    assert verdict(statement(), statement(**elements)) == "allowed"
    assert verdict(statement(), statement(**{**elements, "Effect": "Deny"})) == "cannot tell"
    assert verdict(statement(**{**elements, "Effect": "Deny"})) == "not allowed"


def test_a_deny_wins() -> None:
    """Whatever else allows it. The usual one against connections without TLS does not apply."""
    denies = statement(Effect="Deny", Principal="*", Action="sqs:*")

    assert verdict(denies, statement()) == "denied"
    assert verdict(statement(), INSECURE) == "allowed"
    assert verdict(statement(), statement(Effect="Deny", Action="sqs:DeleteMessage")) == "allowed"


def test_other_actions_and_accounts() -> None:
    """All actions at once are allowed only by a pattern for all."""
    assert verdict(statement(), action="sqs:*") == "not allowed"
    assert verdict(statement(Action="sqs:*"), action="sqs:*") == "allowed"
    assert verdict(statement(), account="111111111111") == "not allowed"


@for_each("policy", [None, "", '{"Statement": []}'])
def test_a_queue_without_a_policy(policy: str | None) -> None:
    """Only its own account may use it."""
    found = access_of(policy, arn=ARN)

    assert found.verdict == "not allowed"
    assert found.reason == "no statement allows sqs:SendMessage to account 636161780776"


@for_each("policy", ["{", "[]", "1", "{}", '{"Statement": 1}', '{"Statement": ["x"]}'])
def test_what_is_no_policy(policy: str) -> None:
    """Is not guessed about."""
    assert access_of(policy, arn=ARN).verdict == "cannot tell"


def test_the_reason_names_the_statement() -> None:
    """By its Sid, or by its position; a single statement may stand without a list."""
    policy = json.dumps({"Statement": statement(Sid="CanvasSends")})
    assert access_of(policy, arn=ARN).reason == "statement 'CanvasSends' allows it"

    denied = json.dumps({"Statement": [statement(), statement(Effect="Deny")]})
    assert access_of(denied, arn=ARN).reason == "statement 2 denies it"

    unknown = json.dumps({"Statement": [statement(Condition=BY_ADDRESS)]})
    assert access_of(unknown, arn=ARN).reason == "it depends on statement 1"

"""What moto's server permits, as IAM does: for a user with a policy."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import JsonRESTError
from moto.iam.access_control import IAMRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tests.moto_queues import Moto

ACCOUNT = "123456789012"


def make_user(moto: Moto, name: str) -> dict[str, str]:
    """A user without any permission; returns the environment of its processes."""
    iam = boto3.client(
        "iam", endpoint_url=moto.endpoint, region_name="us-east-1", aws_access_key_id="test",
        aws_secret_access_key="test",
    )  # fmt: skip
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    iam.close()
    return {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }


@contextmanager
def enforced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Meanwhile, moto refuses what no policy of the user allows.

    As in AWS, a batch needs the permission of its single form, policies are about the ARN of the
    queue or event bus, and a refusal is JSON: moto knows none of that.
    """
    check = IAMRequest.check_action_permitted

    def check_action_permitted(request: Any, resource: str) -> None:
        request._action = request._action.removesuffix("Batch")
        asked = json.loads(request._body) if request._service == "sqs" else {}
        if name := asked.get("QueueName") or asked.get("QueueUrl", "").rpartition("/")[2]:
            resource = f"arn:aws:sqs:{request._region}:{ACCOUNT}:{name}"
        if request._service == "events":
            body = json.loads(request._body)
            bus = body.get("Name") or body["Entries"][0]["EventBusName"]
            resource = f"arn:aws:events:{request._region}:{ACCOUNT}:event-bus/{bus}"
        check(request, resource)

    raise_denied = IAMRequest._raise_access_denied

    def refuse(request: Any) -> None:
        if request._service == "sts":  # which answers with XML
            raise_denied(request)
        raise JsonRESTError("AccessDeniedException", f"{request._action} is not allowed", code=403)

    raise_invalid = IAMRequest._raise_invalid_access_key

    def not_known(request: Any, reason: str) -> None:
        if request._service != "sqs":
            raise_invalid(request, reason)
        raise JsonRESTError("InvalidClientTokenId", "it is not valid", code=403)

    with monkeypatch.context() as patch:
        patch.setattr(IAMRequest, "_raise_invalid_access_key", not_known)
        patch.setattr(IAMRequest, "_raise_access_denied", refuse)
        patch.setattr(IAMRequest, "check_action_permitted", check_action_permitted)
        patch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
        patch.setattr(ActionAuthenticatorMixin, "request_count", 0)
        yield

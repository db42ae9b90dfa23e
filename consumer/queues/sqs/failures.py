"""What went wrong with a call to AWS, as an error of ours: which it is, and what would mend it.

By error code alone: AWS's texts name users, accounts and receipt handles, so none is passed on, and
`SenderFault` says "permanent" of throttles, too.
"""

from __future__ import annotations

import http.client
import re
from typing import TYPE_CHECKING, Any

from botocore import exceptions as aws
from botocore.parsers import ResponseParserError

from consumer.errors import AccessDeniedError, QueueMissingError, TransportError
from consumer.queues.sqs.reach import LOWER_THE_WAIT, not_reached
from consumer.queues.transport import EntryFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

_ACTIONS = {
    "ReceiveMessage": "sqs:ReceiveMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "GetQueueAttributes": "sqs:GetQueueAttributes",
    "GetQueueUrl": "sqs:GetQueueUrl",
    "SendMessageBatch": "sqs:SendMessage",
    "AssumeRole": "sts:AssumeRole",
    "AssumeRoleWithWebIdentity": "sts:AssumeRoleWithWebIdentity",
}

_QUEUE_MISSING = frozenset({"QueueDoesNotExist", "NonExistentQueue", "InvalidAddress"})
_NOT_PERMITTED = frozenset({"AccessDenied", "AccessDeniedException", "NotAuthorized"})
_CREDENTIALS = {
    **dict.fromkeys(
        ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"),
        "AWS does not know the access key: it is mistyped, deactivated or deleted, lacks its "
        "session token, or belongs to another partition of AWS",
    ),
    **dict.fromkeys(
        ("MissingAuthenticationToken", "MissingAuthenticationTokenException", "AuthFailure"),
        "AWS got no usable credentials: check access key, secret and session token",
    ),
    "InvalidSecurity": "AWS refuses the request's signature or transport: use https and the "
    "queue's own endpoint",
    **dict.fromkeys(
        ("OptInRequired", "SubscriptionRequiredException"),
        "the AWS account of these credentials is not signed up for SQS, or not in this region",
    ),
}
_KMS = {
    "KmsAccessDenied": "the credentials may not use the queue's KMS key: allow kms:Decrypt on it",
    "KmsDisabled": "the queue's KMS key is disabled: enable it, or give the queue another",
    "KmsNotFound": "the queue's KMS key does not exist: give the queue another",
    "KmsInvalidKeyUsage": "the queue's KMS key is not one for encryption: give the queue another",
    "KmsOptInRequired": "the AWS account of these credentials is not signed up for KMS",
}
#: The query protocol's names for the same.
_KMS_QUERY_CODES = {
    "KMS.AccessDeniedException": "KmsAccessDenied",
    "KMS.DisabledException": "KmsDisabled",
    "KMS.NotFoundException": "KmsNotFound",
    "KMS.InvalidKeyUsageException": "KmsInvalidKeyUsage",
    "KMS.OptInRequired": "KmsOptInRequired",
}
NO_CREDENTIALS = (
    "no AWS credentials were found: configure aws.access_key_id and aws.secret_access_key, a "
    "profile, or a role for this machine"
)
LOCAL_CREDENTIALS: dict[type[Exception], str] = {
    aws.NoCredentialsError: NO_CREDENTIALS,
    aws.PartialCredentialsError: "the AWS credentials found are incomplete: there is a key without "
    "its secret, or the reverse",
    aws.ProfileNotFound: "the AWS profile does not exist on this machine",
    **dict.fromkeys(
        (aws.SSOError, aws.TokenRetrievalError, getattr(aws, "LoginError", aws.SSOError)),
        "the AWS sign-in of this profile has run out: run 'aws sso login', or 'aws login'",
    ),
}

#: Each with the name that newer protocols of AWS's have for it.
_HINTS = {
    **dict.fromkeys(
        ("SignatureDoesNotMatch", "InvalidSignatureException"),
        "check the secret access key, this machine's clock, and the region",
    ),
    **dict.fromkeys(
        ("RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"),
        "check this machine's clock",
    ),
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException"),
        "the session token has run out; if it is in the configuration (aws.session_token), get "
        "new credentials, or use a profile or a role, whose token is renewed",
    ),
    **dict.fromkeys(
        ("IncompleteSignature", "IncompleteSignatureException"),
        "check for stray characters in the access key; a proxy may have changed the headers",
    ),
}
#: What botocore has for a code where the answer has none of AWS's: the status, of a page of HTML.
_PAGES = {
    "403": "a proxy or firewall in between refuses the request: allow it there",
    "407": "a proxy in between wants a user name and password: check those in http_proxy",
    **dict.fromkeys(
        ("502", "503", "504"), "a proxy or load balancer in between had no answer from SQS"
    ),
}

NETWORK = (aws.HTTPClientError, aws.ConnectionError, OSError, http.client.HTTPException)
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_GONE = frozenset({"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidIdFormat"})
#: SQS has one code for a handle that ran out and for one that may not be extended so far.
_GONE_REASONS = ("expired", "does not exist", "not available for visibility timeout change")


class ActionDeniedError(AccessDeniedError):
    """The credentials are good, but not allowed `action`, an IAM action."""

    def __init__(self, message: str, *, code: str, action: str) -> None:
        super().__init__(message, code=code)
        self.action = action


def failure_of(error: Exception, *, operation: str, queue: str, region: str) -> TransportError:
    """What an exception out of botocore means. What is not known is transient."""
    if isinstance(error, TransportError):  # of the credentials: it knows better what went wrong
        return error
    if isinstance(error, aws.ClientError):
        return _of_answer(error, operation, queue, region)
    for kind, sentence in LOCAL_CREDENTIALS.items():
        if isinstance(error, kind):
            return AccessDeniedError(sentence, code=type(error).__name__)
    code = type(error).__name__
    if isinstance(error, NETWORK):
        return not_reached(error, operation=operation, host=f"SQS in {region}")
    if isinstance(error, ResponseParserError):
        sentence = f"{operation}: what came is not SQS's answer; is it the page of a proxy?"
        return TransportError(sentence, code=code)
    return TransportError(f"{operation} failed ({code})", code=code)


def _of_answer(error: aws.ClientError, operation: str, queue: str, region: str) -> TransportError:
    told = error.response.get("Error", {})
    codes = _codes(error.response)
    code = next(filter(None, codes), "Unknown")
    known = {_KMS_QUERY_CODES.get(c, c.removeprefix("AWS.SimpleQueueService.")) for c in codes}
    # Assuming a role is a call of its own, made on the way to the one that was asked for.
    operation = str(error.operation_name or operation)
    if known & _QUEUE_MISSING:
        return QueueMissingError(
            f"there is no queue {queue!r} in {region}, as far as these credentials can see: "
            "check its URL or name, the region and the account",
            code=code,
        )
    if known & _NOT_PERMITTED:
        action = _ACTIONS.get(operation, operation)
        if "kms:" in str(told.get("Message", "")):
            action = "kms:Decrypt"
        resource = "the role" if action.startswith("sts:") else f"queue {queue!r}"
        sentence = f"not permitted: allow {action} on {resource} to these credentials"
        return ActionDeniedError(sentence, code=code, action=action)
    sentence = next((s for c, s in (_CREDENTIALS | _KMS).items() if c in known), "")
    if sentence:
        return AccessDeniedError(sentence, code=code)
    if code.isdecimal():
        return TransportError(_of_page(code, operation), code=code)
    hint = next((h for c, h in _HINTS.items() if c in known), "")
    return TransportError(f"{operation}: SQS answered {code}{hint and ': '}{hint}", code=code)


def _of_page(status: str, operation: str) -> str:
    hint = _PAGES.get(status, "it does not come from SQS, but from something in between")
    if status == "504" and operation == "ReceiveMessage":
        hint = f"{hint}; {LOWER_THE_WAIT}"
    return f"{operation}: HTTP status {status} without an error code of AWS's: {hint}"


def _codes(response: Mapping[str, Any]) -> list[str]:
    """The query protocol's code, which came first, and that of JSON, where either or both are.

    Of a page that is no answer of AWS's only the status is known.
    """
    told = response.get("Error", {})
    given = [told.get(key) for key in ("QueryErrorCode", "Code")]
    if not any(given):
        given.append(str(response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")))
    return [_plain(code) for code in given]


def _plain(code: object) -> str:
    """A code as it may be logged: emulators and proxies put whole sentences there."""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def entry_failure(entry: Mapping[str, Any]) -> EntryFailure:
    """What an entry of `Failed` means."""
    code = _plain(entry.get("Code")) or "Unknown"
    gone = code.removeprefix("AWS.SimpleQueueService.") in _GONE
    if code == "InvalidParameterValue":
        message = str(entry.get("Message", ""))
        gone = any(reason in message for reason in _GONE_REASONS)
    return EntryFailure(code, gone)

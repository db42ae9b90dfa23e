"""What went wrong with a call to AWS, or with its credentials, as an error of ours with a remedy.

It depends on the error code alone: AWS's texts name users, accounts and receipt handles, so none is
passed on; and SQS sets `SenderFault` for throttling, too.
"""

import http.client
import re
from collections.abc import Mapping
from typing import Any

from botocore import exceptions as aws
from botocore.parsers import ResponseParserError

from consumer.errors import EXIT_PERMISSION, AccessDeniedError, QueueMissingError, TransportError
from consumer.queues.sqs.reach import LOWER_THE_WAIT, UnusableSettingError, not_reached
from consumer.queues.transport import EntryFailure


def _by_code(table: Mapping[str, str]) -> dict[str, str]:
    return {code: sentence for codes, sentence in table.items() for code in codes.split()}


#: Codes that are fatal, with their variants in AWS's protocols.
_FATAL = _by_code(
    {
        "InvalidClientTokenId UnrecognizedClientException InvalidAccessKeyId": "AWS does not know "
        "the access key: it is mistyped, deactivated or deleted, lacks its session token, or "
        "belongs to another partition of AWS",
        "MissingAuthenticationToken MissingAuthenticationTokenException AuthFailure": "AWS got no "
        "usable credentials: check access key, secret and session token",
        "InvalidSecurity": "AWS refuses the request's signature or transport: use https and the "
        "queue's own endpoint",
        "OptInRequired SubscriptionRequiredException": "the AWS account of these credentials is "
        "not signed up for SQS, or not in this region",
        "KmsAccessDenied": "the credentials may not use the queue's KMS key: allow kms:Decrypt on "
        "it",
        "KmsDisabled": "the queue's KMS key is disabled: enable it, or give the queue another",
        "KmsNotFound": "the queue's KMS key does not exist: give the queue another",
        "KmsInvalidKeyUsage": "the queue's KMS key is not for encryption: give the queue another",
        "KmsOptInRequired": "the AWS account of these credentials is not signed up for KMS",
    }
)
_HINTS = _by_code(
    {
        "SignatureDoesNotMatch InvalidSignatureException": "check the secret access key, this "
        "machine's clock, and the region",
        "RequestExpired RequestTimeTooSkewed RequestInTheFuture": "check this machine's clock",
        "ExpiredToken ExpiredTokenException": "the session token has expired; if it is in the "
        "configuration (aws.session_token), get new credentials, or use a profile or a role, whose "
        "token is renewed",
        "QueueAlreadyExists QueueNameExists": "a queue of this name, but with other settings, was "
        "created at the same time; run the command again",
        "QueueDeletedRecently": "a queue of this name was deleted less than 60 seconds ago; wait a "
        "minute, then run the command again",
        "IncompleteSignature IncompleteSignatureException": "check for stray characters in the "
        "access key; a proxy may have changed the headers",
    }
)
#: By HTTP status, for a page that holds no error code of AWS's.
_PAGES = _by_code(
    {
        "403": "a proxy or firewall in between refuses the request: allow it there",
        "407": "a proxy in between wants a user name and password: check those in http_proxy",
        "502 503 504": "a proxy or load balancer in between got no answer from SQS",
    }
)
_QUEUE_MISSING = frozenset({"QueueDoesNotExist", "NonExistentQueue", "InvalidAddress"})
_NOT_PERMITTED = frozenset({"AccessDenied", "AccessDeniedException", "NotAuthorized"})
#: Where credentials of a role come from; all other operations are of SQS.
_OTHER_SERVICES = {
    "AssumeRole": "sts", "AssumeRoleWithWebIdentity": "sts", "GetRoleCredentials": "sso",
}  # fmt: skip
_GONE = frozenset({"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidIdFormat"})
#: SQS has one code for a handle that expired and for one that may not be extended so far.
_GONE_REASONS = ("expired", "does not exist", "not available for visibility timeout change")

NO_CREDENTIALS = (
    "no AWS credentials were found: configure aws.access_key_id and aws.secret_access_key, a "
    "profile, or a role for this machine"
)
#: What botocore finds out by itself, of credentials and configuration on this machine.
_LOCAL: dict[type[Exception] | tuple[type[Exception], ...], str] = {
    aws.NoCredentialsError: NO_CREDENTIALS,
    aws.PartialCredentialsError: "the AWS credentials found are incomplete: there is a key without "
    "its secret, or the reverse",
    aws.ProfileNotFound: "the AWS profile does not exist on this machine",
    (aws.SSOError, aws.TokenRetrievalError, getattr(aws, "LoginError", aws.SSOError)): "the AWS "
    "sign-in of this profile has expired: run 'aws sso login', or 'aws login'",
    (
        aws.InvalidConfigError, aws.InfiniteLoopConfigError, aws.UnknownCredentialError,
        aws.InvalidIMDSEndpointError,
    ): "the AWS configuration of this machine does not fit together",
    aws.NoRegionError: "the AWS region to ask in is not known: set aws.region",
}  # fmt: skip
_NETWORK = (aws.HTTPClientError, aws.ConnectionError, OSError, http.client.HTTPException)


class ActionDeniedError(AccessDeniedError):
    """The credentials are good, but not allowed `action`, an IAM action."""

    def __init__(self, message: str, *, code: str, action: str) -> None:
        super().__init__(message, code=code)
        self.action = action


class CredentialsError(TransportError):
    """There are no credentials to sign with. There may be later: the start waits for them."""


class CredentialsMissingError(CredentialsError, AccessDeniedError):
    """The same; if it lasts, the operator must act."""

    exit_code = EXIT_PERMISSION
    fatal = False


class CredentialsRefusedError(CredentialsMissingError):
    """AWS does not grant the role. It may be a new one, so the start waits for it."""

    fatal = True


def failure_of(
    error: Exception, *, operation: str, queue: str, region: str, service: str = "sqs"
) -> TransportError:
    """What an exception out of botocore means. What is not known is transient."""
    if isinstance(error, TransportError):  # of the credentials, which already says what went wrong
        return error
    if isinstance(error, aws.ClientError):
        return _of_answer(error, operation, queue, region, service)
    code = type(error).__name__
    if sentence := _local(error):
        return AccessDeniedError(sentence, code=code)
    if isinstance(error, _NETWORK):
        return not_reached(error, operation=operation, host=f"{service.upper()} in {region}")
    what = f"failed ({code})"
    if isinstance(error, ResponseParserError):
        what = "the response is not SQS's answer; is it a proxy's page?"
    return TransportError(f"{operation}: {what}", code=code)


def lookup_failure(error: Exception, source: str) -> TransportError:
    """What an exception means that botocore raises while it looks for credentials in `source`."""
    if isinstance(error, TransportError):
        return error
    code = type(error).__name__
    if isinstance(error, aws.ClientError):
        found = _of_answer(error, "", "", "", "sqs")
        kind = CredentialsRefusedError if found.fatal else CredentialsError
        return kind(f"{source}: {found}", code=found.code)
    file, sentence = getattr(error, "filename", None), _local(error)
    if isinstance(error, OSError) and file is not None:
        sentence = f"the file {str(file)!r} can't be read: {error.strerror}"
    elif isinstance(error, _NETWORK):
        found = not_reached(error, operation=source, host="its endpoint")
        unusable = isinstance(found, UnusableSettingError)
        return found if unusable else CredentialsError(str(found), code=code)
    elif type(error) is ValueError:  # a subclass may be about the content, such as of JSON
        sentence = "it can't be used as it is configured"
    if sentence:
        return CredentialsMissingError(f"{source}: {sentence}", code=code)
    status = re.search(r"non 200 response (\d{3})", str(error))
    answer = f"HTTP status {status[1]}" if status else code
    return CredentialsError(f"{source} gave no credentials ({answer})", code=code)


def _local(error: Exception) -> str:
    return next((text for kind, text in _LOCAL.items() if isinstance(error, kind)), "")


def _of_answer(
    error: aws.ClientError, operation: str, queue: str, region: str, service: str
) -> TransportError:
    codes = _codes(error.response)
    code = next(filter(None, codes), "Unknown")
    known = {
        # The query protocol's names, without what only they have.
        re.sub(r"^KMS\.(\w+?)(Exception)?$", r"Kms\1", c.removeprefix("AWS.SimpleQueueService."))
        for c in codes
    }
    # Assuming a role is a call of its own, made on the way to the one that was asked for.
    operation = str(error.operation_name or operation)
    if known & _QUEUE_MISSING:
        return QueueMissingError(
            f"there is no queue {queue!r} in {region}, as far as these credentials can see: "
            "check its URL or name, the region and the account",
            code=code,
        )
    if known & _NOT_PERMITTED:
        service = _OTHER_SERVICES.get(operation, service)
        action = f"{service}:{operation.removesuffix('Batch')}"
        if service == "sqs" and "kms:" in str(error.response["Error"].get("Message", "")):
            action = "kms:Decrypt"
        resource = {"sqs": f" on queue {queue!r}", "sts": " on the role"}.get(service, "")
        sentence = f"not permitted: allow {action}{resource} to these credentials"
        return ActionDeniedError(sentence, code=code, action=action)
    for fatal in known & _FATAL.keys():
        return AccessDeniedError(_FATAL[fatal], code=code)
    if code.isdecimal():  # botocore found no code of AWS's, and gives the status
        hint = _PAGES.get(code, "it does not come from SQS, but from something in between")
        if code == "504" and operation == "ReceiveMessage":
            hint = f"{hint}; {LOWER_THE_WAIT}"
        sentence = f"{operation}: HTTP status {code} without an error code of AWS's: {hint}"
        return TransportError(sentence, code=code)
    hint = next((f": {_HINTS[c]}" for c in known if c in _HINTS), "")
    return TransportError(f"{operation}: {service.upper()} answered {code}{hint}", code=code)


def _codes(response: Mapping[str, Any]) -> list[str]:
    """The query protocol's code and that of JSON, where they are there; else the HTTP status."""
    error = response.get("Error", {})
    status = str(response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    given = [error.get("QueryErrorCode"), error.get("Code")]
    return [_plain(code) for code in (given if any(given) else [status])]


def _plain(code: object) -> str:
    """A code as it may be logged: emulators and proxies put whole sentences there."""
    is_code = isinstance(code, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", code)
    return str(code) if is_code else ""


def entry_failure(entry: Mapping[str, Any]) -> EntryFailure:
    """What an entry of `Failed` means."""
    code = _plain(entry.get("Code")) or "Unknown"
    gone = code.removeprefix("AWS.SimpleQueueService.") in _GONE
    if code == "InvalidParameterValue":
        message = str(entry.get("Message", ""))
        gone = any(reason in message for reason in _GONE_REASONS)
    return EntryFailure(code, gone)

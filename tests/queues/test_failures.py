"""What an exception out of botocore means: fatal or transient, by its codes and nothing else."""

from __future__ import annotations

from typing import Any

from botocore import exceptions as aws
from botocore.parsers import JSONParser, QueryParser, ResponseParserError
from botocore.session import Session

from consumer.errors import AccessDeniedError, QueueMissingError, TransportError
from consumer.queues.sqs.failures import ActionDeniedError, entry_failure, failure_of
from consumer.queues.transport import EntryFailure
from tests.cases import for_each

#: What AWS says, and we must not: users, accounts, keys.
TELLTALE = "User: arn:aws:iam::123456789012:user/jane is not authorized, key AKIAEXAMPLE"


def failure(error: Exception, operation: str = "ReceiveMessage") -> TransportError:
    """What is made of it."""
    return failure_of(error, operation=operation, queue="canvas-live-events", region="eu-west-1")


def answered(
    code: str,
    *,
    query_code: str | None = None,
    operation: str = "ReceiveMessage",
    message: str = TELLTALE,
    **more: Any,
) -> TransportError:
    """What is made of an error answer. `query_code` is the name that the JSON protocol gives it."""
    fields = {"Code": code, "Message": message, **more}
    if query_code is not None:
        fields["QueryErrorCode"] = query_code
    return failure(aws.ClientError({"Error": fields}, operation), operation)


@for_each(
    "code, query_code",
    [
        ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"),
        ("AWS.SimpleQueueService.NonExistentQueue", None),
        ("QueueDoesNotExist", None),
        ("Whatever", "QueueDoesNotExist"),
        ("InvalidAddress", None),
    ],
)
def test_a_missing_queue_is_known_by_either_code(code: str, query_code: str | None) -> None:
    """AWS sends two codes, emulators one; the sentence names queue and region."""
    error = answered(code, query_code=query_code)

    assert QueueMissingError is type(error)
    assert error.fatal
    assert "'canvas-live-events' in eu-west-1" in str(error)


@for_each(
    "operation, action",
    [
        ("ReceiveMessage", "sqs:ReceiveMessage"),
        ("DeleteMessageBatch", "sqs:DeleteMessage"),
        ("ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility"),
        ("GetQueueAttributes", "sqs:GetQueueAttributes"),
        ("GetQueueUrl", "sqs:GetQueueUrl"),
        ("AssumeRole", "sts:AssumeRole"),
    ],
)
@for_each("code", ["AccessDenied", "AccessDeniedException"])
def test_what_is_denied_names_the_action_to_allow(code: str, operation: str, action: str) -> None:
    """The remedy is in the sentence."""
    error = answered(code, operation=operation)

    assert isinstance(error, ActionDeniedError)
    assert error.fatal
    assert action == error.action
    assert action in str(error)
    assert code == error.code


def test_a_denied_key_is_distinguished_from_a_denied_queue() -> None:
    """SQS has one code for both; kms:Decrypt is what is missing here."""
    error = answered("AccessDeniedException", message="not authorized to perform: kms:Decrypt on")

    assert "kms:Decrypt" in str(error)


@for_each(
    "code",
    [
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "AuthFailure",
        "InvalidSecurity",
        "OptInRequired",
        "KmsAccessDenied",
        "KMS.AccessDeniedException",
        "KMS.DisabledException",
        "KmsNotFound",
        "KmsInvalidKeyUsage",
        "KMS.OptInRequired",
    ],
)
def test_bad_credentials_and_keys_are_fatal(code: str) -> None:
    """Waiting does not help; the exit code is that of permissions."""
    error = answered(code)

    assert AccessDeniedError is type(error)
    assert (77, code) == (error.exit_code, error.code)


@for_each(
    "error",
    [
        aws.NoCredentialsError(),
        aws.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
        aws.ProfileNotFound(profile="absent"),
        aws.UnauthorizedSSOTokenError(),
    ],
)
def test_missing_credentials_are_fatal(error: Exception) -> None:
    """What botocore finds out by itself, before it asks AWS."""
    made = failure(error)

    assert isinstance(made, AccessDeniedError)
    assert type(error).__name__ == made.code


@for_each(
    "code",
    [
        "ExpiredToken",
        "ExpiredTokenException",
        "SignatureDoesNotMatch",
        "RequestExpired",
        "RequestThrottled",
        "ThrottlingException",
        "OverLimit",
        "KmsThrottled",
        "KmsInvalidState",
        "InternalError",
        "ServiceUnavailable",
        "500",
        "503",
        "NobodyHasSeenThisCodeYet",
    ],
)
def test_everything_else_is_transient(code: str) -> None:
    """Throttles, tokens that are about to be refreshed, faults of SQS, and the unknown."""
    error = answered(code, Type="Sender")  # SQS says "Sender" of throttles, too

    assert TransportError is type(error)
    assert not error.fatal
    assert code == error.code


@for_each(
    "error",
    [
        aws.EndpointConnectionError(endpoint_url="https://sqs.example/"),
        aws.ConnectTimeoutError(endpoint_url="https://sqs.example/"),
        aws.ReadTimeoutError(endpoint_url="https://sqs.example/"),
        aws.ConnectionClosedError(endpoint_url="https://sqs.example/"),
        aws.SSLError(endpoint_url="https://sqs.example/", error="certificate"),
        aws.CredentialRetrievalError(provider="iam-role", error_msg="timed out"),
        aws.MetadataRetrievalError(error_msg="timed out"),
        ResponseParserError("html"),
        ConnectionResetError(),
        KeyError("surprise"),
    ],
)
def test_the_network_and_the_unknown_are_transient(error: Exception) -> None:
    """Also exceptions of botocore's that are not expected; the name is the code."""
    made = failure(error)

    assert TransportError is type(made)
    assert type(error).__name__ == made.code


@for_each("code", ["AccessDenied", "InvalidClientTokenId", "ExpiredToken", "x"])
def test_awss_own_words_are_not_passed_on(code: str) -> None:
    """They name users, accounts and keys."""
    error = answered(code)

    for secret in ("jane", "123456789012", "AKIA", "arn:"):
        assert secret not in str(error)
        assert secret not in repr(error)


@for_each(
    "codes, hint",
    [
        (("SignatureDoesNotMatch", "InvalidSignatureException"), "this machine's clock, and the"),
        (("RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"), "this machine's clock"),
        (("ExpiredToken", "ExpiredTokenException"), "the session token has expired"),
        (("IncompleteSignature", "IncompleteSignatureException"), "stray characters"),
        (("InvalidClientTokenId", "UnrecognizedClientException"), "does not know the access key"),
        (("MissingAuthenticationToken", "MissingAuthenticationTokenException"), "no usable"),
        (("AccessDenied", "AccessDeniedException", "NotAuthorized"), "allow sqs:ReceiveMessage"),
        (("OptInRequired", "SubscriptionRequiredException"), "not signed up for SQS"),
        (("KMS.AccessDeniedException", "KmsAccessDenied"), "allow kms:Decrypt"),
    ],
)
def test_a_code_and_its_newer_name_have_one_hint(codes: tuple[str, ...], hint: str) -> None:
    """AWS's newer protocols have other names for the same errors; either may come."""
    errors = [answered(code) for code in codes]
    errors += [answered("Whatever", query_code=code) for code in codes]

    assert all(hint in str(error) for error in errors), [str(error) for error in errors]
    assert 1 == len({type(error) for error in errors})


@for_each(
    "status, operation, hint",
    [
        ("403", "ReceiveMessage", "a proxy or firewall in between refuses the request"),
        ("407", "ReceiveMessage", "a proxy in between wants a user name and password"),
        ("502", "ReceiveMessage", "a proxy or load balancer in between got no answer from SQS"),
        ("504", "ReceiveMessage", "if long polls keep failing like this, lower queue.wait_time"),
        ("504", "DeleteMessageBatch", "a proxy or load balancer in between got no answer"),
        ("418", "ReceiveMessage", "HTTP status 418 without an error code of AWS's"),
    ],
)
def test_a_page_of_something_in_between_is_not_an_answer_of_sqss(
    status: str, operation: str, hint: str
) -> None:
    """Whatever it says, it is not that AWS denies it; by botocore's own reading of such pages."""
    page = f"<html><body>{TELLTALE}: AccessDenied</body></html>".encode()
    response = {"status_code": int(status), "headers": {"content-type": "text/html"}, "body": page}
    model = Session().get_service_model("sqs").operation_model(operation)
    for parser in (JSONParser(), QueryParser()):
        parsed = parser.parse(response, model.output_shape)
        error = failure(aws.ClientError(parsed, operation), operation)

        assert (TransportError, status) == (type(error), error.code)
        assert hint in str(error)
        assert ("lower queue.wait_time_seconds" in str(error)) == (
            (status, operation) == ("504", "ReceiveMessage")
        )
        assert "jane" not in str(error)


@for_each("code", ["Jane's queue is\nfull", "", None, "x" * 200])
def test_a_code_that_is_none_is_not_passed_on(code: Any) -> None:
    """Emulators and proxies put sentences there, or nothing."""
    error = answered(code)

    assert "Unknown" == error.code
    assert "Jane" not in str(error)


@for_each(
    "entry, failure",
    [
        ({"Code": "ReceiptHandleIsInvalid"}, EntryFailure("ReceiptHandleIsInvalid", gone=True)),
        ({"Code": "MessageNotInflight"}, EntryFailure("MessageNotInflight", gone=True)),
        (
            {"Code": "AWS.SimpleQueueService.MessageNotInflight"},
            EntryFailure("AWS.SimpleQueueService.MessageNotInflight", gone=True),
        ),
        (
            {
                "Code": "InvalidParameterValue",
                "Message": "Value AQEB for parameter ReceiptHandle is invalid. "
                "Reason: The receipt handle has expired.",
            },
            EntryFailure("InvalidParameterValue", gone=True),
        ),
        (
            {
                "Code": "InvalidParameterValue",
                "Message": "Value AQEB for parameter ReceiptHandle is invalid. Reason: Message "
                "does not exist or is not available for visibility timeout change.",
            },
            EntryFailure("InvalidParameterValue", gone=True),
        ),
        (
            {
                "Code": "InvalidParameterValue",
                "Message": "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total "
                "VisibilityTimeout for the message is beyond the limit [43200 seconds].",
            },
            EntryFailure("InvalidParameterValue", gone=False),
        ),
        ({"Code": "RequestThrottled", "SenderFault": True}, EntryFailure("RequestThrottled")),
        ({"Code": "InternalError", "SenderFault": False}, EntryFailure("InternalError")),
        ({}, EntryFailure("Unknown")),
    ],
)
def test_an_entry_is_gone_only_if_its_handle_is(
    entry: dict[str, Any], failure: EntryFailure
) -> None:
    """Everything else may be tried again; whose fault SQS says it is does not matter."""
    assert failure == entry_failure(entry)

"""Why a call of AWS failed, by kind. The only place of the handlers that knows botocore's errors.

It depends on the error's code alone: AWS's texts name users and accounts, and quote what was sent.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from botocore import exceptions as aws

from consumer.errors import ConsumerError, Unavailable

_IAM: Final = "`consume queue iam --config FILE` prints the policy"


def _by_code(table: Mapping[str, str]) -> dict[str, str]:
    return {code: sentence for codes, sentence in table.items() for code in codes.split()}


_DENIED: Final = frozenset({
    "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "Forbidden", "NotAuthorized",
    "NotAuthorizedForSourceException", "NotAuthorizedForDetailTypeException", "403",
})  # fmt: skip
_MISSING: Final = frozenset({
    "NoSuchBucket", "QueueDoesNotExist", "NonExistentQueue", "ResourceNotFoundException", "404",
})  # fmt: skip
#: So many requests; they succeed later.
THROTTLED: Final = frozenset({
    "SlowDown", "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
    "RequestThrottledException", "RequestLimitExceeded", "TooManyRequestsException", "KmsThrottled",
    "KmsThrottling",
})  # fmt: skip
#: It is what was sent; of several entries one is at fault, so all others can succeed.
_CONTENT: Final = frozenset({
    "BatchRequestTooLong", "InvalidArgument", "InvalidAttributeValue", "InvalidMessageContents",
    "InvalidParameterValue", "InvalidParameterCombination", "MalformedDetail", "MissingParameter",
    "PreconditionFailed", "RequestEntityTooLarge", "SerializationException", "ValidationError",
    "ValidationException", "413",
})  # fmt: skip
_HINTS: Final = _by_code(
    {
        "InvalidAccessKeyId InvalidClientTokenId UnrecognizedClientException": "AWS does not know "
        "the access key",
        "SignatureDoesNotMatch InvalidSignatureException RequestTimeTooSkewed RequestExpired": (
            "check the secret access key, this machine's clock, and the region"
        ),
        "ExpiredToken ExpiredTokenException": "the session token has expired: get new credentials",
        "PermanentRedirect AuthorizationHeaderMalformed IllegalLocationConstraintException 301": (
            "it is in another region: set the handler's option region"
        ),
        "KmsDisabled KmsInvalidState KmsNotFound KmsInvalidKeyUsage": "its KMS key can't be used",
    }
)
_NETWORK: Final[Mapping[type[Exception], str]] = {
    aws.ReadTimeoutError: "did not answer in time",
    aws.ConnectTimeoutError: "was not reached in time",
    aws.ProxyConnectionError: "was not reached through the proxy",
    aws.SSLError: "was not reached: no TLS connection was established",
    aws.ConnectionClosedError: "closed the connection before it answered",
    aws.EndpointConnectionError: "was not reached",
}


class RefusedError(Exception):
    """AWS refuses a request for what is in it: in one of its entries, if it has several."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class DeniedError(Unavailable):
    """The credentials are good, but not allowed to do this."""


def failure_of(error: Exception, *, action: str, target: str) -> Exception:
    """`RefusedError`, or `Unavailable` for everything that is no event's fault.

    Args:
        action: the IAM action of the call, such as "s3:PutObject".
        target: what was called for, such as "bucket 'events'".
    """
    if isinstance(error, ConsumerError):  # there are no credentials, which it says
        return Unavailable(f"{target}: {error}")
    if isinstance(error, aws.ParamValidationError):  # its text quotes what was to be sent
        return RefusedError("ParamValidationError")
    if isinstance(error, aws.ClientError):
        code = code_of(error.response)
        return RefusedError(code) if code in _CONTENT else unavailable(code, action, target)
    network = next((text for kind, text in _NETWORK.items() if isinstance(error, kind)), None)
    if network or isinstance(error, aws.HTTPClientError | OSError):
        return Unavailable(f"{target}: {_host_of(error)} {network or 'was not reached'}")
    return Unavailable(f"{target}: {action} failed ({type(error).__name__})")


def unavailable(code: str, action: str, target: str) -> Unavailable:
    """What to raise for a code of AWS's that is no event's fault."""
    if code in _DENIED:
        return DeniedError(f"{target}: not permitted ({code}): allow {action} on it; {_IAM}")
    if code.startswith("KmsAccessDenied"):
        return Unavailable(
            f"{target}: not permitted ({code}): allow kms:GenerateDataKey on its key"
        )
    if code in _MISSING:
        return Unavailable(
            f"{target}: AWS has none ({code}): check its name, the region and the account"
        )
    if code in THROTTLED:
        return Unavailable(f"{target}: AWS asks for fewer requests ({code})")
    hint = f": {_HINTS[code]}" if code in _HINTS else ""
    return Unavailable(f"{target}: AWS answered {code} to {action}{hint}")


def entry_failure(code: object, *, action: str, target: str) -> Exception | None:
    """What the code of one failed entry means; None: it may succeed if it is sent again.

    SQS calls throttling the sender's fault, too; so only the code counts.
    """
    plain = _plain(code)
    if plain in _CONTENT:
        return RefusedError(plain)
    if plain in _DENIED or plain in THROTTLED or plain.startswith(("Kms", "Invalid")):
        return unavailable(plain, action, target)
    return None


def code_of(response: Mapping[str, Any]) -> str:
    """AWS's code, without what only the older protocols write; else the HTTP status."""
    found = _plain(response.get("Error", {}).get("Code"))
    return found or str(response.get("ResponseMetadata", {}).get("HTTPStatusCode", "no code"))


def _plain(code: object) -> str:
    """A code as it may be logged: emulators and proxies put whole sentences there."""
    if not isinstance(code, str) or not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", code):
        return ""
    # The query protocol's names, without what only they have.
    code = code.removeprefix("AWS.SimpleQueueService.")
    return re.sub(r"^KMS\.(?:KMS)?(\w+?)(Exception)?$", r"Kms\1", code)


def _host_of(error: Exception) -> str:
    url = str((getattr(error, "kwargs", None) or {}).get("endpoint_url") or "")
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or "its endpoint"
    except ValueError:
        return "its endpoint"

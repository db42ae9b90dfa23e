"""What goes wrong while AWS credentials are looked for, as an error that names the source."""

from __future__ import annotations

import re

from botocore import exceptions as aws

from consumer.errors import EXIT_PERMISSION, AccessDeniedError, TransportError
from consumer.queues.sqs.failures import LOCAL_CREDENTIALS, NETWORK, failure_of
from consumer.queues.sqs.reach import UnusableSettingError, not_reached

#: Why no credentials can be had from a source, where somebody must act.
_UNUSABLE: dict[type[Exception], str] = {
    **LOCAL_CREDENTIALS,
    **dict.fromkeys(
        (
            aws.InvalidConfigError,
            aws.InfiniteLoopConfigError,
            aws.UnknownCredentialError,
            aws.InvalidIMDSEndpointError,
        ),
        "the AWS configuration of this machine does not fit together",
    ),
    aws.NoRegionError: "no AWS region is known to ask in: set aws.region",
}


class CredentialsError(TransportError):
    """There are no credentials to sign with. Later there may be: at the start it is waited for."""


class CredentialsMissingError(CredentialsError, AccessDeniedError):
    """The same; if it lasts, somebody must act."""

    exit_code = EXIT_PERMISSION
    fatal = False


class CredentialsRefusedError(CredentialsMissingError):
    """AWS does not give the role. It may have been made only now, so the start waits for it."""

    fatal = True


def lookup_failure(error: Exception, source: str) -> TransportError:
    """What an exception means that botocore raises while it looks for credentials.

    Args:
        source: where it looks, in words.
    """
    code = type(error).__name__
    if isinstance(error, TransportError):
        return error
    if isinstance(error, aws.ClientError):
        found = failure_of(error, operation="", queue="", region="")
        kind = CredentialsRefusedError if found.fatal else CredentialsError
        return kind(f"{source}: {found}", code=found.code)
    file = getattr(error, "filename", None)
    if isinstance(error, OSError) and file is not None:
        text = f"{source}: the file {str(file)!r} can't be read: {error.strerror}"
        return CredentialsMissingError(text, code=code)
    if isinstance(error, NETWORK):
        found = not_reached(error, operation=source, host="its endpoint")
        unusable = isinstance(found, UnusableSettingError)
        return found if unusable else CredentialsError(str(found), code=found.code)
    sentence = next((s for kind, s in _UNUSABLE.items() if isinstance(error, kind)), "")
    if type(error) is ValueError:  # of a subclass it may be what came
        sentence = "it can't be used as it is configured"
    if sentence:
        return CredentialsMissingError(f"{source}: {sentence}", code=code)
    status = re.search(r"non 200 response (\d{3})", str(error))
    answer = f"HTTP status {status[1]}" if status else code
    return CredentialsError(f"{source} gave no credentials ({answer})", code=code)

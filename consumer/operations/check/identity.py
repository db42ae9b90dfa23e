"""Credentials: where they come from, whose they are, and for how long they are good."""

from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from consumer.clock import Clock
from consumer.errors import AccessDeniedError, TransportError
from consumer.operations.check.results import GREEN, RED, YELLOW, Result
from consumer.operations.check.site import Identity
from consumer.queues.sqs import CredentialsError
from consumer.queues.sqs.admin import AwsCalls

#: Botocore's names for sources, in words.
_SOURCES: Final = {
    "explicit": "the configuration",
    "env": "the environment",
    "shared-credentials-file": "the AWS credentials file",
    "config-file": "the AWS configuration file",
    "iam-role": "the role of this machine",
    "assume-role": "an assumed role",
    "container-role": "the role of this container",
}
_SOON: Final = timedelta(hours=1)
_LASTING: Final = (
    "use credentials that last or are renewed: a role of this machine, a profile, or an access key "
    "(aws.access_key_id, aws.secret_access_key)"
)
_ROLE: Final = (
    "allow sts:AssumeRole on {arn} to the credentials that assume it, and name them in the trust "
    "policy of the role"
)
_OTHER: Final = (
    "make a user or role for the daemon that may only use this queue: see README, Your own queue"
)
#: AWS accepts signatures up to five minutes old.
_LATE_SECONDS: Final = 60
_TOO_LATE_SECONDS: Final = 300


def credentials(calls: AwsCalls, clock: Clock, role_arn: str | None) -> Iterator[Result]:
    """Their source, and whether they expire. A role is assumed now."""
    try:
        found = calls.credentials_found()
    except TransportError as error:
        remedy = _ROLE.format(arn=role_arn) if role_arn else _LASTING
        yield Result("credentials", RED, str(error), remedy)
        return
    what = f"from {_SOURCES.get(found.source, found.source)}"
    if found.expires_at is not None:
        left = found.expires_at - clock.now()
        until = f"{found.expires_at:%Y-%m-%d %H:%M} UTC"
        finding = f"{what}, temporary: they end at {until}, and nothing renews them"
        yield Result("credentials", RED if left < _SOON else YELLOW, finding, _LASTING)
    elif found.is_temporary and not found.is_renewed:
        finding = f"{what}, temporary: they end at a time that is not known; nothing renews them"
        yield Result("credentials", YELLOW, finding, _LASTING)
    else:
        renewed = ", temporary, renewed in time" if found.is_renewed else ""
        yield Result("credentials", GREEN, f"{what}{renewed}")


def identity_of(calls: AwsCalls) -> Identity | TransportError:
    """Whose credentials they are, or why STS does not tell."""
    try:
        answer = calls.ask("GetCallerIdentity", service="sts")
    except TransportError as error:
        return error
    if "Account" not in answer or "Arn" not in answer:  # something in between answered
        return TransportError("GetCallerIdentity: the response is not STS's answer")
    return Identity(str(answer["Account"]), str(answer["Arn"]))


def identity(found: Identity | TransportError) -> Iterator[Result]:
    """The account, and the kind of principal. The daemon does without an answer of STS."""
    if isinstance(found, TransportError):
        if isinstance(found, AccessDeniedError | CredentialsError):
            yield Result("identity", RED, str(found), _LASTING)
        else:
            yield Result("identity", YELLOW, f"not known: {found}", "aws sts get-caller-identity")
    elif found.kind == "the root user":
        finding = f"{found.kind} of account {found.account}, who may do everything"
        yield Result("identity", YELLOW, finding, _OTHER)
    else:
        yield Result("identity", GREEN, f"{found.kind} of account {found.account}")


def clock_skew(calls: AwsCalls, clock: Clock) -> Iterator[Result]:
    """This machine's clock against SQS's last answer, of just now; a refusal has the time, too."""
    here = clock.now()
    if not calls.answered_at:
        yield Result("clock", YELLOW, "not known: the answers have no time", "timedatectl")
        return
    off = (here - parsedate_to_datetime(calls.answered_at)).total_seconds()
    finding = f"{abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} AWS's"
    if abs(off) < _LATE_SECONDS:
        yield Result("clock", GREEN, "right" if abs(off) < 2 else finding)
        return
    level = RED if abs(off) >= _TOO_LATE_SECONDS else YELLOW
    yield Result("clock", level, finding, "sudo timedatectl set-ntp true")

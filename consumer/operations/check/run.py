"""All checks, in the order in which a reader wants to know."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from consumer.clock import Clock
from consumer.config import Settings
from consumer.errors import (
    AccessDeniedError,
    ConfigurationError,
    ConsumerError,
    QueueMissingError,
    TransportError,
)
from consumer.operations.check import (
    backlog,
    dead_letters,
    encryption,
    identity,
    permissions,
    queue,
    waiting,
)
from consumer.operations.check.results import GREEN, RED, Result, guarded
from consumer.operations.check.site import Identity, Site
from consumer.queues.arns import arn_of_url, queue_arn
from consumer.queues.sqs import CredentialsError
from consumer.queues.sqs.admin import AwsCalls
from consumer.queues.sqs.failures import ActionDeniedError

_CREDENTIALS: Final = (
    "set aws.access_key_id_file and aws.secret_access_key_file, or aws.profile, or give this "
    "machine a role; credentials of a systemd unit can be read by root while it runs"
)
#: What can be wrong with AWS's own files, and with a region that none of them has.
_UNUSABLE: Final = (
    ("AWS configuration", "correct the file (~/.aws/config, or that of AWS_CONFIG_FILE)"),
    ("region", "set aws.region to the queue's region"),
)
_REFUSED: Final = "correct what the row names; if it names nothing, try again in a few minutes"
_NETWORK: Final = (
    "check that this machine reaches SQS: its network, firewall and proxy (HTTPS_PROXY, NO_PROXY)"
)

Check = Callable[[Site], Iterable[Result]]
#: They need the queue's attributes.
_OF_ATTRIBUTES: Final[tuple[tuple[str, Check], ...]] = (
    ("who may send", queue.sender),
    ("encryption", encryption.encryption),
    ("retention", queue.retention),
    ("visibility timeout", queue.visibility),
    ("redrive policy", dead_letters.redrive),
    ("dead-letter queue", dead_letters.dead_letters),
    ("backlog", backlog.backlog),
    ("oldest message", backlog.oldest_message),
    ("other settings", queue.drift),
)
_OF_PERMISSIONS: Final[tuple[tuple[str, Check], ...]] = (
    ("sqs:ReceiveMessage", permissions.receiving),
    ("sqs:DeleteMessage", permissions.settling),
    ("sqs:SendMessage", permissions.sending),
    ("quarantine queue", permissions.quarantine),
)


def check_aws(
    settings: Settings,
    *,
    clock: Clock,
    config_file: Path | None,
    wait_seconds: float,
    only_sends: bool = False,
) -> Iterator[Result]:
    """What can be found out from AWS: credentials, queue, permissions. Raises nothing.

    Args:
        only_sends: see `Site`.
    """
    about = (settings, clock, config_file, wait_seconds, only_sends)
    yield from guarded("queue", _of_aws, *about)


def _of_aws(
    settings: Settings,
    clock: Clock,
    config_file: Path | None,
    wait_seconds: float,
    only_sends: bool,
) -> Iterator[Result]:
    try:
        calls = AwsCalls(settings.queue, settings.aws)
    except ConfigurationError as error:
        name, remedy = _UNUSABLE["region" in str(error)]
        yield Result(name, RED, str(error), remedy)
        return
    except ConsumerError as error:
        yield Result("credentials", RED, str(error), _CREDENTIALS)
        return
    with closing(calls):
        yield from guarded("credentials", identity.credentials, calls, clock, settings.aws.role_arn)
        caller = identity.identity_of(calls)
        yield from guarded("identity", identity.identity, caller)
        yield Result("region", GREEN, calls.region)
        known = caller if isinstance(caller, Identity) else None
        site = Site(settings, calls, clock, config_file, known, only_sends=only_sends)
        yield from _of_queue(site, wait_seconds)


def _of_queue(site: Site, wait_seconds: float) -> Iterator[Result]:
    site, error = _asked(site)
    yield from guarded("clock", identity.clock_skew, site.calls, site.clock)
    denied = error if isinstance(error, ActionDeniedError) else None
    if error and not (denied and site.url):
        yield _unusable(site, error)
        return
    yield from queue.name(site)
    if site.settings.queue.url is None:
        yield Result("sqs:GetQueueUrl", GREEN, "permitted")
    if denied:
        yield from permissions.attributes_denied(site, denied)
    for name, check in (*_OF_PERMISSIONS, *(() if denied else _OF_ATTRIBUTES)):
        yield from guarded(name, check, site)
    if wait_seconds:
        yield from guarded("event", waiting.wait_for_event, site, wait_seconds)


def _asked(site: Site) -> tuple[Site, TransportError | None]:
    """With the queue's URL and attributes, as far as SQS gives them."""
    url, calls = "", site.calls
    calls.answered_at = ""
    try:
        url = calls.queue_url()
        return replace(site, url=url, attributes=calls.attributes(url)), None
    except TransportError as error:
        return replace(site, url=url, attributes={"QueueArn": _arn(site, url)}), error


def _unusable(site: Site, error: TransportError) -> Result:
    if isinstance(error, ActionDeniedError):
        return Result(error.action, RED, str(error), site.allow())
    remedy = _NETWORK
    if isinstance(error, QueueMissingError):
        remedy = site.repair()
    elif isinstance(error, AccessDeniedError | CredentialsError):
        remedy = _CREDENTIALS
    elif site.calls.answered_at and not error.code.isdecimal():  # which is a proxy's
        remedy = _REFUSED
    return Result("queue", RED, str(error), remedy)


def _arn(site: Site, url: str) -> str:
    """The queue's ARN, as far as it is known without its attributes."""
    region, account = site.calls.region, site.identity.account if site.identity else "*"
    guessed = queue_arn(region, account, site.calls.name)
    return (arn_of_url(url, region=region) if url else None) or guessed

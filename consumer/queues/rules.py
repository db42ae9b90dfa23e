"""Rules for a queue's URL, name and region: what may be consumed from. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote

from consumer.config import AwsSettings, QueueSettings
from consumer.config.urls import is_aws, is_loopback, queue_name_of_url, region_of_url, split_url
from consumer.errors import ConfigurationError
from consumer.sqs_limits import MAX_QUEUE_NAME_LENGTH

#: Instructure delivers only to queues with this prefix.
NAME_PREFIX = "canvas-live-events"

_EXAMPLE = "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-prod"
_NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_QUEUE_NAME_LENGTH}}}")
_ACCOUNT = re.compile(r"\d{12}")
#: Hosts that botocore finds by the region, and old ones that it should not use any more.
_USUAL_HOST = re.compile(
    r"(sqs\.[a-z0-9-]+|([a-z0-9-]+\.)?queue|sqs)\.amazonaws\.com(\.cn)?(:443)?"
)
#: Emulators accept any region, but a signature needs one.
_EMULATOR_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class QueueAddress:
    """Where the queue is. Without a `url`, SQS is asked for it by `name`."""

    name: str
    url: str | None
    #: None: the one of this machine's AWS configuration.
    region: str | None
    #: None: the region's usual endpoint.
    endpoint_url: str | None


def address_of(queue: QueueSettings, aws: AwsSettings) -> QueueAddress:
    """Apply every rule that `consumer.config` has not checked when it loaded the settings.

    Raises: `ConfigurationError`, with a sentence for each rule.
    """
    endpoint = _checked_endpoint(aws.endpoint_url)
    if queue.url is None:
        if queue.name is None:
            raise ConfigurationError("no queue is named: set queue.url or queue.name")
        _check_name(queue.name, "queue.name", any_prefix=queue.allow_any_queue_name)
        return QueueAddress(queue.name, None, aws.region, endpoint)
    parts, name = _checked_url(queue.url), queue_name_of_url(queue.url) or ""
    _check_name(name, "queue.url", any_prefix=queue.allow_any_queue_name)
    region = region_of_url(queue.url)
    if endpoint is None:
        check_encrypted(queue.url, "queue.url")
        if not _USUAL_HOST.fullmatch(parts.netloc):
            # A VPC endpoint, a FIPS or dual-stack host, an emulator: the URL says where it is.
            endpoint = f"{parts.scheme}://{parts.netloc}"
    return QueueAddress(name, parts.geturl(), aws.region or region, endpoint)


def signing_region(address: QueueAddress, found: str | None) -> str:
    """The region to sign requests for; any is good for an emulator on this machine.

    Args:
        found: the region of this machine's AWS configuration, if there is one.

    Raises: `ConfigurationError` if it is not known.
    """
    region, endpoint = address.region or found, address.endpoint_url
    if region:
        return region
    if endpoint and is_loopback(endpoint):
        return _EMULATOR_REGION
    where = f" ({endpoint} does not name it)" if endpoint else ""
    raise ConfigurationError(f"the region is not known{where}: set aws.region, or AWS_REGION")


def check_encrypted(url: str, key: str) -> None:
    """Raises: `ConfigurationError` if requests to `url` would reach AWS without TLS."""
    if url.lower().startswith("http://") and is_aws(url):
        raise ConfigurationError(
            f"{key} begins with http://, so students' data would be sent to AWS unencrypted: "
            "write https://"
        )


def quarantine_queue(url: str, aws: AwsSettings) -> tuple[QueueSettings, AwsSettings]:
    """Settings for the quarantine's queue: it may have any name, and its URL gives the region.

    Raises: `ConfigurationError`, as `address_of` does.
    """
    settings = QueueSettings(url=url, allow_any_queue_name=True)
    aws = aws.model_copy(update={"region": region_of_url(url) or aws.region})
    try:
        address_of(settings, aws)
    except ConfigurationError as error:
        text = str(error).replace("queue.url", "quarantine.queue_url")
        raise ConfigurationError(text) from None
    return settings, aws


def _checked_url(url: str) -> SplitResult:
    parts = split_url(url)
    problem = _problem_of_url(url, parts)
    if problem or parts is None:
        raise ConfigurationError(f"queue.url {problem}; it should look like {_EXAMPLE}")
    return parts


def _problem_of_url(url: str, parts: SplitResult | None) -> str:
    if parts is None or parts.username is not None:
        return "is not a plain http(s) URL"
    if "console.aws.amazon.com" in (parts.hostname or ""):
        return "is a page of the AWS console, which shows the queue's URL"
    if parts.query or parts.fragment:
        return "goes on after the queue's name, with '?' or '#'"
    shown = unquote(f"{parts.scheme}://{parts.netloc}{parts.path}")
    segments = [segment for segment in parts.path.split("/") if segment]
    is_sqs = is_aws(url) and region_of_url(url) is not None
    if len(segments) < (2 if is_sqs else 1):
        return f"{shown!r} lacks the account or the queue's name"
    if is_sqs and not (len(segments) == 2 and _ACCOUNT.fullmatch(segments[0])):
        return f"{shown!r} must have a path of /<12 digits>/<queue name>"
    return ""


def _check_name(name: str, key: str, *, any_prefix: bool) -> None:
    if name.endswith(".fifo"):
        raise ConfigurationError(
            f"{key}: {name!r} is a FIFO queue, which Canvas does not deliver to; "
            "use a standard queue"
        )
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{key}: {name!r} is not a queue name, which has up to {MAX_QUEUE_NAME_LENGTH} "
            "letters, digits, '-' and '_'"
        )
    if not any_prefix and not name.startswith(NAME_PREFIX):
        raise ConfigurationError(
            f"{key}: {name!r} does not begin with {NAME_PREFIX!r}, and Canvas delivers only to "
            "such queues; for a dead-letter queue or a test set queue.allow_any_queue_name: true"
        )


def _checked_endpoint(url: str | None) -> str | None:
    if url is None:
        return None
    parts = split_url(url)
    if parts is None or parts.username is not None:
        raise ConfigurationError(
            "aws.endpoint_url is not a plain http(s) URL; it should look like http://127.0.0.1:4566"
        )
    check_encrypted(url, "aws.endpoint_url")
    return parts.geturl()

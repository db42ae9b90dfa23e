"""Which queues are accepted, where they are, and that each refusal says what would be right."""

from __future__ import annotations

import pytest

from consumer.config import AwsSettings, QuarantineSettings, QueueSettings
from consumer.errors import EXIT_CONFIGURATION, ConfigurationError
from consumer.queues.rules import (
    QueueAddress,
    address_of,
    quarantine_queue,
    signing_region,
)
from consumer.queues.sqs import connect
from tests.cases import for_each

NAME = "canvas-live-events-prod"
PATH = f"/123456789012/{NAME}"
AWS = "https://sqs.us-east-1.amazonaws.com"


def address(url: str | None = None, **settings: object) -> QueueAddress:
    """The address of a queue; settings that begin with aws_ are for that section."""
    aws = {k.removeprefix("aws_"): v for k, v in settings.items() if k.startswith("aws_")}
    queue = {k: v for k, v in settings.items() if not k.startswith("aws_")}
    return address_of(
        QueueSettings.model_validate({"url": url, **queue}), AwsSettings.model_validate(aws)
    )


@for_each(
    "origin, region, endpoint",
    [
        ("https://sqs.eu-west-1.amazonaws.com", "eu-west-1", None),
        ("https://sqs.cn-north-1.amazonaws.com.cn", "cn-north-1", None),
        ("https://eu-west-1.queue.amazonaws.com", "eu-west-1", None),
        ("https://queue.amazonaws.com", "us-east-1", None),
        ("https://sqs-fips.us-east-1.amazonaws.com", "us-east-1", "same"),
        ("https://sqs.us-east-1.api.aws", "us-east-1", "same"),
        ("https://vpce-0a1b-c2d3.sqs.eu-west-1.vpce.amazonaws.com", "eu-west-1", "same"),
        ("http://127.0.0.1:5000", None, "same"),
        ("https://sqs.eu-west-1.amazonaws.com:443", "eu-west-1", None),
        ("https://sqs.eu-west-1.amazonaws.com:8443", "eu-west-1", "same"),
        ("https://sqs.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", "same"),
    ],
)
def test_the_url_says_where_the_queue_is(
    origin: str, region: str | None, endpoint: str | None
) -> None:
    """Region and, of a host that the region does not lead to, the endpoint."""
    found = address(origin + PATH)

    assert NAME == found.name
    assert origin + PATH == found.url
    assert region == found.region
    assert (origin if endpoint else None) == found.endpoint_url


@for_each(
    "origin, path, region",
    [
        ("http://sqs.us-east-1.localhost:19404", "/000000000000/", "us-east-1"),
        ("http://sqs.us-east-1.localhost.localstack.cloud:4566", "/000000000000/", "us-east-1"),
        ("http://us-east-1.queue.localhost.localstack.cloud:4566", "/000000000000/", "us-east-1"),
        ("http://localhost:4566", "/queue/us-east-1/000000000000/", None),
        ("http://localhost:9324", "/000000000000/", None),
        ("http://127.0.0.1:9324", "/queue/", None),
        ("http://[::1]:4566", "/000000000000/", None),
    ],
)
def test_the_url_of_an_emulator_leads_to_its_own_host(
    origin: str, path: str, region: str | None
) -> None:
    """In each form that emulators print: to this host and port; the region if the host names it."""
    url = f"{origin}{path}{NAME}"

    assert QueueAddress(NAME, url, region, origin) == address(url)
    assert "us-east-1" == signing_region(address(url), None)


def test_the_region_to_sign_for_is_known_or_an_error() -> None:
    """The address's, else that of the machine's configuration; any only for this machine itself."""
    local, other = (address(f"http://{h}:4566{PATH}") for h in ("localhost", "elasticmq"))
    cases = [
        (address(AWS + PATH), "eu-west-1", "us-east-1"),
        (address(name=NAME), "eu-west-1", "eu-west-1"),
        (local, "eu-west-1", "eu-west-1"),
        (local, None, "us-east-1"),
        (other, "eu-west-1", "eu-west-1"),
    ]

    assert [(a, f, signing_region(a, f)) for a, f, _ in cases] == cases
    for unknown, host in ((other, "http://elasticmq:4566"), (address(name=NAME), "")):
        with pytest.raises(ConfigurationError, match=f"{host}.*set aws.region"):
            signing_region(unknown, None)


def test_nothing_is_signed_for_an_unknown_region() -> None:
    """Neither the daemon, nor the quarantine, nor `consume sample`: the host is not guessed at."""
    url, aws = f"http://elasticmq:9324{PATH}", AwsSettings()

    with pytest.raises(ConfigurationError, match=r"elasticmq.*set aws\.region"):
        connect(QueueSettings(url=url), aws)
    with pytest.raises(ConfigurationError, match=r"elasticmq.*set aws\.region"):
        connect(*quarantine_queue(url, aws))


@for_each(
    "host",
    [
        "sqs.us-east-1.amazonaws.com",
        "SQS.us-east-1.amazonaws.com.",
        "sqs.us-east-1.amazonaws.com:8080",
        "queue.amazonaws.com",
        "sqs-fips.us-gov-west-1.amazonaws.com",
        "vpce-0a1b-c2d3.sqs.cn-north-1.vpce.amazonaws.com.cn",
        "sqs.us-east-1.api.aws",
        "sqs.eusc-de-east-1.amazonaws.eu",
        "sqs.us-iso-east-1.c2s.ic.gov",
    ],
)
def test_nothing_is_sent_to_aws_unencrypted(host: str) -> None:
    """The URL of the queue, of the quarantine, or of an endpoint."""
    with pytest.raises(ConfigurationError, match=r"queue\.url begins with http://.*https://"):
        address(f"http://{host}{PATH}")
    with pytest.raises(ConfigurationError, match=r"quarantine\.queue_url begins with http://"):
        quarantine_queue(f"http://{host}{PATH}", AwsSettings())
    with pytest.raises(ConfigurationError, match=r"aws\.endpoint_url begins with http://"):
        address(name=NAME, aws_endpoint_url=f"http://{host}")
    address(f"http://{host}{PATH}", aws_endpoint_url="http://localhost:4566")  # not sent there


@for_each("around", ["{} ", "{}\n", "\t{}\r\n", "<{}>", '"{}"', "'{}'", "<{}>\n"])
def test_what_was_copied_with_a_url_is_left_out(around: str) -> None:
    """Blanks, line breaks, quotes and angle brackets are no part of any URL."""
    url, endpoint = AWS + PATH, "http://localhost:4566"
    found = address(around.format(url), aws_endpoint_url=around.format(endpoint))

    assert QueueAddress(NAME, url, "us-east-1", endpoint) == found
    assert url == QuarantineSettings(queue_url=around.format(url)).queue_url


def test_a_host_is_written_as_certificates_have_it() -> None:
    """In lower case, without a final dot; the queue's name keeps its own."""
    found = address("HTTPS://SQS-FIPS.us-east-1.AmazonAWS.com./123456789012/canvas-live-events-Q")

    origin = "https://sqs-fips.us-east-1.amazonaws.com"
    name = "canvas-live-events-Q"
    assert QueueAddress(name, f"{origin}/123456789012/{name}", "us-east-1", origin) == found


def test_a_name_is_enough() -> None:
    """Region and endpoint are then those of the settings, or of AWS's own configuration."""
    assert QueueAddress(NAME, None, None, None) == address(name=NAME)
    assert QueueAddress(NAME, None, "eu-west-1", "http://localhost:4566") == address(
        name=NAME, aws_region="eu-west-1", aws_endpoint_url="http://localhost:4566"
    )


def test_a_configured_endpoint_wins_and_relaxes_the_rules() -> None:
    """An emulator answers for any host and region."""
    found = address(
        f"https://sqs.us-east-1.amazonaws.com{PATH}",
        aws_region="eu-west-1",
        aws_endpoint_url="http://localhost:4566",
    )

    assert "http://localhost:4566" == found.endpoint_url
    assert "eu-west-1" == found.region


def test_any_name_is_allowed_if_asked_for() -> None:
    """A dead-letter queue is called as it is called."""
    found = address(
        "https://sqs.us-east-1.amazonaws.com/123456789012/dlq", allow_any_queue_name=True
    )

    assert "dlq" == found.name


@for_each(
    "url, sentence",
    [
        (None, "no queue is named"),
        (f"{AWS}/123456789012/orders", "does not begin with 'canvas-live-events'"),
        (f"{AWS}{PATH}.fifo", "FIFO"),
        (f"http://127.0.0.1:5000{PATH}.fifo", "FIFO"),
        (f"{AWS}/123456789012/canvas-live-events%20x", "not a queue name"),
        (f"{AWS}/123456789012/canvas-live-events-{'x' * 80}", "not a queue name"),
        (f"{AWS}/{NAME}", "lacks the account"),
        (f"{AWS}/", "lacks the account"),
        (f"{AWS}/12345/{NAME}", "12 digits"),
        (f"{AWS}/123456789012/more/{NAME}", "12 digits"),
        ("http://127.0.0.1:5000", "lacks the account"),
        ("not a url", "not a plain http"),
        (f"ftp://sqs.us-east-1.amazonaws.com{PATH}", "not a plain http"),
        (f"https://sqs.us-east-1.amazonaws.com:port{PATH}", "not a plain http"),
        ("arn:aws:sqs:us-east-1:123456789012:canvas-live-events", "not a plain http"),
        (
            "https://us-east-1.console.aws.amazon.com/sqs/v3/home?region=us-east-1#/queues/x",
            "console",
        ),
        (f"{AWS}{PATH}?Action=ReceiveMessage", "goes on after"),
        (f"{AWS}{PATH}#x", "goes on after"),
    ],
)
def test_each_fault_has_a_sentence_of_its_own(url: str | None, sentence: str) -> None:
    """The text names the key and what is wrong; the exit code is that of the configuration."""
    with pytest.raises(ConfigurationError, match=sentence) as refused:
        address(url)

    assert EXIT_CONFIGURATION == refused.value.exit_code


def test_a_fifo_queue_is_refused_whatever_is_allowed() -> None:
    """Canvas does not deliver to one."""
    with pytest.raises(ConfigurationError, match="FIFO"):
        address(name="anything.fifo", allow_any_queue_name=True)


@for_each("key", ["url", "aws_endpoint_url"])
def test_a_password_in_a_url_is_refused_and_not_shown(key: str) -> None:
    """It must not be there, and the error must not repeat it."""
    settings = {"url": AWS + PATH, key: f"https://jane:hunter2@sqs.example{PATH}"}

    with pytest.raises(ConfigurationError) as refused:
        address(**settings)

    assert "hunter2" not in str(refused.value)
    assert "jane" not in str(refused.value)


def test_an_endpoint_must_be_a_url() -> None:
    """A host alone is not one."""
    with pytest.raises(ConfigurationError, match=r"aws\.endpoint_url"):
        address(name=NAME, aws_endpoint_url="localhost:4566")

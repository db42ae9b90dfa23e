"""Which queues are accepted, where they are, and that each refusal says what would be right."""

from __future__ import annotations

import pytest

from consumer.config import AwsSettings, QueueSettings
from consumer.errors import EXIT_CONFIGURATION, ConfigurationError
from consumer.queues.rules import QueueAddress, address_of

NAME = "canvas-live-events-prod"
PATH = f"/123456789012/{NAME}"


def address(url: str | None = None, **settings: object) -> QueueAddress:
    """The address of a queue; settings that begin with aws_ are for that section."""
    aws = {k.removeprefix("aws_"): v for k, v in settings.items() if k.startswith("aws_")}
    queue = {k: v for k, v in settings.items() if not k.startswith("aws_")}
    return address_of(
        QueueSettings.model_validate({"url": url, **queue}), AwsSettings.model_validate(aws)
    )


@pytest.mark.parametrize(
    ("origin", "region", "endpoint"),
    [
        ("https://sqs.eu-west-1.amazonaws.com", "eu-west-1", None),
        ("https://sqs.cn-north-1.amazonaws.com.cn", "cn-north-1", None),
        ("https://eu-west-1.queue.amazonaws.com", "eu-west-1", None),
        ("https://queue.amazonaws.com", "us-east-1", None),
        ("http://sqs.eu-west-1.amazonaws.com", "eu-west-1", None),
        ("https://sqs-fips.us-east-1.amazonaws.com", "us-east-1", "same"),
        ("https://sqs.us-east-1.api.aws", "us-east-1", "same"),
        ("https://vpce-0a1b-c2d3.sqs.eu-west-1.vpce.amazonaws.com", "eu-west-1", "same"),
        ("http://127.0.0.1:5000", None, "same"),
        ("http://sqs.us-east-1.localhost.localstack.cloud:4566", None, "same"),
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


def test_a_name_is_enough() -> None:
    """Region and endpoint are then whatever is configured, or AWS's own configuration says."""
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


AWS = "https://sqs.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (None, "no queue is named"),
        (f"{AWS}/123456789012/orders", "does not begin with 'canvas-live-events'"),
        (f"{AWS}{PATH}.fifo", "FIFO"),
        (f"http://127.0.0.1:5000{PATH}.fifo", "FIFO"),
        (f"{AWS}/123456789012/canvas-live-events%20x", "no queue name"),
        (f"{AWS}/123456789012/canvas-live-events-{'x' * 80}", "no queue name"),
        (f"{AWS}/{NAME}", "lacks the account"),
        (f"{AWS}/", "lacks the account"),
        (f"{AWS}/12345/{NAME}", "12 digits"),
        (f"{AWS}/123456789012/more/{NAME}", "12 digits"),
        ("http://127.0.0.1:5000", "lacks the account"),
        ("not a url", "no http"),
        (f"ftp://sqs.us-east-1.amazonaws.com{PATH}", "no http"),
        (f"https://sqs.us-east-1.amazonaws.com:port{PATH}", "no http"),
        ("arn:aws:sqs:us-east-1:123456789012:canvas-live-events", "ARN"),
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


def test_contradictions_are_told() -> None:
    """Another region, another name than the URL's."""
    with pytest.raises(ConfigurationError, match=r"'eu-west-1'.*'us-east-1'"):
        address(AWS + PATH, aws_region="eu-west-1")
    with pytest.raises(ConfigurationError, match="keep one of the two"):
        address(AWS + PATH, name="canvas-live-events-other")


@pytest.mark.parametrize("key", ["url", "aws_endpoint_url"])
def test_a_password_in_a_url_is_refused_and_not_shown(key: str) -> None:
    """It must not be there, and the error must not repeat it."""
    settings = {"url": AWS + PATH, key: f"https://somebody:hunter2@sqs.example{PATH}"}

    with pytest.raises(ConfigurationError) as refused:
        address(**settings)

    assert "hunter2" not in str(refused.value)
    assert "somebody" not in str(refused.value)


def test_an_endpoint_must_be_a_url() -> None:
    """A host alone is not one."""
    with pytest.raises(ConfigurationError, match=r"aws\.endpoint_url"):
        address(name=NAME, aws_endpoint_url="localhost:4566")

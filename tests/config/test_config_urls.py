"""What a queue's URL says."""

from __future__ import annotations

import pytest

from consumer.config import queue_name_of_url, region_of_url


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("sqs.us-east-1.amazonaws.com", "us-east-1"),
        ("SQS.US-EAST-1.amazonaws.com", "us-east-1"),
        ("sqs.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("sqs.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("sqs-fips.us-west-2.amazonaws.com", "us-west-2"),
        ("us-west-2.queue.amazonaws.com", "us-west-2"),
        ("queue.amazonaws.com", "us-east-1"),
        ("vpce-0a1b-2c3d.sqs.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("sqs.ap-southeast-2.api.aws", "ap-southeast-2"),
        ("sqs.us-east-1.amazonaws.com:443", "us-east-1"),
        ("127.0.0.1:5000", None),
        ("sqs.us-east-1.amazonaws.com.evil.example", None),
        ("sqs.us-east-1.localhost.localstack.cloud:4566", None),
        ("ec2.us-east-1.amazonaws.com", None),
    ],
)
def test_region_is_in_the_host(host: str, region: str | None) -> None:
    """Each form of SQS's host names tells the region; a foreign host tells none."""
    assert region == region_of_url(f"https://{host}/123456789012/canvas-live-events")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (
            "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events",
            "canvas-live-events",
        ),
        ("http://127.0.0.1:5000/123456789012/canvas-live-events/", "canvas-live-events"),
        ("http://127.0.0.1:5000/queue/q", "q"),
        ("http://127.0.0.1:5000/", None),
        ("http://127.0.0.1:5000", None),
        ("canvas-live-events", None),
        ("ftp://example.com/q", None),
        ("https:///q", None),
        ("http://host:port/q", None),
        ("http://[::1/q", None),
        ("https://example.com/a b", None),
        ("", None),
    ],
)
def test_name_is_the_last_part_of_the_path(url: str, name: str | None) -> None:
    """The queue's name ends the path; what is no http URL has none, and nothing is raised."""
    assert name == queue_name_of_url(url)


@pytest.mark.parametrize("url", ["", "queue", "http://[", "https://host:99999/q", "https://a b/q"])
def test_no_url_has_no_region(url: str) -> None:
    """What is no URL has no region, and nothing is raised."""
    assert region_of_url(url) is None

"""What a queue's URL says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import EndpointVariantError
from botocore.regions import EndpointResolver
from botocore.session import Session

from consumer.config.urls import is_aws, is_loopback, queue_name_of_url, region_of_url
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Iterator


@for_each(
    "host, region",
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
        ("vpce-0a1b-2c3d-us-east-1a.sqs-fips.us-east-1.vpce.amazonaws.com", "us-east-1"),
        ("vpce-0a1b-2c3d.SQS.cn-north-1.vpce.amazonaws.com.cn", "cn-north-1"),
        ("sqs.us-east-1.amazonaws.com.", "us-east-1"),
        ("sqs.us-east-1.amazonaws.com.:443", "us-east-1"),
        ("sqs.us-east-1.localhost:19404", "us-east-1"),
        ("sqs.us-east-1.localhost.localstack.cloud:4566", "us-east-1"),
        ("eu-west-1.queue.localhost.localstack.cloud:4566", "eu-west-1"),
        ("sqs.us-east-1.example.com", None),
        ("ec2.us-east-1.amazonaws.com", None),
    ],
)
def test_region_is_in_the_host(host: str, region: str | None) -> None:
    """Each form of SQS's host names contains the region; a foreign host has none."""
    assert region == region_of_url(f"https://{host}/123456789012/canvas-live-events")


def botocores_hosts() -> Iterator[tuple[str, str]]:
    """Region and host of every endpoint of SQS, by both of botocore's lists."""
    session = Session()
    resolver = EndpointResolver(session.get_data("endpoints"))
    for partition in resolver.get_available_partitions():
        for region in resolver.get_available_endpoints("sqs", partition):
            for fips, dual in ((False, False), (True, False), (False, True), (True, True)):
                try:
                    endpoint = resolver.construct_endpoint(
                        *("sqs", region, partition),
                        use_fips_endpoint=fips,
                        use_dualstack_endpoint=dual,
                    )
                except EndpointVariantError:  # not in this partition
                    continue
                yield region, endpoint["hostname"]
                yield region, endpoint.get("sslCommonName", endpoint["hostname"])
    for partition in session.get_data("partitions")["partitions"]:
        suffixes = (partition["outputs"][key] for key in ("dnsSuffix", "dualStackDnsSuffix"))
        for suffix in suffixes:
            for region in partition["regions"]:
                if not region.endswith("-global"):
                    yield region, f"sqs.{region}.{suffix}"
                    yield region, f"sqs-fips.{region}.{suffix}"
                    yield region, f"vpce-0a-1b.sqs.{region}.vpce.{suffix}"


@for_each("region, host", set(botocores_hosts()))
def test_every_host_that_botocore_knows_names_its_region(region: str, host: str) -> None:
    """Of all partitions and regions; plain, FIPS, dual-stack, of a VPC, and the oldest form."""
    url = f"https://{host}/123456789012/canvas-live-events"

    assert (region, True, False) == (region_of_url(url), is_aws(url), is_loopback(url))


@for_each(
    "host, aws, loopback",
    [
        ("queue.amazonaws.com", True, False),
        ("ec2.us-east-1.amazonaws.com", True, False),
        ("sqs.us-east-1.amazonaws.com.evil.example", False, False),
        ("notamazonaws.com", False, False),
        ("localhost", False, True),
        ("LocalHost.:9324", False, True),
        ("sqs.localhost:9324", False, True),
        ("sqs.us-east-1.localhost.localstack.cloud:4566", False, True),
        ("127.0.0.1:5000", False, True),
        ("127.8.9.1", False, True),
        ("[::1]:5000", False, True),
        ("localhost.example.com", False, False),
        ("notlocalhost", False, False),
        ("10.0.0.7:4566", False, False),
        ("0.0.0.0:4566", False, False),
        ("elasticmq:9324", False, False),
    ],
)
def test_a_host_is_awss_or_this_machine_or_neither(host: str, aws: bool, loopback: bool) -> None:
    """By its whole name, not by a part of it."""
    assert (aws, loopback) == (is_aws(f"http://{host}/1/q"), is_loopback(f"http://{host}/1/q"))


@for_each(
    "url, name",
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
    """The queue's name ends the path; what is not an http URL has none, and nothing is raised."""
    assert name == queue_name_of_url(url)


@for_each("url", ["", "queue", "http://[", "https://host:99999/q", "https://a b/q"])
def test_no_url_has_no_region(url: str) -> None:
    """What is not a URL has no region, and nothing is raised."""
    assert region_of_url(url) is None

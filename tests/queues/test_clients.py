"""Clients for handlers: the daemon's identity, one request a call, and where they ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from consumer.config import AwsSettings, QueueSettings
from consumer.errors import ConfigurationError, TransportError
from consumer.queues.sqs import AwsClients
from consumer.testing import ManualClock
from tests.cases import for_each
from tests.queues.servers import KEYS, http, scripted

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/canvas-live-events"
MOTO = "http://127.0.0.1:5000"


@pytest.fixture(autouse=True)
def _without_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def clients(queue: dict[str, Any] | None = None, **aws: Any) -> AwsClients:
    """With a key, unless `aws` has other credentials."""
    settings = AwsSettings.model_validate(aws or KEYS)
    return AwsClients(QueueSettings.model_validate(queue or {}), settings, clock=ManualClock())


@for_each(
    "queue, aws, where, region, endpoint",
    [
        ({"url": URL}, {}, {}, "eu-west-1", "https://s3.eu-west-1.amazonaws.com"),
        ({"url": URL}, {}, {"region": "us-west-2"}, "us-west-2", "https://s3.us-west-2.amazonaws.com"),
        ({"url": f"{MOTO}/123456789012/canvas-live-events"}, {}, {}, "us-east-1", MOTO),
        ({"url": URL}, {"endpoint_url": MOTO}, {}, "eu-west-1", MOTO),
        # Of SQS only.
        (
            {"url": URL}, {"endpoint_url": "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com"}, {},
            "eu-west-1", "https://s3.eu-west-1.amazonaws.com",
        ),
        (
            {"url": URL}, {"endpoint_url": MOTO}, {"endpoint_url": "https://minio.example.edu"},
            "eu-west-1", "https://minio.example.edu",
        ),
        # A replay needs no queue.
        ({}, {"region": "ca-central-1"}, {}, "ca-central-1", "https://s3.ca-central-1.amazonaws.com"),
    ],
)  # fmt: skip
def test_where_a_client_asks(
    queue: dict[str, Any], aws: dict[str, Any], where: dict[str, Any], region: str, endpoint: str
) -> None:
    """In the queue's region; an emulator on this machine is asked for every service."""
    client = clients(queue, **KEYS, **aws).client("s3", **where)
    assert (region, endpoint) == (client.meta.region_name, client.meta.endpoint_url)
    client.close()


def test_one_call_is_one_request() -> None:
    """The engine retries, and knows when."""
    with scripted([http({"__type": "InternalException"}, 500)]) as server:
        where = server.url().rpartition("/123456789012")[0]
        client = clients({"url": URL}).client("events", endpoint_url=where)
        with pytest.raises(Exception, match="InternalException"):
            client.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}"}])
        client.close()
    assert 1 == len(server.requests)


def test_credentials_are_looked_for_once() -> None:
    """With the first client; all sign with the same ones."""
    made = clients({"url": URL})
    assert made._session is None
    one, other = made.client("s3"), made.client("events")
    assert one._request_signer._credentials is other._request_signer._credentials
    one.close()
    other.close()


def test_without_credentials() -> None:
    """They are looked for again with the next client."""
    made = clients({"url": URL}, region="eu-west-1")
    for _ in range(2):
        with pytest.raises(TransportError, match="no AWS credentials were found"):
            made.client("s3")


@for_each(
    "queue, where, fault",
    [
        ({"name": "canvas-live-events"}, {}, "the region is not known"),
        ({"url": URL}, {"region": "no region"}, "no AWS client for s3 can be made for region"),
        ({"url": URL}, {"endpoint_url": "http://s3.amazonaws.com"}, "would be sent to AWS unencry"),
    ],
)
def test_what_cannot_work(queue: dict[str, Any], where: dict[str, Any], fault: str) -> None:
    """It is reported as a mistake in the configuration."""
    with pytest.raises(ConfigurationError, match=fault):
        clients(queue).client("s3", **where)

"""Makes botocore's client for SQS, from the settings and from what AWS's own files say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError

from consumer.errors import ConfigurationError
from consumer.queues.rules import check_encrypted, signing_region
from consumer.queues.sqs.credentials import session_for
from consumer.queues.sqs.lookup import look_up

if TYPE_CHECKING:
    from botocore.session import Session

    from consumer.config import AwsSettings, QueueSettings
    from consumer.queues.rules import QueueAddress

USER_AGENT = "canvas-live-events-consumer"


def make_client(
    queue: QueueSettings, aws: AwsSettings, address: QueueAddress, *, max_connections: int = 10
) -> tuple[Session, Any]:
    """The session, whose credentials sign, and its client. Asks nothing of SQS yet.

    Credentials are looked for, which may take as long as a source of theirs takes. A client that
    was made without would never have any.

    One call of the client is one request: whoever calls tries again, and knows when not to.

    Args:
        max_connections: as many calls may be under way at the same time.

    Raises: `ConfigurationError`, `AccessDeniedError` (there is no such profile), `CredentialsError`
    (there are none now: try again with a new client), another `TransportError`.
    """
    session = session_for(aws, region=address.region, timeout_seconds=queue.connect_timeout_seconds)
    region = signing_region(address, session.get_config_variable("region"))
    look_up(session)
    config = Config(
        user_agent=USER_AGENT,
        connect_timeout=queue.connect_timeout_seconds,
        read_timeout=queue.effective_read_timeout_seconds,
        tcp_keepalive=True,
        max_pool_connections=max_connections,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    try:
        # What boto3's session does, without its resources and transfer manager: 50 ms, 5 MB.
        client = session.create_client(
            "sqs",
            region_name=region,
            endpoint_url=address.endpoint_url,
            config=config,
        )
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"no SQS client can be made for region {region!r} and endpoint "
            f"{address.endpoint_url!r} ({type(error).__name__})"
        ) from None
    check_encrypted(client.meta.endpoint_url, "the endpoint of the AWS configuration")
    return session, client

"""Makes botocore's session and client for SQS, from the settings and from AWS's own files."""

import functools
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ProfileNotFound
from botocore.session import Session

from consumer.clock import Clock, SystemClock
from consumer.config import AwsSettings, QueueSettings
from consumer.errors import AccessDeniedError, ConfigurationError
from consumer.queues.rules import QueueAddress, check_encrypted, signing_region
from consumer.queues.sqs.key_files import FileCredentials
from consumer.queues.sqs.lookup import Lookup, look_up, unreadable_files

USER_AGENT = "canvas-live-events-consumer"
#: The component of a session that is its `FileCredentials`, or None.
KEY_FILES = "key_files"


def make_client(
    queue: QueueSettings,
    aws: AwsSettings,
    address: QueueAddress,
    *,
    max_connections: int = 10,
    clock: Clock | None = None,
) -> tuple[Session, Any]:
    """The session, whose credentials sign, and its client, for which one call is one request.

    Credentials are looked for now, for as long as their source takes: a client that is made without
    never gets any. Raises: as `connect` does.
    """
    timeout = queue.connect_timeout_seconds
    session = session_for(aws, region=address.region, timeout_seconds=timeout, clock=clock)
    region = signing_region(address, session.get_config_variable("region"))
    look_up(session)
    config = Config(
        user_agent=USER_AGENT,
        connect_timeout=timeout,
        read_timeout=queue.effective_read_timeout_seconds,
        tcp_keepalive=True,
        max_pool_connections=max_connections,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    try:
        # As boto3's session does it, without its resources and transfer manager: 50 ms, 5 MB.
        client = session.create_client(
            "sqs", region_name=region, endpoint_url=address.endpoint_url, config=config
        )
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"no SQS client can be made for region {region!r} and endpoint "
            f"{address.endpoint_url!r} ({type(error).__name__})"
        ) from None
    check_encrypted(client.meta.endpoint_url, "the endpoint of the AWS configuration")
    return session, client


def expiry_of(client: Any) -> datetime | None:
    """When the client's credentials expire; None if they do not, or it is not known."""
    signer = getattr(client, "_request_signer", None)
    expiry = getattr(getattr(signer, "_credentials", None), "_expiry_time", None)
    return expiry if isinstance(expiry, datetime) else None


def session_for(
    aws: AwsSettings, *, region: str | None, timeout_seconds: float, clock: Clock | None = None
) -> Session:
    """A session with the configured credentials, or those botocore finds; none is looked for yet.

    `timeout_seconds` is for the requests that assume a role.

    Raises: `ConfigurationError` if AWS's files can't be used, `AccessDeniedError` if the profile
    does not exist.
    """
    try:
        session = Session(profile=aws.profile)
        if region is not None:
            session.set_config_variable("region", region)
        session.get_scoped_config()  # reads AWS's files: whether they can be used shows here
        keys = None if aws.access_key_id is None else FileCredentials(aws, clock or SystemClock())
        session.register_component("credential_provider", keys or _lookup_in(session))
        if aws.role_arn is not None:
            session = _assuming(session, aws.role_arn, aws.profile, timeout_seconds)
        session.register_component(KEY_FILES, keys)
    except ProfileNotFound as error:
        raise AccessDeniedError(
            "the AWS profile that is configured does not exist: see aws.profile, or AWS_PROFILE"
            + unreadable_files(Session()),
            code=type(error).__name__,
        ) from None
    except (BotoCoreError, ValueError) as error:  # ValueError: a number, such as a timeout
        raise ConfigurationError(
            "the AWS configuration of this machine (~/.aws, AWS_ variables) can't be used "
            f"({type(error).__name__})"
        ) from None
    return session


def _lookup_in(session: Session) -> Lookup:
    profile = session.get_config_variable("profile") or "default"
    return Lookup(session.get_component("credential_provider").providers, profile)


def _assuming(
    source: Session, role_arn: str, profile: str | None, timeout_seconds: float
) -> Session:
    """A session with the role's credentials, which botocore refreshes in time."""
    config = Config(connect_timeout=timeout_seconds, read_timeout=timeout_seconds)
    session = Session(profile=profile)
    session.set_config_variable("region", source.get_config_variable("region"))
    lookup = Lookup([_AssumedRole(source, role_arn, config)], "")
    session.register_component("credential_provider", lookup)
    return session


@dataclass(frozen=True)
class _AssumedRole:
    """A provider of botocore's: AssumeRole when credentials are first needed, and again later."""

    METHOD: ClassVar = "assume-role"
    #: As `Lookup` names it in messages.
    SOURCE: ClassVar = "the role of aws.role_arn"

    source: Session
    role_arn: str
    config: Config

    def load(self) -> Any:
        """The credentials. Raises `TransportError` if there are none to assume the role with."""
        fetcher = AssumeRoleCredentialFetcher(
            functools.partial(self.source.create_client, config=self.config),
            look_up(self.source),
            self.role_arn,
            extra_args={"RoleSessionName": USER_AGENT},
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)

"""Who we are to AWS: a session with the configured credentials, or with those botocore finds."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ProfileNotFound
from botocore.session import Session

from consumer.errors import AccessDeniedError, ConfigurationError
from consumer.queues.sqs.lookup import Lookup, look_up, unreadable_files

if TYPE_CHECKING:
    from pydantic import SecretStr

    from consumer.config import AwsSettings

_ROLE_SESSION_NAME = "canvas-live-events-consumer"


def session_for(aws: AwsSettings, *, region: str | None, timeout_seconds: float) -> Session:
    """A session of botocore's; no credentials are looked for yet. Called from one thread.

    Args:
        timeout_seconds: for the requests with which a role is assumed.

    Raises: `ConfigurationError` if what is configured does not fit together, `AccessDeniedError` if
    the profile does not exist.
    """
    if (aws.access_key_id is None) != (aws.secret_access_key is None):
        raise ConfigurationError(
            "aws.access_key_id and aws.secret_access_key go together: one of them is missing"
        )
    try:
        session = Session(profile=aws.profile)
        if region is not None:
            session.set_config_variable("region", region)
        session.get_scoped_config()  # reads AWS's files: whether they can be used shows here
        if aws.access_key_id is not None:
            session.set_credentials(
                _reveal(aws.access_key_id),
                _reveal(aws.secret_access_key),
                _reveal(aws.session_token),
            )
        else:
            profile = session.get_config_variable("profile") or "default"
            lookup = Lookup(session.get_component("credential_provider"), profile)
            session.register_component("credential_provider", lookup)
        if aws.role_arn is not None:
            session = _with_role(session, aws.role_arn, timeout_seconds)
    except ProfileNotFound as error:
        raise AccessDeniedError(
            "the AWS profile that is configured does not exist: see aws.profile, or AWS_PROFILE"
            + unreadable_files(Session()),
            code=type(error).__name__,
        ) from None
    except (BotoCoreError, ValueError) as error:  # ValueError: of a number, such as a timeout
        raise ConfigurationError(
            f"AWS's own configuration on this machine cannot be used ({type(error).__name__})"
        ) from None
    return session


def _reveal(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _with_role(source: Session, role_arn: str, timeout_seconds: float) -> Session:
    """A session whose credentials are those of the role; botocore refreshes them in time."""
    config = Config(connect_timeout=timeout_seconds, read_timeout=timeout_seconds)
    session = Session(profile=source.profile)
    session.set_config_variable("region", source.get_config_variable("region"))
    resolver = CredentialResolver([_AssumedRole(source, role_arn, config)])
    session.register_component("credential_provider", Lookup(resolver, ""))
    return session


class _AssumedRole(CredentialProvider):  # type: ignore[misc]  # botocore is not typed
    """Gives credentials that are fetched with AssumeRole when they are first needed, and again."""

    METHOD = "assume-role"
    CANONICAL_NAME = None
    #: For what people read.
    SOURCE = "the role of aws.role_arn"

    def __init__(self, source: Session, role_arn: str, config: Config) -> None:
        super().__init__()
        self._source = source
        self._role_arn = role_arn
        self._config = config

    def load(self) -> Any:
        """The credentials. Raises `TransportError` if there are none to assume it with."""
        fetcher = AssumeRoleCredentialFetcher(
            functools.partial(self._source.create_client, config=self._config),
            look_up(self._source),
            self._role_arn,
            extra_args={"RoleSessionName": _ROLE_SESSION_NAME},
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)

"""Calls of AWS that the daemon never makes: for the commands that set up, check and repair."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from consumer.config import AwsSettings, QueueSettings
from consumer.config.urls import is_loopback, queue_name_of_url
from consumer.queues.rules import address_of, signing_region
from consumer.queues.sqs.client import USER_AGENT, session_for
from consumer.queues.sqs.failures import failure_of
from consumer.queues.sqs.lookup import look_up


@dataclass(frozen=True, slots=True)
class CredentialsFound:
    """What signs the calls, without any of its secrets."""

    #: Botocore's name for it, such as "iam-role"; "explicit" for a configured key.
    source: str
    is_temporary: bool
    #: True if botocore gets new ones before they expire.
    is_renewed: bool
    #: None: never, not known, or they are renewed.
    expires_at: datetime | None


class AwsCalls:
    """Any operation of any AWS service, for one queue. One thread calls all methods.

    Throttled and failed requests are tried three times, as is usual for commands.

    Raises, when made: `ConfigurationError`; `TransportError` without usable credentials.
    """

    def __init__(self, queue: QueueSettings, aws: AwsSettings) -> None:
        address = address_of(queue, aws)
        timeout = queue.connect_timeout_seconds
        self._session = session_for(aws, region=address.region, timeout_seconds=timeout)
        self.region = signing_region(address, self._session.get_config_variable("region"))
        self.name = address.name
        self._url = address.url
        #: Expiry and source of what signs: botocore's Credentials.
        self.credentials = look_up(self._session)
        #: None: the region's usual endpoint.
        self.endpoint_url = address.endpoint_url
        self._config = Config(
            user_agent=USER_AGENT,
            connect_timeout=timeout,
            read_timeout=queue.effective_read_timeout_seconds,
            retries={"mode": "standard", "total_max_attempts": 3},
        )
        self._clients: dict[str, Any] = {}
        #: The Date header of the last answer: AWS's clock.
        self.answered_at = ""

    def client(self, service: str) -> Any:
        """Botocore's client. An emulator on this machine is asked for every service."""
        if service not in self._clients:
            endpoint = self.endpoint_url
            if service != "sqs" and endpoint is not None and not is_loopback(endpoint):
                endpoint = None
            client = self._session.create_client(
                service, region_name=self.region, endpoint_url=endpoint, config=self._config
            )
            client.meta.events.register("after-call", self._note_answer)
            self._clients[service] = client
        return self._clients[service]

    def _note_answer(self, http_response: Any, **_: Any) -> None:
        self.answered_at = http_response.headers.get("Date", "")

    def credentials_found(self) -> CredentialsFound:
        """Where the credentials come from. Raises: `TransportError` if there are none any more."""
        found = self.credentials
        is_temporary = found.get_frozen_credentials().token is not None
        source, expires_at = str(found.method or "explicit"), None
        is_renewed = isinstance(found, RefreshableCredentials)
        if is_renewed and source == "env":  # their expiry is in the environment; nothing renews it
            is_renewed, expires_at = False, found._expiry_time  # noqa: SLF001 - there is no other way
        return CredentialsFound(source, is_temporary, is_renewed, expires_at)

    def ask(self, operation: str, /, *, service: str = "sqs", **arguments: Any) -> dict[str, Any]:
        """One call, such as `ask("GetQueueAttributes", QueueUrl=…, AttributeNames=["All"])`.

        Raises: `QueueMissingError`, `ActionDeniedError` with the IAM action, `AccessDeniedError`,
        or another `TransportError`.
        """
        client = self.client(service)
        names = {api: name for name, api in client.meta.method_to_api_mapping.items()}
        call = getattr(client, names[operation])
        try:
            answer: dict[str, Any] = call(**arguments)
        except (BotoCoreError, ClientError, ResponseParserError, OSError) as error:
            url = str(arguments.get("QueueUrl", ""))
            queue = arguments.get("QueueName") or queue_name_of_url(url) or self.name
            raise failure_of(
                error, operation=operation, queue=queue, region=self.region, service=service
            ) from None  # its text may name users and accounts
        return answer

    def queue_url(self) -> str:
        """The queue's URL: the configured one, or what SQS answers for its name."""
        if self._url is None:
            self._url = self.url_of(self.name)
        return self._url

    def url_of(self, name: str) -> str:
        """The URL of a queue of this account and region. Raises: `QueueMissingError`."""
        return str(self.ask("GetQueueUrl", QueueName=name)["QueueUrl"])

    def attributes(self, url: str) -> dict[str, str]:
        """All attributes of a queue, by SQS's names and as its texts."""
        answer = self.ask("GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])
        return dict(answer.get("Attributes") or {})

    def close(self) -> None:
        """Close connections."""
        for client in self._clients.values():
            client.close()

"""Botocore's clients for what handlers send events to: any service, with the daemon's identity."""

import threading
from dataclasses import replace
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from consumer.clock import Clock
from consumer.config import AwsSettings, QueueSettings
from consumer.config.urls import is_loopback
from consumer.errors import ConfigurationError
from consumer.queues.rules import QueueAddress, address_of, check_encrypted, signing_region
from consumer.queues.sqs.client import USER_AGENT, session_for
from consumer.queues.sqs.lookup import look_up


class AwsClients:
    """Makes clients; all have the same session, so credentials are looked for once.

    Nothing is read or asked for before the first client. Any thread may call `client`.
    """

    def __init__(
        self, queue: QueueSettings, aws: AwsSettings, *, clock: Clock | None = None
    ) -> None:
        self._queue = queue
        self._aws = aws
        self._clock = clock
        self._lock = threading.Lock()
        self._session: Session | None = None

    def client(
        self, service: str, *, region: str | None = None, endpoint_url: str | None = None
    ) -> Any:
        """A client, for which one call is one request; whoever gets it closes it.

        Args:
            region: by default the queue's.
            endpoint_url: by default the region's; or the queue's, if that is an emulator on this
                machine.

        Raises: `ConfigurationError`; `TransportError` without usable credentials.
        """
        address = self._address()
        if endpoint_url is None and address.endpoint_url and is_loopback(address.endpoint_url):
            endpoint_url = address.endpoint_url
        with self._lock:  # botocore's sessions are not for several threads
            if self._session is None:
                self._session = self._identified(address.region)
            if region is None:
                address = replace(address, endpoint_url=endpoint_url)
                region = signing_region(address, self._session.get_config_variable("region"))
            return self._made(service, region, endpoint_url)

    def _address(self) -> QueueAddress:
        if self._queue.url is None and self._queue.name is None:  # a replay needs no queue
            return QueueAddress("", None, self._aws.region, self._aws.endpoint_url)
        return address_of(self._queue, self._aws)

    def _identified(self, region: str | None) -> Session:
        timeout = self._queue.connect_timeout_seconds
        session = session_for(self._aws, region=region, timeout_seconds=timeout, clock=self._clock)
        look_up(session)
        return session

    def _made(self, service: str, region: str, endpoint_url: str | None) -> Any:
        assert self._session is not None  # noqa: S101 - made by the only caller
        config = Config(
            user_agent=USER_AGENT,
            connect_timeout=self._queue.connect_timeout_seconds,
            tcp_keepalive=True,
            retries={"mode": "standard", "total_max_attempts": 1},
            # Only AWS itself has a host name for each bucket.
            s3={"addressing_style": "path"} if endpoint_url else None,
        )
        try:
            client = self._session.create_client(
                service, region_name=region, endpoint_url=endpoint_url, config=config
            )
        except (BotoCoreError, ValueError) as error:
            raise ConfigurationError(
                f"no AWS client for {service} can be made for region {region!r} and endpoint "
                f"{endpoint_url!r} ({type(error).__name__})"
            ) from None
        check_encrypted(client.meta.endpoint_url, "the endpoint of the AWS configuration")
        return client

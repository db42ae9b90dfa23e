"""Options that the handlers have in common which call AWS."""

from collections.abc import Callable
from functools import partial
from typing import Any

from consumer.config.urls import is_aws
from consumer.handlers.loading.factories import HandlerEnvironment, Options


def client_maker(
    read: Options,
    environment: HandlerEnvironment,
    service: str,
    *,
    region: str | None = None,
    endpoint_url: str | None = None,
) -> Callable[[], Any]:
    """Makes the client, as `region` and `endpoint_url` say; else as they are given here.

    Raises `ConfigurationError`.
    """
    asked = read.url("endpoint_url")
    if asked is not None and asked.startswith("http://") and is_aws(asked):
        raise read.wrong("endpoint_url", "an https URL, because it is AWS's")
    return partial(
        environment.aws_client,
        service,
        region=read.text("region") or region,
        endpoint_url=asked or endpoint_url,
    )

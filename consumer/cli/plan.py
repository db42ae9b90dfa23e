"""What the daemon would do with a configuration, in a few lines."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from consumer.config.urls import queue_name_of_url
from consumer.directories import user_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.config import AwsSettings, Loaded, Settings
    from consumer.handlers.registering.registry import Handler
    from consumer.queues.rules import QueueAddress


def plan(
    loaded: Loaded, address: QueueAddress, handlers: list[Handler]
) -> Iterator[tuple[str, str]]:
    """Labels and texts, in the order in which they are shown. Nothing is asked of AWS."""
    settings = loaded.settings
    where = address.region or "the region of the AWS configuration"
    yield "queue", f"{address.name}, in {where}"
    if settings.aws.endpoint_url:
        yield "endpoint", settings.aws.endpoint_url
    yield "credentials", _credentials(settings.aws)
    asking = [handler for handler in handlers if not handler.unmatched]
    for label, handler in zip(_first_then("handlers"), asking, strict=False):
        only = f", {handler.format} format only" if handler.format else ""
        yield label, f"{handler.name}: {', '.join(handler.patterns)}{only}"
    if not settings.handlers:
        yield "", "(none is configured, so every event is archived)"
    if not any(handler.takes_all for handler in asking):
        yield "unmatched", _unmatched_events(settings)
    yield "quarantine", _quarantine(settings)
    yield "state", _state(loaded)
    yield "logging", f"{settings.logging.level}, {settings.logging.format}"


def _unmatched_events(settings: Settings) -> str:
    if settings.unmatched == "delete":
        return "events that no handler asks for are deleted"
    where = (settings.state_directory / "archive").absolute()
    return f"events that no handler asks for are archived, in {where}"


def _state(loaded: Loaded) -> str:
    path = loaded.settings.state_directory.absolute()
    if loaded.origins.get("state_directory", "default") == "default":
        return f"{path}, if started here; a systemd unit sets another ($STATE_DIRECTORY)"
    return f"{path}, which {user_name(os.geteuid())} may write"


def _quarantine(settings: Settings) -> str:
    configured = settings.quarantine
    if configured.queue_url is not None:
        return f"the queue {queue_name_of_url(configured.queue_url)}"
    if configured.directory is not None:
        return str((settings.state_directory / configured.directory).absolute())
    return "none: what can't be handled stays, for the queue's redrive policy"


def _first_then(label: str) -> Iterator[str]:
    yield label
    while True:
        yield ""


def _credentials(aws: AwsSettings) -> str:
    if aws.access_key_id_file:
        source = f"the key in {aws.access_key_id_file}"
    elif aws.access_key_id:
        source = "the key in the configuration"
    elif aws.profile:
        source = f"the AWS profile {aws.profile}"
    else:
        source = "what the AWS SDK finds (environment, profile, or role of the machine)"
    return f"{source}, to assume {aws.role_arn}" if aws.role_arn else source

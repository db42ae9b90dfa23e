"""What `consume config check` and `consume config show` print."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from consumer.config import Effective
from consumer.config.urls import queue_name_of_url
from consumer.directories import user_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.config import AwsSettings, Loaded, Settings
    from consumer.handlers.registering.registry import Handler
    from consumer.queues.rules import QueueAddress


def as_yaml(tree: dict[str, Any], indent: str = "") -> Iterator[str]:
    """The settings as lines of YAML; the origin of each value is a comment after it."""
    for key, value in tree.items():
        name = key if re.fullmatch(r"[A-Za-z_][\w-]*", key) else json.dumps(key)
        if isinstance(value, Effective):
            # JSON is YAML, without doubts about quotes.
            yield f"{indent}{name}: {json.dumps(value.value)}  # {value.origin}"
        elif not value:
            yield f"{indent}{name}: {json.dumps(value)}"
        elif isinstance(value, list):
            yield f"{indent}{name}:"
            for item in value:
                first, *rest = as_yaml(item, f"{indent}    ")
                yield f"{indent}  - {first.lstrip()}"
                yield from rest
        else:
            yield f"{indent}{name}:"
            yield from as_yaml(value, f"{indent}  ")


def plan(
    loaded: Loaded, address: QueueAddress, handlers: list[Handler]
) -> Iterator[tuple[str, str]]:
    """What the daemon would do with a configuration, as labels and texts. AWS is not called."""
    settings = loaded.settings
    region = address.region or "the region of the AWS configuration"
    yield "queue", f"{address.name}, in {region}"
    if settings.aws.endpoint_url:
        yield "endpoint", settings.aws.endpoint_url
    yield "credentials", _credentials(settings.aws)
    asking = [handler for handler in handlers if not handler.unmatched]
    for index, handler in enumerate(asking):
        only = f", {handler.format} format only" if handler.format else ""
        label = "" if index else "handlers"
        yield label, f"{handler.name}: {', '.join(handler.patterns)}{only}"
    if not settings.handlers:
        yield "", "(no handler is configured, so every event is archived)"
    if not any(handler.takes_all for handler in asking):
        yield "unmatched", _unmatched_events(settings)
    yield "quarantine", _quarantine(settings)
    yield "state", _state(loaded)
    yield "logging", f"{settings.logging.level}, {settings.logging.format}"


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


def _unmatched_events(settings: Settings) -> str:
    if settings.unmatched == "delete":
        return "events that no handler asks for are deleted"
    directory = (settings.state_directory / "archive").absolute()
    return f"events that no handler asks for are archived in {directory}"


def _quarantine(settings: Settings) -> str:
    quarantine = settings.quarantine
    if quarantine.queue_url is not None:
        return f"the queue {queue_name_of_url(quarantine.queue_url)}"
    if quarantine.directory is not None:
        return str((settings.state_directory / quarantine.directory).absolute())
    return "none: what can't be handled is left to the queue's redrive policy"


def _state(loaded: Loaded) -> str:
    path = loaded.settings.state_directory.absolute()
    if loaded.origins.get("state_directory", "default") == "default":
        return f"{path} if started here; a systemd unit sets another one ($STATE_DIRECTORY)"
    return f"{path}, which {user_name(os.geteuid())} can write"

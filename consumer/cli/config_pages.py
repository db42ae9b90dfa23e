"""What `consume config` prints: what the daemon would do, and the settings in force."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from consumer.config import Effective
from consumer.config.urls import queue_name_of_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.config import AwsSettings, Loaded, Settings
    from consumer.handlers.registering.registry import Handler
    from consumer.queues.rules import QueueAddress


def plan(
    loaded: Loaded, address: QueueAddress, handlers: list[Handler]
) -> Iterator[tuple[str, str]]:
    """Label and text of each line: what the daemon would do with these settings."""
    settings = loaded.settings
    where = address.region or "the region of the AWS configuration"
    yield "queue", f"{address.name}, in {where}"
    if settings.aws.endpoint_url:
        yield "endpoint", settings.aws.endpoint_url
    yield "credentials", _credentials(settings.aws)
    for label, handler in zip(_first_then("handlers"), handlers, strict=False):
        only = f", {handler.format} format only" if handler.format else ""
        yield label, f"{handler.name}: {', '.join(handler.patterns)}{only}"
    if not settings.handlers:
        yield "", "(none is configured, so every event is archived)"
    yield "quarantine", _quarantine(settings)
    yield "state", _state(loaded)
    yield "logging", f"{settings.logging.level}, {settings.logging.format}"


def _state(loaded: Loaded) -> str:
    from consumer.config.directories import user_name

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


def as_json(tree: dict[str, Any]) -> str:
    """The settings as JSON: value and origin of each."""
    return json.dumps(tree, default=_value_and_origin, indent=2)


def _value_and_origin(value: Effective) -> dict[str, Any]:
    return {"value": value.value, "origin": value.origin}


def as_yaml(tree: dict[str, Any], indent: str = "") -> Iterator[str]:
    """Lines of YAML; the origin of each value is a comment behind it."""
    for key, value in tree.items():
        name = key if re.fullmatch(r"[A-Za-z_][\w-]*", key) else json.dumps(key)
        if isinstance(value, Effective):
            # JSON is YAML, and leaves no doubt about quotes.
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

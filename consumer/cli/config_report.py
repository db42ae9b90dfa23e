"""What `consume config check` finds in a configuration, and what `check` and `show` print."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from consumer.config import AwsSettings, Effective, Loaded, Settings, load
from consumer.config.conditions import written
from consumer.config.urls import queue_name_of_url
from consumer.directories import check_directories, user_name
from consumer.errors import ConfigurationError
from consumer.handlers.loading.loader import archive_unmatched, build_registry, unmatched_patterns
from consumer.handlers.registering.registry import Handler, Registry
from consumer.queues.rules import QueueAddress, address_of, quarantine_queue
from consumer.signatures import check_installed
from consumer.signatures.source import INSTRUCTURE_JWKS_URL


def load_with_queue(
    file: Path | None, overrides: Mapping[str, Any], *, outside_service: bool = False
) -> Loaded:
    """The configuration, with a queue that is valid. Raises `ConfigurationError`."""
    loaded = load(
        file,
        environ=os.environ,
        overrides=overrides,
        require_queue=True,
        outside_service=outside_service,
    )
    _queue_address(loaded)
    return loaded


def check(file: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """The warnings about a configuration file, and what the daemon would do with it.

    Raises: `ConfigurationError`, with a line for each error.
    """
    loaded = load(file, environ=os.environ, overrides={}, require_queue=True, outside_service=True)
    settings = loaded.settings
    faults: list[str] = []
    with collecting(faults, loaded):
        address = _queue_address(loaded)
    with collecting(faults, loaded):
        if settings.queue.signed.mode != "off":
            check_installed()
    with collecting(faults, loaded):
        check_directories(given_state(loaded), settings.quarantine.directory, make=False)
    registry, warnings = load_registry(loaded, faults)
    if faults:
        raise ConfigurationError("\n".join(faults))
    return [*loaded.warnings, *warnings], list(_plan(loaded, address, _asking(registry)))


def given_state(loaded: Loaded) -> Path | None:
    """The state directory that is configured. None: a systemd unit sets its own."""
    return loaded.settings.state_directory if _is_given(loaded, "state_directory") else None


def _queue_address(loaded: Loaded) -> QueueAddress:
    """Where the queue is, by the rules for its URL, name and region. AWS is not called."""
    settings = loaded.settings
    try:
        if settings.quarantine.queue_url is not None:
            quarantine_queue(settings.quarantine.queue_url, settings.aws)
        return address_of(settings.queue, settings.aws)
    except ConfigurationError as error:
        keys = ("quarantine.queue_url", "queue.url", "queue.name", "aws.region")
        key = next((key for key in keys if key in str(error)), "")
        raise ConfigurationError(_located(str(error), loaded, key)) from None


def load_registry(loaded: Loaded, faults: list[str]) -> tuple[Registry, list[str]]:
    """The handlers of all entries, and warnings. Made one by one: every error is in `faults`."""
    settings, registry = loaded.settings, Registry()
    warnings: list[str] = []
    state = settings.state_directory
    make = partial(
        build_registry,
        state_directory=state,
        warn=warnings.append,
        aws_client=partial(_aws_client, settings),
        queue=settings.queue,
    )
    for index, entry in enumerate(settings.handlers):
        with collecting(faults, loaded, f"handlers[{index}].name"):
            registry.include(make([entry]))
    with collecting(faults, loaded, "state_directory"):
        if not settings.handlers:
            registry.include(make([]))
        if settings.unmatched == "archive" and not faults:  # else the same error is found twice
            archive_unmatched(registry, state_directory=state)
    return registry, warnings + unmatched_patterns(_asking(registry))


def _asking(registry: Registry) -> list[Handler]:
    """The handlers that ask for events, without those for the others."""
    return [handler for handler in registry.handlers if not handler.unmatched]


def _aws_client(settings: Settings, service: str, **options: Any) -> Any:
    from consumer.queues.sqs import AwsClients  # `config check` makes handlers, but calls nothing

    return AwsClients(settings.queue, settings.aws).client(service, **options)


@contextmanager
def collecting(faults: list[str], loaded: Loaded, key: str = "") -> Iterator[None]:
    """Collect configuration errors, with the place of the key; by default the key begins a line."""
    try:
        yield
    except ConfigurationError as error:
        lines = str(error).splitlines()
        faults += [_located(line, loaded, key or line.partition(":")[0]) for line in lines]


def _located(fault: str, loaded: Loaded, key: str) -> str:
    """The fault, after the file and line, or the variable or option, that gave the key."""
    return f"{loaded.origins[key]}: {fault}" if _is_given(loaded, key) else fault


def _is_given(loaded: Loaded, key: str) -> bool:
    return loaded.origins.get(key, "default") != "default"


def _plan(
    loaded: Loaded, address: QueueAddress, handlers: list[Handler]
) -> Iterator[tuple[str, str]]:
    """What the daemon would do, as labels and texts. AWS is not called."""
    settings = loaded.settings
    yield "queue", f"{address.name}, in {address.region or 'the region of the AWS configuration'}"
    if settings.aws.endpoint_url:
        yield "endpoint", settings.aws.endpoint_url
    yield "credentials", _credentials(settings.aws)
    if (signed := settings.queue.signed).mode != "off":
        place = signed.jwks_file or signed.jwks_url or INSTRUCTURE_JWKS_URL
        yield "signed", f"{signed.mode}; the keys are those in {place}"
    for index, handler in enumerate(handlers):
        only = f", {handler.format} format only" if handler.format else ""
        label = "" if index else "handlers"
        yield label, f"{handler.name}: {', '.join(handler.patterns)}{only}"
    yield from _around(settings)
    if not settings.handlers:
        yield "", "(no handler is configured, so every event is archived)"
    if not any(handler.takes_all for handler in handlers):
        archive = (settings.state_directory / "archive").absolute()
        fate = "deleted" if settings.unmatched == "delete" else f"archived in {archive}"
        yield "unmatched", f"events that no handler asks for are {fate}"
    yield "quarantine", _quarantine(settings)
    more = " if started here; a systemd unit sets another one ($STATE_DIRECTORY)"
    if _is_given(loaded, "state_directory"):
        more = f", which {user_name(os.geteuid())} can write"
    yield "state", f"{settings.state_directory.absolute()}{more}"
    if settings.ping.url or settings.ping.url_file:
        yield "ping", f"every {settings.ping.interval_seconds:g} s while healthy"
    yield "logging", f"{settings.logging.level}, {settings.logging.format}"
    if settings.tests:
        yield "tests", f'{len(settings.tests)}, which "consume config test" runs'


def _around(settings: Settings) -> Iterator[tuple[str, str]]:
    """What stands in front of the handlers: a label, and a text for each entry that has it."""
    found: dict[str, list[str]] = {"when": [], "redact": [], "coalesce": [], "rate limit": []}
    for entry in settings.handlers:
        if entry.when is not None:
            mappings = entry.when if isinstance(entry.when, list | tuple) else [entry.when]
            found["when"].append(f"{entry.name}: {', or '.join(map(written, mappings))}")
        if entry.redact is not None:
            found["redact"].append(f"{entry.name}: {entry.redact.profile}")
        if (same := entry.coalesce) is not None:
            text = f"{entry.name}: one call for each {same.key} in {same.seconds:g} s"
            found["coalesce"].append(text)
        if entry.rate_limit_per_second is not None:
            text = f"{entry.name}: {entry.rate_limit_per_second:g} calls a second"
            found["rate limit"].append(text)
    for label, texts in found.items():
        yield from zip([label, *[""] * len(texts)], texts, strict=False)


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


def _quarantine(settings: Settings) -> str:
    quarantine = settings.quarantine
    if quarantine.queue_url is not None:
        return f"the queue {queue_name_of_url(quarantine.queue_url)}"
    if quarantine.directory is not None:
        return str((settings.state_directory / quarantine.directory).absolute())
    return "none: what can't be handled is left to the queue's redrive policy"


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

"""What must hold between keys: timeouts, credentials, region and queue."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from consumer.config.fields import AWS_SECRETS, FIELDS, SECRETS, bare_type, right_for
from consumer.config.layers import Given, Layer, Sources, variable_of
from consumer.config.models import (
    AwsSettings,
    EngineSettings,
    MetricsSettings,
    PingSettings,
    QueueSettings,
    Settings,
)
from consumer.config.problems import HIDDEN, PLACEHOLDER, shown
from consumer.config.urls import (
    host_and_port,
    is_loopback,
    is_same_queue,
    queue_name_of_url,
    region_of_url,
    split_url,
)

_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
#: As AWS's SDKs read them; botocore itself knows only the second.
_REGION_VARIABLES: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+")
_KEY_PAIR: Final = ("aws.access_key_id", "aws.secret_access_key")


def check_texts(sources: Sources) -> None:
    """Reject variables in values, and ~ in paths: nothing is expanded here."""
    for key, text in ((key, given.value) for key, given in sources.given.items()):
        if key not in FIELDS or not isinstance(text, str):
            continue
        secret = key in SECRETS
        if re.search(PLACEHOLDER, text) or (secret and "$" in text):
            safe = HIDDEN if secret else shown(text)
            ways = f"set the environment variable {variable_of(key)}"
            ways += f" or use {key}_file" if secret else " instead"
            sources.add(key, f"{safe}: variables are not expanded in the configuration; {ways}")
        elif bare_type(FIELDS[key].annotation) is Path and (not text or text[0] == "~"):
            sources.add(key, f"{shown(text)}: must be a whole path; ~ is not expanded")


def check_settings(settings: Settings, sources: Sources) -> None:
    """Report what does not fit together."""
    _check_queue(settings.queue, sources)
    _check_signed(settings.queue, sources)
    _check_quarantine(settings, sources)
    _check_engine(settings.engine, sources)
    for index, handler in enumerate(settings.handlers):
        if handler.retry and handler.retry.base_seconds > handler.retry.max_seconds:
            base, longest = handler.retry.base_seconds, handler.retry.max_seconds
            error = f"{base:g}: must not be more than max_seconds ({longest:g})"
            sources.add(("handlers", index, "retry", "base_seconds"), error)
    _check_metrics(settings.metrics, sources)
    _check_aws(settings.aws, sources)
    _check_region(settings, sources)
    if settings.ping.url and settings.ping.url_file:
        _keep_one("ping.url_file", "ping.url", sources)


def _check_queue(queue: QueueSettings, sources: Sources) -> None:
    if queue.url and queue.name:
        _keep_one("queue.name", "queue.url", sources)
    _check_url(queue.url, "queue.url", sources)
    wait, read = queue.wait_time_seconds, queue.effective_read_timeout_seconds
    if read <= wait:
        sources.add(
            "queue.read_timeout_seconds",
            f"{read:g}: must be more than wait_time_seconds ({wait}), else each long poll "
            "is cut off before its answer; leave it out for 10 seconds more than that",
        )
    visibility, least = queue.visibility_timeout_seconds, queue.heartbeat_minimum_seconds
    key = "queue.visibility_timeout_seconds"
    if visibility is not None and visibility < read:
        sources.add(
            key,
            f"{visibility}: must be at least {read:g}, the time a receive may take "
            "(read_timeout_seconds; by default wait_time_seconds + 10), "
            "else messages are delivered again before they arrive",
        )
    elif visibility is not None and visibility < least:
        sources.add(
            key,
            f"{visibility}: must be at least {least:g}: the heartbeat renews at half of it, "
            "and in the other half it must reach SQS "
            f"(1 second, and connect_timeout_seconds, {queue.connect_timeout_seconds:g})",
        )


def _check_signed(queue: QueueSettings, sources: Sources) -> None:
    """Who can change the keys on their way can forge events, so they come over TLS."""
    key, url = "queue.signed.jwks_url", queue.signed.jwks_url
    if queue.unwrap and queue.signed.mode == "required":
        error = "must be empty with queue.signed.mode: required, because an envelope is not signed"
        sources.add("queue.unwrap", error)
    if url is None:
        return
    if queue.signed.jwks_file is not None:
        _keep_one("queue.signed.jwks_file", key, sources)
    parts = split_url(url)
    if parts is None or parts.username is not None:
        error = "must be a valid https URL, without a user name or password"
        sources.add(key, f"{shown(url)}: {error}")
    elif parts.scheme == "http" and not is_loopback(url):
        sources.add(key, f"{shown(url)}: must begin with https://; http is for this machine only")


def _check_quarantine(settings: Settings, sources: Sources) -> None:
    key, url = "quarantine.queue_url", settings.quarantine.queue_url
    if url is None:
        return
    if settings.quarantine.directory is not None:
        _keep_one(key, "quarantine.directory", sources)
    queue = settings.queue
    if is_same_queue(url, queue.url) if queue.url else queue_name_of_url(url) == queue.name:
        itself = "queue.url" if queue.url else "queue.name"
        sources.add(key, f"is {itself} itself: what can't be handled would return for ever")
    else:
        _check_url(url, key, sources)


def _check_url(url: str | None, key: str, sources: Sources) -> None:
    # What else a queue's URL must look like is checked by consumer.queues.rules.
    parts = split_url(url) if url else None
    if url and parts is None:
        right = "a valid URL, such as https://sqs.us-east-1.amazonaws.com/123456789012/NAME"
        sources.add(key, f"{shown(url)}: must be {right}")
    elif parts and parts.username is not None:
        sources.add(key, f"{HIDDEN}: must not contain a user name or password")


def check_ping(ping: PingSettings, sources: Sources) -> None:
    """The URL, also one from a file. It is a secret, so it is not shown."""
    parts = split_url(ping.url.get_secret_value()) if ping.url else None
    key = "ping.url_file" if ping.url_file else "ping.url"
    if ping.url and (parts is None or parts.username is not None):
        right = "a valid http or https URL, without a user name or password"
        sources.add(key, f"{HIDDEN}: must be {right}")


def _check_engine(engine: EngineSettings, sources: Sources) -> None:
    """The drain ends before systemd kills, and a backoff ends where it can."""
    drain, stop = engine.drain_timeout_seconds, engine.stop_timeout_seconds
    if drain >= stop:
        sources.add(
            "engine.drain_timeout_seconds",
            f"{drain:g}: must be less than {stop:g}, the TimeoutStopSec of the systemd unit, else "
            "the process is killed while it drains; lower it, or raise TimeoutStopSec in a "
            "drop-in of the unit and set engine.stop_timeout_seconds to the same",
        )
    base, longest = engine.retry_base_seconds, engine.retry_max_seconds
    if base > longest:
        error = f"{base:g}: must not be more than engine.retry_max_seconds ({longest:g})"
        sources.add("engine.retry_base_seconds", error)


def _check_metrics(metrics: MetricsSettings, sources: Sources) -> None:
    key, listen, textfile = "metrics.listen", metrics.listen, metrics.textfile
    address = None if listen is None else host_and_port(listen)
    if listen is not None and address is None:
        sources.add(key, f"{shown(listen)}: must be {right_for(FIELDS[key])}")
    elif address is not None and not ip_address(address[0]).is_loopback:
        sources.warn(
            key,
            f"{listen}: not only this machine can reach it, and it asks for no password: it shows "
            "the names of queue, handlers and events, and how many there are; 127.0.0.1 is safer",
        )
    if textfile is not None and textfile.suffix != ".prom":
        error = f"{shown(str(textfile))}: must end in .prom, else node_exporter does not read it"
        sources.add("metrics.textfile", error)


def _check_aws(aws: AwsSettings, sources: Sources) -> None:
    """Whole credentials from one source, in their right form."""
    given = _static(aws)
    for key, way in given.items():
        if way == key and getattr(aws, f"{key.removeprefix('aws.')}_file") is not None:
            _keep_one(f"{key}_file", key, sources)
    for key, other in (_KEY_PAIR, _KEY_PAIR[::-1]):
        if key in given and other not in given:
            error = f"{other} is missing; give both (or {other}_file), or neither"
            sources.add(given[key], error)
    if list(given) == ["aws.session_token"]:
        error = f"belongs to a key; {' and '.join(_KEY_PAIR)} are missing"
        sources.add(given["aws.session_token"], error)
    static = given.get("aws.access_key_id") or given.get("aws.secret_access_key")
    if static and aws.profile:
        _keep_one("aws.profile", static, sources, value=f"{shown(aws.profile)}: ")
    if aws.role_arn and not _ROLE.fullmatch(aws.role_arn):
        error = f"{shown(aws.role_arn)}: must look like arn:aws:iam::123456789012:role/NAME"
        sources.add("aws.role_arn", error)
    _check_url(aws.endpoint_url, "aws.endpoint_url", sources)


def _keep_one(key: str, other: str, sources: Sources, value: str = "") -> None:
    sources.add(key, f"{value}{other} is given, too ({sources.where(other)}); keep one of them")


def _static(aws: AwsSettings) -> dict[str, str]:
    """Each secret that is given, and the key by which: its own, or that of its file."""
    keys = ((secret, key) for secret in AWS_SECRETS for key in (f"{secret}_file", secret))
    return {secret: k for secret, k in keys if getattr(aws, k.removeprefix("aws.")) is not None}


def derived_region(settings: Settings, environ: Mapping[str, str]) -> Layer:
    """`aws.region`, if it is not set: as the URLs say, else as the variables of AWS's SDKs."""
    if settings.aws.region:
        return {}
    regions = (
        (region_of_url(settings.queue.url or ""), "queue.url"),
        (region_of_url(settings.aws.endpoint_url or ""), "aws.endpoint_url"),
        *((environ.get(name, "").strip(), f"environment {name}") for name in _REGION_VARIABLES),
    )
    return next(({"aws.region": Given(region, origin)} for region, origin in regions if region), {})


def _check_region(settings: Settings, sources: Sources) -> None:
    """A region in its right form, the same as in the URL, and known if there is a key."""
    queue, aws, key = settings.queue, settings.aws, "aws.region"
    if aws.endpoint_url:  # an emulator takes any region, or none
        return
    if aws.region and not _REGION.fullmatch(aws.region):
        sources.add(key, f"{shown(aws.region)}: must be a region, such as us-east-1")
    elif aws.region and (named := region_of_url(queue.url or "")) not in (None, aws.region):
        place = sources.where("queue.url")
        sources.add(key, f"{aws.region}: the queue's URL says {named} ({place}); leave it out")
    given = _static(aws)
    if given and not aws.region and (queue.url or queue.name):
        error = "with a key the region must be known: set aws.region, such as us-east-1"
        sources.add(next(iter(given.values())), error)

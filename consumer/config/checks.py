"""What must hold between keys: timeouts, credentials, region and queue."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from consumer.config.fields import FIELDS, SECRETS, bare_type
from consumer.config.layers import Given, variable_of
from consumer.config.problems import HIDDEN, shown
from consumer.config.urls import is_same_queue, queue_name_of_url, region_of_url, split_url
from consumer.config.validation import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from consumer.config.layers import Layer
    from consumer.config.models import (
        AwsSettings,
        EngineSettings,
        QuarantineSettings,
        QueueSettings,
    )
    from consumer.config.problems import Problems

    Where = Callable[[str], str]

_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
#: As AWS's SDKs read them; botocore itself knows only the second.
REGION_VARIABLES: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+")


def check_texts(given: Layer, problems: Problems) -> None:
    """No variables in values, and no ~ in paths: nothing is expanded here."""
    for key, value in given.items():
        text = value.value
        if key not in FIELDS or not isinstance(text, str):
            continue
        secret = key in SECRETS
        if re.search(PLACEHOLDER, text) or (secret and "$" in text):
            ways = f"set the environment variable {variable_of(key)}"
            ways += f" or use {key}_file" if secret else " instead"
            told = HIDDEN if secret else shown(text)
            fault = f"{told}: variables are not expanded in the configuration; {ways}"
            problems.add(value.origin, key, fault)
        elif bare_type(FIELDS[key].annotation) is Path and (not text or text[0] == "~"):
            fault = f"{shown(text)}: must be a whole path; ~ is not expanded"
            problems.add(value.origin, key, fault)


def check_queue(queue: QueueSettings, where: Where, problems: Problems) -> None:
    """One queue, a usable URL, and timeouts that fit together."""
    if queue.url and queue.name:
        fault = f"queue.url is given, too ({where('queue.url')}); keep one of them"
        problems.add(where("queue.name"), "queue.name", fault)
    if queue.url:
        _check_url(queue.url, "queue.url", where, problems)
    _check_timeouts(queue, where, problems)


def check_quarantine(
    quarantine: QuarantineSettings, queue: QueueSettings, where: Where, problems: Problems
) -> None:
    """One place, and not the queue that the messages come from."""
    key, url = "quarantine.queue_url", quarantine.queue_url
    if url is None:
        return
    if quarantine.directory is not None:
        fault = f"quarantine.directory is given, too ({where('quarantine.directory')}); keep one"
        problems.add(where(key), key, fault)
    if is_same_queue(url, queue.url) if queue.url else queue_name_of_url(url) == queue.name:
        itself = "queue.url itself" if queue.url else "queue.name itself"
        fault = f"is {itself}: what can't be handled would come again for ever"
        problems.add(where(key), key, fault)
    else:
        _check_url(url, key, where, problems)


def _check_url(url: str, key: str, where: Where, problems: Problems) -> None:
    # What a queue's URL must look like beyond that is for the rules of queues.
    parts = split_url(url)
    if parts is None:
        fault = f"{shown(url)}: must be a URL that begins with https://"
    elif parts.username is not None:
        fault = f"{HIDDEN}: must not contain a user name or password"
    else:
        return
    problems.add(where(key), key, fault)


def _check_timeouts(queue: QueueSettings, where: Where, problems: Problems) -> None:
    wait, read = queue.wait_time_seconds, queue.effective_read_timeout_seconds
    if read <= wait:
        fault = (
            f"{read:g}: must be more than wait_time_seconds ({wait}), else each long poll "
            "is cut off before its answer; leave it out for 10 seconds more than that"
        )
        problems.add(where("queue.read_timeout_seconds"), "queue.read_timeout_seconds", fault)
    visibility = queue.visibility_timeout_seconds
    if visibility is None:
        return
    if visibility < read:
        fault = (
            f"must be at least {read:g}, the time a receive may take (read_timeout_seconds; "
            "by default wait_time_seconds + 10), else messages come again before they arrive"
        )
    elif visibility < queue.heartbeat_minimum_seconds:
        fault = (
            f"must be at least {queue.heartbeat_minimum_seconds:g}: the heartbeat renews at half "
            "of it, and in the other half it must reach SQS "
            f"(1 second, and connect_timeout_seconds, {queue.connect_timeout_seconds:g})"
        )
    else:
        return
    key = "queue.visibility_timeout_seconds"
    problems.add(where(key), key, f"{visibility}: {fault}")


def check_engine(engine: EngineSettings, where: Where, problems: Problems) -> None:
    """The drain ends before systemd kills, and a backoff ends where it can."""
    drain, stop = engine.drain_timeout_seconds, engine.stop_timeout_seconds
    if drain >= stop:
        fault = (
            f"{drain:g}: must be less than {stop:g}, the TimeoutStopSec of the systemd unit, else "
            "the process is killed while it drains; lower it, or raise TimeoutStopSec in a "
            "drop-in of the unit and say so in engine.stop_timeout_seconds"
        )
        key = "engine.drain_timeout_seconds"
        problems.add(where(key), key, fault)
    base, longest = engine.retry_base_seconds, engine.retry_max_seconds
    if base > longest:
        key = "engine.retry_base_seconds"
        fault = f"{base:g}: must not be more than engine.retry_max_seconds ({longest:g})"
        problems.add(where(key), key, fault)


def check_aws(aws: AwsSettings, given: Layer, where: Where, problems: Problems) -> None:
    """Whole credentials from one source, in their right form."""
    present = {key: _source(key, given) for key in SECRETS}
    for key in SECRETS:
        if all(_is_given(k, given) for k in (key, f"{key}_file")):
            fault = f"{key} is given, too ({where(key)}); keep one of them"
            problems.add(where(f"{key}_file"), f"{key}_file", fault)
    _check_pair(present, where, problems)
    static = present["aws.access_key_id"] or present["aws.secret_access_key"]
    if static and aws.profile:
        fault = f"{shown(aws.profile)}: {static} is given, too ({where(static)}); keep one of them"
        problems.add(where("aws.profile"), "aws.profile", fault)
    if aws.role_arn and not _ROLE.fullmatch(aws.role_arn):
        fault = f"{shown(aws.role_arn)}: must look like arn:aws:iam::123456789012:role/NAME"
        problems.add(where("aws.role_arn"), "aws.role_arn", fault)
    if aws.endpoint_url:
        _check_url(aws.endpoint_url, "aws.endpoint_url", where, problems)


def _check_pair(present: Mapping[str, str | None], where: Where, problems: Problems) -> None:
    key_id, secret, token = (present[key] for key in SECRETS)
    for one, other in ((key_id, "aws.secret_access_key"), (secret, "aws.access_key_id")):
        if one and not present[other]:
            fault = f"{other} is missing; give both (or {other}_file), or neither"
            problems.add(where(one), one, fault)
    if token and not (key_id or secret):
        fault = "belongs to a key; aws.access_key_id and aws.secret_access_key are missing"
        problems.add(where(token), token, fault)


def _is_given(key: str, given: Layer) -> bool:
    return key in given and given[key].value is not None


def _source(secret: str, given: Layer) -> str | None:
    """The key by which the secret is given: its own, or that of its file."""
    return next((key for key in (secret, f"{secret}_file") if _is_given(key, given)), None)


def derived_region(
    queue: QueueSettings, aws: AwsSettings, environ: Mapping[str, str]
) -> Given | None:
    """The region if aws.region is not set: as the URLs say, else as the variables of AWS's SDKs.

    None leaves it to the profile.
    """
    said = {
        "queue.url": region_of_url(queue.url or ""),
        "aws.endpoint_url": region_of_url(aws.endpoint_url or ""),
        **{f"environment {name}": environ.get(name, "").strip() for name in REGION_VARIABLES},
    }
    return next((Given(region, origin) for origin, region in said.items() if region), None)


def check_region(
    queue: QueueSettings,
    aws: AwsSettings,
    given: Layer,
    where: Where,
    problems: Problems,
    *,
    derived: Given | None,
) -> None:
    """A region in its right form, not another than in the URL, and known if there is a key.

    With an endpoint of one's own (an emulator) any region is right, and none is needed.
    """
    if aws.endpoint_url:
        return
    key = "aws.region"
    region, origin = aws.region or "", where(key)
    if not region and derived:
        region, origin = derived.value, derived.origin
    if region and not _REGION.fullmatch(region):
        problems.add(origin, key, f"{shown(region)}: must be a region, such as us-east-1")
    elif aws.region and derived and derived.origin == "queue.url" and region != derived.value:
        url = where("queue.url")
        fault = f"{region}: the queue's URL says {derived.value} ({url}); leave it out"
        problems.add(origin, key, fault)
    static = next((source for s in SECRETS if (source := _source(s, given))), None)
    if static and not region and (queue.url or queue.name):
        fault = "with a key the region must be known: set aws.region, such as us-east-1"
        problems.add(where(static), static, fault)

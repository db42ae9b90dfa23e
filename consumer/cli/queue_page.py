"""What `consume queue create` prints: what was done, what to enter in Canvas, what comes next."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from consumer.cli.output import section, table, wrapped
from consumer.config import QueueSettings
from consumer.config.urls import queue_name_of_url
from consumer.operations.queue_setup import QueueResult, SetUp

_CANVAS: Final = (
    ("Subscription Name", "any, such as: live events to SQS"),
    ("Delivery Method", "SQS"),
    ("URL", ""),
    ("Authentication", "None: the queue's policy allows it"),
    ("Message Type", "Canvas"),
    ("events", "the ones you need, or all"),
)
_CREATE_POLICY: Final = (
    "aws iam create-policy --policy-name canvas-live-events-consumer "
    "--policy-document file://consumer-policy.json"
)


def facts_of(done: SetUp, *, dry_run: bool) -> dict[str, Any]:
    """The result as plain data, for --json."""
    return {
        "dry_run": dry_run,
        "arn": done.arn,
        "queue": _facts(done.queue),
        "dead_letter_queue": _facts(done.dead_letter_queue),
        "warnings": list(done.warnings),
    }


def _facts(result: QueueResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "url": result.url or None,
        "action": result.action,
        "changes": [change._asdict() for change in result.changes],
        "kept": list(result.kept),
    }


def page(
    done: SetUp, width: int | None, *, dry_run: bool, options: Mapping[str, Any],
    configured: QueueSettings,
) -> Iterator[str]:  # fmt: skip
    """The result as lines. `options` are those of the command; `configured` is without them."""
    for result in (done.dead_letter_queue, done.queue):
        yield from _result(result, width, dry_run=dry_run)
    if dry_run:
        yield from ("", "Nothing was changed: this was a dry run.")
        return
    url = done.queue.url
    title = "In Canvas, as an administrator: Admin > your account > Data Services > + Add"
    yield from section(title, [(name, text or url) for name, text in _CANVAS], width)
    yield from ("", click.style("Next", bold=True))
    yield from _next(done.queue, options, configured)


def _result(result: QueueResult, width: int | None, *, dry_run: bool) -> Iterator[str]:
    would = "would be " if dry_run and result.action != "unchanged" else ""
    yield f"{result.name}: {would}{result.action}"
    rows = [
        (name, desired if actual is None else f"{actual} -> {desired}")
        for name, actual, desired in result.changes
    ]
    yield from table(rows, width) if rows else ()
    for sentence in result.kept:
        yield from wrapped(sentence, width, "  ", "    ")


def _next(
    queue: QueueResult, options: Mapping[str, Any], configured: QueueSettings
) -> Iterator[str]:
    """The next commands. The daemon's identity is not the one that made the queue."""
    file, endpoint = options["config_file"], options["aws__endpoint_url"]
    words = shlex.join(["--config", str(file)] if file else ["--queue-url", queue.url])
    there = f"{words} --endpoint-url {shlex.quote(endpoint)}" if endpoint else words
    if file and queue.name not in (configured.name, queue_name_of_url(configured.url or "")):
        yield f"  set queue.url in {file} to the URL above"
    yield f"  consume queue iam {words} > consumer-policy.json"
    yield f"  {_CREATE_POLICY}"
    yield f"  consume check {there}"
    yield f"  consume {there}"

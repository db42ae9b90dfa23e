"""`consume decode`: shows how the daemon decodes messages."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from consumer.cli.options import help_end, message_options
from consumer.cli.output import echo, report
from consumer.cli.payloads import ARCHIVED_KEY, read_events
from consumer.events.identifiers import is_truncated, local_id, shard_of
from consumer.messages import Event, ReceivedMessage
from consumer.printable import printable

#: Nested bodies (course_progress) and Caliper's extensions are not deeper.
_DEEPEST: Final = 4
_URN: Final = "urn:instructure:canvas:"


@click.command(
    "decode",
    short_help="Show how the daemon decodes a message.",
    epilog=help_end(
        "consume decode payload.json",
        "consume decode --unwrap sns payload.json",
        "consume decode --json events-2024-05-01.jsonl | jq -r .event_name | sort | uniq -c",
        "aws sqs receive-message --message-attribute-names All --queue-url URL | consume decode -",
        codes={
            0: "every message could be decoded",
            1: "a message could not be decoded, or a file could not be read; the others are shown",
        },
    ),
)
@message_options
@click.pass_context
def decode_command(
    context: click.Context, /, files: tuple[str, ...], *, as_json: bool, **options: Any
) -> None:
    """Show format, name, time, key and ids of every event in FILE; "-" is standard input.

    A FILE holds one message, or several: one per line, a JSON array, lines of the archive, or the
    output of "aws sqs receive-message". Bodies are not shown. With --json, each event is one line.
    A note says where the daemon would refuse the FILE as one message of the queue.
    """
    faults: list[str] = []
    for file in files:
        noted = False
        for read in read_events(file, faults, **options):
            if read.refused and read.events and not noted:
                reason = f"{read.refused} is read here, but refused as one message of the queue"
                report(f"{file}: {reason}", kind="note")
                noted = True
            for event in read.events:
                facts = _facts(event, read.message, file, read.number)
                echo(json.dumps(facts) if as_json else _as_text(facts))
    context.exit(1 if faults else 0)


def _facts(event: Event, message: ReceivedMessage, file: str, number: int) -> dict[str, Any]:
    found = list(_values(event))
    return {
        "file": file,
        "message": number,
        "event": event.index + 1,
        "events": event.count,
        "skipped_entities": event.skipped,
        "format": event.format,
        "event_name": event.name,
        "event_time": event.time.isoformat().replace("+00:00", "Z") if event.time else None,
        # The archive removes secrets from the payload, but has the key of the original.
        "event_key": message.attributes.get(ARCHIVED_KEY) or event.key,
        "message_id": event.message_id or None,
        "triggered_by_job": event.triggered_by_job,
        "ids": dict(_ids(found)),
        "truncated": [path for path, value in found if is_truncated(value)],
    }


def _values(event: Event) -> Iterator[tuple[str, Any]]:
    if event.format == "canvas":
        yield from _walk(event.metadata, "metadata", _DEEPEST)
    yield from _walk(event.body, "body", _DEEPEST)


def _walk(values: Mapping[str, Any], path: str, depth: int) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        inner = f"{path}.{key}"
        if isinstance(value, dict):
            if depth:
                yield from _walk(value, inner, depth - 1)
        elif isinstance(value, (str, int)):
            yield inner, value


def _ids(found: list[tuple[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The ids of Canvas by their paths, without sessions, uuids and SIS ids."""
    for path, value in found:
        key = path.rpartition(".")[2]
        if (key != "id" and not key.endswith("_id")) or "sis" in key or key == "job_id":
            continue
        if ":" in str(value) and not str(value).startswith(_URN):
            continue  # the URL of the sensor, whose port is not an id
        local = local_id(value)
        if local is not None:
            yield path, {"id": value, "local": local, "shard": shard_of(value)}


def _as_text(facts: dict[str, Any]) -> str:
    place = f"{printable(facts['file'])}: message {facts['message']}"
    if facts["events"] > 1:
        place += f", event {facts['event']} of {facts['events']}"
    cause = " (caused by a background job)" if facts["triggered_by_job"] else ""
    lines = [
        place,
        f"  event      {printable(facts['event_name'])}, {facts['format']} format{cause}",
        f"  time       {facts['event_time'] or 'not readable'}",
        f"  key        {printable(facts['event_key'])}",
    ]
    if facts["skipped_entities"]:
        lines.append(f"  skipped    {facts['skipped_entities']} entities that are not events")
    for path, found in facts["ids"].items():
        part = f" (local {found['local']} of shard {found['shard']})" if found["shard"] else ""
        lines.append(f"  id         {printable(path)} {printable(str(found['id']))}{part}")
    if facts["truncated"]:
        lines.append(f"  truncated  {', '.join(map(printable, facts['truncated']))}")
    return "\n".join(lines)

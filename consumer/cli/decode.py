"""`consume decode`: shows how the daemon decodes messages."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from consumer.cli.options import help_end, message_options
from consumer.cli.output import echo_result, note
from consumer.cli.payloads import read_events
from consumer.events.identifiers import is_truncated, local_id, shard_of
from consumer.messages import Event
from consumer.printable import printable

#: Nested bodies (course_progress) and Caliper's extensions are not deeper.
_DEEPEST: Final = 5
_URN: Final = "urn:instructure:canvas:"


@click.command(
    "decode",
    short_help="Show how the daemon decodes a message.",
    epilog=help_end(
        "consume decode payload.json",
        "consume decode --unwrap sns payload.json",
        "consume decode --jwks signing_keys.json quarantine/2024-05-01/*.json",
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
                note(f"{file}: {reason}")
                noted = True
            for event in read.events:
                facts = _facts(event, file, read.number)
                echo_result(facts, _page(facts), as_json=as_json, indent=None)
    context.exit(1 if faults else 0)


def _facts(event: Event, file: str, number: int) -> dict[str, Any]:
    metadata = {"metadata": event.metadata} if event.format == "canvas" else {}
    values = dict(_values({**metadata, "body": event.body}))
    return {
        "file": file,
        "message": number,
        "event": event.index + 1,
        "events": event.count,
        "skipped_entities": event.skipped,
        "format": event.format,
        "event_name": event.name,
        "event_time": event.time.isoformat().replace("+00:00", "Z") if event.time else None,
        "event_key": event.key,
        "message_id": event.message_id or None,
        "triggered_by_job": event.triggered_by_job,
        "ids": {
            path: {"id": value, "local": local, "shard": shard_of(value)}
            for path, value in values.items()
            if _is_canvas_id(path, value) and (local := local_id(value)) is not None
        },
        "truncated": [path for path, value in values.items() if is_truncated(value)],
    }


def _values(
    values: Mapping[str, Any], prefix: str = "", depth: int = _DEEPEST
) -> Iterator[tuple[str, Any]]:
    """The path and value of each text and whole number."""
    for key, value in values.items():
        if isinstance(value, dict) and depth:
            yield from _values(value, f"{prefix}{key}.", depth - 1)
        elif isinstance(value, (str, int)):
            yield f"{prefix}{key}", value


def _is_canvas_id(path: str, value: Any) -> bool:
    """False for sessions, uuids and SIS ids, and for the URL of the sensor with its port."""
    key = path.rpartition(".")[2]
    if not f"_{key}".endswith("_id") or "sis" in key or key == "job_id":
        return False
    return ":" not in str(value) or str(value).startswith(_URN)


def _page(facts: dict[str, Any]) -> Iterator[str]:
    place = f"{facts['file']}: message {facts['message']}"
    if facts["events"] > 1:
        place += f", event {facts['event']} of {facts['events']}"
    yield printable(place)
    for label, text in _rows(facts):
        yield printable(f"  {label:<11}{text}")


def _rows(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    cause = " (caused by a background job)" if facts["triggered_by_job"] else ""
    yield "event", f"{facts['event_name']}, {facts['format']} format{cause}"
    yield "time", facts["event_time"] or "not readable"
    yield "key", facts["event_key"]
    if facts["skipped_entities"]:
        yield "skipped", f"{facts['skipped_entities']} entities that are not events"
    for path, found in facts["ids"].items():
        part = f" (local {found['local']} of shard {found['shard']})" if found["shard"] else ""
        yield "id", f"{path} {found['id']}{part}"
    if facts["truncated"]:
        yield "truncated", ", ".join(facts["truncated"])

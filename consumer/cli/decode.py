"""`consume decode`: what the daemon makes of a payload."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from consumer.cli.errors import tell, told_plainly
from consumer.cli.output import echo
from consumer.cli.payloads import ARCHIVED_KEY, messages_in, refused_as_message, unwrap_option
from consumer.cli.pieces import GZIP, standard_input
from consumer.errors import DecodeError
from consumer.events.identifiers import is_truncated, local_id, shard_of
from consumer.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumer.messages import Event, ReceivedMessage

#: Nested bodies (course_progress) and Caliper's extensions are not deeper.
_DEEPEST = 4
_URN = "urn:instructure:canvas:"


@click.command(
    "decode",
    short_help="Show what the daemon makes of a payload.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Exit codes:
  0  every message could be decoded
  1  a message could not be decoded, or a file could not be read: told on standard error,
     and the others are shown all the same
  74 standard output can't be written; a reader that leaves, such as "head", is no failure

\b
Examples:
  consume decode payload.json
  consume decode --unwrap sns payload.json
  consume decode --json events-2024-05-01.jsonl | jq -r .event_name | sort | uniq -c
  aws sqs receive-message --message-attribute-names All --queue-url URL | consume decode -
""",
)
@click.argument("files", metavar="FILE...|-", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per event, one per line.")
@click.option(
    "--format",
    "message_format",
    type=click.Choice(["auto", "canvas", "caliper"]),
    default="auto",
    show_default=True,
    help="Format of the messages; auto tells by their keys.",
)
@unwrap_option
@click.pass_context
def decode_command(
    context: click.Context,
    files: tuple[str, ...],
    as_json: bool,
    message_format: Any,
    unwrap: Any,
) -> None:
    """Show format, event name, time, key and ids of every event in FILE; "-" is standard input.

    A FILE holds one message, or several: one per line, in a JSON array, lines of the archive, or
    the output of "aws sqs receive-message". The bodies themselves are not shown. Where a FILE is
    read that would be refused as one message of the queue, a note says so.
    """
    with told_plainly():
        # All of them, whatever is wrong with one.
        good = [_show(f, as_json=as_json, format=message_format, unwrap=unwrap) for f in files]
        context.exit(0 if all(good) else 1)


def _show(file: str, *, as_json: bool, **how: Any) -> bool:
    """Show the events of a file; False if something in it is none, or it can't be read."""
    from consumer.events.decode import decode

    text = _text(file)
    if text is None:
        return False
    good, odd = True, refused_as_message(text)
    for number, message in enumerate(messages_in(text), start=1):
        try:
            events = decode(message, **how)
        except DecodeError as error:
            good = False
            tell(f"{file}: message {number}: {error.reason}")
            continue
        if odd:
            tell(f"{file}: {odd}", kind="note")
            odd = ""
        for event in events:
            facts = _facts(event, message, file, number)
            echo(json.dumps(facts) if as_json else _for_people(facts))
    return good


def _text(file: str) -> str | None:
    """The file's text, or None after telling why there is none."""
    try:
        content = standard_input().read() if file == "-" else Path(file).read_bytes()
        if content.startswith(GZIP):
            tell(f"{file}: can't be read: it is compressed; unpack it with gunzip")
            return None
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        tell(f"{file}: line {line} is not UTF-8 text")
        return None
    except (OSError, ValueError) as error:
        tell(f"{file}: can't be read: {getattr(error, 'strerror', None) or 'not a file name'}")
        return None
    if not text.strip():
        tell(f"{file}: there is no message in it")
        return None
    return text


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
        # The archive scrubs secrets, so the key of what was received stands beside it.
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
    """Canvas's own ids by where they stand; sessions, uuids and SIS ids are not among them."""
    for path, value in found:
        key = path.rpartition(".")[2]
        if (key != "id" and not key.endswith("_id")) or "sis" in key or key == "job_id":
            continue
        if ":" in str(value) and not str(value).startswith(_URN):
            continue  # the URL of the sensor, whose port is no id
        local = local_id(value)
        if local is not None:
            yield path, {"id": value, "local": local, "shard": shard_of(value)}


def _for_people(facts: dict[str, Any]) -> str:
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
        lines.append(f"  skipped    {facts['skipped_entities']} beside the events: no events")
    for path, found in facts["ids"].items():
        part = f" (local {found['local']} of shard {found['shard']})" if found["shard"] else ""
        lines.append(f"  id         {printable(path)} {printable(str(found['id']))}{part}")
    if facts["truncated"]:
        lines.append(f"  truncated  {', '.join(map(printable, facts['truncated']))}")
    return "\n".join(lines)

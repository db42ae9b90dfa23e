"""`consume drift`: what in these events the catalog does not know."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from consumer.cli.errors import tell, told_plainly
from consumer.cli.output import echo
from consumer.cli.payloads import messages_in, unwrap_option
from consumer.cli.pieces import pieces_of
from consumer.cli.tables import table, terminal_width, wrapped
from consumer.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.cli.drift_report import Report, Seen
    from consumer.events.drift import Unknown


@click.command(
    "drift",
    short_help="List events and fields that the catalog does not know.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Exit codes:
  0  everything is known, and fits its type
  1  something is not, a message could not be decoded, or a file could not be read
  74 standard output can't be written; a reader that leaves, such as "head", is no failure

\b
Examples:
  consume drift canvas-live-events/archive/2024/05/*.jsonl
  consume drift --json events.jsonl | jq '.unknown_fields[].field'
  aws sqs receive-message --message-attribute-names All --queue-url URL | consume drift -
""",
)
@click.argument("files", metavar="FILE...|-", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
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
def drift_command(
    context: click.Context,
    files: tuple[str, ...],
    as_json: bool,
    message_format: Any,
    unwrap: Any,
) -> None:
    """List events and fields in FILE that the catalog does not know, and values that do not fit.

    Canvas adds events and fields without notice; they are received and handled all the same. What
    this prints can be sent on: of values it shows type and shape only, never what they say.

    A FILE may be a directory, such as the archive: all that ends in .jsonl or .json in it is read.
    It holds one message, or several: one per line, in a JSON array, lines of the archive, or
    the output of "aws sqs receive-message"; "-" is standard input. "*" as an event stands for the
    metadata or the envelope that all events have, and for keys beside metadata and body. A value
    does not fit where it is of another type, or says no time where one is expected.
    """
    from consumer.cli.drift_report import Report

    faults: list[str] = []
    report = Report()
    with told_plainly():
        for file in _files(files, faults):
            _read(file, report, faults, format=message_format, unwrap=unwrap)
        if as_json:
            echo(json.dumps(_as_data(report), indent=2))
        else:
            for line in _page(report, terminal_width()):
                echo(line)
    context.exit(0 if report.is_clean and not faults else 1)


def _files(named: tuple[str, ...], faults: list[str]) -> Iterator[str]:
    """Of a directory the files with messages, at any depth, in order; all else as it is."""
    for name in named:
        folder = Path(name)
        if name != "-" and folder.is_dir():
            found = [path for path in folder.rglob("*.json*") if path.suffix in {".json", ".jsonl"}]
            if not found:
                faults.append("there is no .jsonl or .json file in it")
                tell(f"{name}: {faults[-1]}")
            yield from map(str, sorted(found))
        else:
            yield name


def _read(file: str, report: Report, faults: list[str], **how: Any) -> None:
    from consumer.events.decode import decode

    def fault(reason: str) -> None:
        faults.append(reason)
        tell(f"{file}: {reason}")

    number = 0
    for text in pieces_of(file, fault):
        for message in messages_in(text):
            number += 1
            report.messages += 1
            try:
                events = decode(message, **how)
            except DecodeError as error:
                report.undecodable += 1
                tell(f"{file}: message {number}: {error.reason}")
                continue
            for event in events:
                report.add(event)


def _sorted(found: dict[Unknown, Seen]) -> list[tuple[Unknown, Seen]]:
    """The most frequent first."""
    return sorted(found.items(), key=lambda item: (-item[1].count, item[0]))


def _as_data(report: Report) -> dict[str, Any]:
    unknown = _sorted(report.unknown)
    return {
        "messages": report.messages,
        "events": report.events.total(),
        "undecodable": report.undecodable,
        "unknown_events": [
            {
                **_place(what, seen, "format", "event_name"),
                "fields": {path: sorted(types) for path, types in seen.fields.items()},
            }
            for what, seen in unknown
            if not what.path
        ],
        "unknown_fields": [
            {**_place(what, seen, "format", "event_name", "field"), **_values(seen)}
            for what, seen in unknown
            if what.path
        ],
        "misfits": [
            {
                **_place(what, seen, "format", "event_name", "field"),
                **_values(seen),
                "expected": seen.expected,
            }
            for what, seen in _sorted(report.misfits)
        ],
        "complete": not report.is_cut,
    }


def _place(what: Unknown, seen: Seen, *keys: str) -> dict[str, Any]:
    return {**dict(zip(keys, what, strict=False)), "count": seen.count}


def _values(seen: Seen) -> dict[str, Any]:
    return {"types": sorted(seen.types), "example": seen.example}


def _page(report: Report, width: int | None) -> Iterator[str]:
    events = report.events.total()
    yield f"messages       {report.messages:,}"
    yield f"events         {events:,}"
    yield f"not decodable  {report.undecodable:,}"
    unknown = _sorted(report.unknown)
    section = partial(_section, width=width)
    yield from section(
        "Unknown events",
        ("COUNT", "FORMAT", "EVENT", "FIELDS"),
        [(*_cells(what, seen)[:3], _fields(seen)) for what, seen in unknown if not what.path],
    )
    yield from section(
        "Unknown fields",
        ("COUNT", "FORMAT", "EVENT", "FIELD", "TYPE", "FIRST VALUE"),
        [
            (*_cells(what, seen), " or ".join(sorted(seen.types)), seen.example)
            for what, seen in unknown
            if what.path
        ],
    )
    yield from section(
        "Values that do not fit",
        ("COUNT", "FORMAT", "EVENT", "FIELD", "FIRST VALUE", "EXPECTED"),
        [
            (*_cells(what, seen), seen.example, seen.expected)
            for what, seen in _sorted(report.misfits)
        ],
    )
    if report.is_cut:
        yield from wrapped("There was more than can be remembered: this is not all.", width)
    if report.is_clean:
        yield "Nothing is unknown, and every value fits."


def _section(
    title: str, header: tuple[str, ...], rows: list[tuple[str, ...]], *, width: int | None
) -> Iterator[str]:
    if rows:
        yield ""
        yield click.style(title, bold=True)
        yield from table([header, *rows], width)


def _cells(what: Unknown, seen: Seen) -> tuple[str, ...]:
    return f"{seen.count:,}", what.format, what.name, what.path


def _fields(seen: Seen) -> str:
    return ", ".join(f"{path} ({' or '.join(sorted(t))})" for path, t in seen.fields.items())

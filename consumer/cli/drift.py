"""`consume drift`: lists what is in events but not in the catalog."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from consumer.cli.options import help_end, message_options
from consumer.cli.output import echo_result, report, section, terminal_width, wrapped
from consumer.cli.payloads import read_events
from consumer.operations.message_files import files_in

_HEADINGS: Final = {"event_name": "EVENT", "types": "TYPE", "example": "FIRST VALUE"}
_WHERE: Final = ("count", "format", "event_name")
#: Title, key in the data, columns.
_SECTIONS: Final = (
    ("Unknown events", "unknown_events", (*_WHERE, "fields")),
    ("Unknown fields", "unknown_fields", (*_WHERE, "field", "types", "example")),
    ("Values that do not fit", "misfits", (*_WHERE, "field", "example", "expected")),
)


@click.command(
    "drift",
    short_help="List events and fields that are not in the catalog.",
    epilog=help_end(
        "consume drift canvas-live-events/archive/2024/05/*.jsonl",
        "consume drift --json events.jsonl | jq '.unknown_fields[].field'",
        "aws sqs receive-message --message-attribute-names All --queue-url URL | consume drift -",
        codes={
            0: "everything is in the catalog, and every value fits",
            1: "something is not, a message could not be decoded, or a file could not be read",
        },
    ),
)
@message_options
@click.pass_context
def drift_command(
    context: click.Context, /, files: tuple[str, ...], *, as_json: bool, **options: Any
) -> None:
    """List events and fields in FILE that are not in the catalog, and values that do not fit.

    Canvas adds events and fields without notice. They are received and handled like all others. The
    output can be shared: it shows type and shape of values, never the values themselves.

    A FILE holds one message, or several: one per line, a JSON array, lines of the archive, or the
    output of "aws sqs receive-message"; "-" is standard input. Of a directory, such as the archive,
    all .jsonl and .json files are read, also compressed ones (.gz).

    The event "*" stands for all events: for fields of the metadata or the envelope, and for keys
    next to metadata and body. A value does not fit if it has another type, or can't be read as a
    time where one is expected.
    """
    from consumer.cli.drift_report import Report

    found = Report()
    faults: list[str] = []
    for file in _files(files, faults):
        for read in read_events(file, faults, **options):
            found.add(read.events)
    data = found.as_data()
    echo_result(data, _page(data, terminal_width()), as_json=as_json)
    context.exit(0 if not faults and _is_clean(data) else 1)


def _files(names: tuple[str, ...], faults: list[str]) -> Iterator[str]:
    """The files with messages in directories, at any depth and in order; other names as given."""
    for name in names:
        folder = Path(name)
        if name != "-" and folder.is_dir():
            found, reason = [], "there is no .jsonl or .json file in it"
            try:
                found = files_in(folder)
            except OSError as error:
                reason = f"can't be read: {error.strerror}"
            if not found:
                faults.append(f"{name}: {reason}")
                report(faults[-1])
            yield from map(str, found)
        else:
            yield name


def _is_clean(data: dict[str, Any]) -> bool:
    return not (data["undecodable"] or any(data[key] for _, key, _ in _SECTIONS))


def _page(data: dict[str, Any], width: int | None) -> Iterator[str]:
    yield f"messages       {data['messages']:,}"
    yield f"events         {data['events']:,}"
    yield f"not decodable  {data['undecodable']:,}"
    for title, key, columns in _SECTIONS:
        if rows := data[key]:
            header = [_HEADINGS.get(column, column.upper()) for column in columns]
            cells = ([_cell(row[column]) for column in columns] for row in rows)
            yield from section(title, [header, *cells], width)
    if not data["complete"]:
        yield from wrapped("There are more; the memory for them is limited.", width)
    if data["messages"] and _is_clean(data):
        yield "Everything is in the catalog, and every value fits."


def _cell(value: Any) -> str:
    match value:
        case int():
            return f"{value:,}"
        case set():
            return " or ".join(sorted(value))
        case dict():
            return ", ".join(f"{path} ({_cell(types)})" for path, types in value.items())
    return str(value)

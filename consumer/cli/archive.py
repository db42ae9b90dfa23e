"""`consume archive`: what was archived."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from consumer.cli.options import FILE, config_option, help_end, json_option
from consumer.cli.output import echo_result, section, table, terminal_width, wrapped

if TYPE_CHECKING:
    from consumer.operations.archive.verify import Report


@click.group(
    "archive",
    short_help="Verify what was archived.",
    epilog=help_end("consume archive verify"),
)
def archive_group() -> None:
    """Verify what was archived."""


@archive_group.command(
    "verify",
    short_help="Read every file of an archive, and check every line.",
    epilog=help_end(
        "consume archive verify",
        "consume archive verify --config config.yaml",
        "consume archive verify /var/lib/canvas-live-events-consumer/archive",
        "consume archive verify --json | jq '.archives[].listed_faults'",
        codes={
            0: "every line is whole, and no file is missing",
            1: "there is a fault",
            78: "the configuration can't be used, or there is no archive that can be read",
            130: "stopped with Ctrl-C",
        },
    ),
)
@click.argument("directories", metavar="[DIRECTORY]...", nargs=-1, type=FILE)
@config_option
@click.option(
    "--no-keys", is_flag=True,
    help="Do not make the event keys again: for an archive that was written with redact, where "
    "payload and key differ. It is also faster.",
)  # fmt: skip
@json_option
@click.pass_context
def verify_command(
    context: click.Context,
    /,
    directories: tuple[Path, ...],
    *,
    config_file: Path | None,
    no_keys: bool,
    as_json: bool,
) -> None:
    """Read every file of the archive in DIRECTORY, and check every line.

    Without DIRECTORY, these are the archives of the configuration. Nothing is changed, and the
    daemon may be running.

    A fault is a line that is not a whole event, a payload that is not the one that its key was made
    of, a compressed file that is damaged, a file that is missing between two others of its day, and
    one that is there twice. An event that is archived twice is no fault: it is counted, if the two
    are not too far apart.
    """
    from consumer.operations.archive.verify import Verification

    places = directories or _configured(config_file)
    reports = [Verification(place, keys=not no_keys).run() for place in places]
    is_whole = all(report.is_whole for report in reports)
    data = {"whole": is_whole, "archives": [report.as_data() for report in reports]}
    width = terminal_width()
    pages = (line for report in reports for line in _page(report, width))
    echo_result(data, pages, as_json=as_json)
    context.exit(0 if is_whole else 1)


def _configured(path: Path | None) -> list[Path]:
    from consumer.config import load
    from consumer.operations.archive.places import archives_of, default_archive

    settings = load(path, environ=os.environ, overrides={}, outside_service=True).settings
    default = default_archive(settings).resolve()
    found = dict.fromkeys(directory for _, directory in archives_of(settings))
    if not found or default.is_dir():  # also of events that no handler asks for
        found[default] = None
    return list(found)


def _page(report: "Report", width: int | None) -> Iterator[str]:
    keys, total = report.keys, report.total
    rows = [
        ["archive", report.directory],
        ["files", f"{total('files'):,}, {total('compressed'):,} of them compressed"],
        ["bytes", f"{total('bytes'):,}"],
        ["events", f"{total('events'):,}, {total('duplicates'):,} of them archived before"],
        ["faults", f"{total('faults'):,}"],
    ]
    if keys.total():
        unknown = f"{keys['unknown']:,} can't be made again, such as without secrets in URLs"
        rows.insert(4, ["keys", f"{keys['matches']:,} are right; {unknown}"])
    if report.set_apart:
        rows.append(["set apart", f"{report.set_apart:,} files (.torn), of lines that a crash cut"])
    yield from table(rows, width, indent="")
    yield from section("By month", [_HEADER, *_months(report)], width)
    if report.faults:
        faults: list[Any] = [[f.file, str(f.line or ""), f.fault] for f in report.faults]
        yield from section("Faults", [["FILE", "LINE", "FAULT"], *faults], width)
    if len(report.faults) < total("faults"):
        yield from wrapped("There are more faults than these.", width)
    if keys["differs"] and not keys["matches"]:
        hint = "Was it written with redact? Then give --no-keys."
        yield from wrapped(f"No key is that of its payload. {hint}", width)
    yield ""


_HEADER = ["MONTH", "FILES", "BYTES", "EVENTS", "DUPLICATES", "FAULTS"]


def _months(report: "Report") -> Iterator[list[str]]:
    for name, month in report.months.items():
        counts = (month.files, month.bytes, month.events, month.duplicates, month.faults)
        yield [name, *(f"{count:,}" for count in counts)]

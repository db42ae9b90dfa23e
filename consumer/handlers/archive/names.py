"""The files of an archive, known by their names: DIRECTORY/2026/11/events-2026-11-23.2.jsonl.gz."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

LINES: Final = "jsonl"
COMPRESSED: Final = "jsonl.gz"
#: What a crash had torn, set apart.
TORN: Final = "torn"

_NAME: Final = re.compile(
    rf"events-([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})(?:\.([1-9][0-9]*))?\.({LINES}|{COMPRESSED}|{TORN})"
)


@dataclass(frozen=True, slots=True, order=True)
class Named:
    """A file of an archive. They sort by time."""

    day: date
    #: The files of one day have numbers from 0, which is not in the name.
    number: int
    kind: str
    path: Path


def named(path: Path) -> Named | None:
    """None for every other file."""
    found = _NAME.fullmatch(path.name)
    try:
        day = date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None
    if found is None or day is None or path.parts[-3:-1] != (f"{day:%Y}", f"{day:%m}"):
        return None
    return Named(day, int(found[2] or 0), found[3], path)


def files_in(directory: Path) -> list[Named]:
    """The archive files in a directory, in the order of time; no links. Raises `OSError`."""
    directory.stat()  # glob passes over what it can't read
    paths = directory.glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]/events-*")
    found = (named(path) for path in paths if path.is_file() and not path.is_symlink())
    return sorted(file for file in found if file is not None)


def path_for(directory: Path, day: date, number: int) -> Path:
    """Where the lines of a day are written."""
    suffix = f".{number}" if number else ""
    return month_of(directory, day) / f"events-{day}{suffix}.{LINES}"


def month_of(directory: Path, day: date) -> Path:
    """The directory of a month, in that of its year."""
    return directory / f"{day.year:04d}" / f"{day.month:02d}"


def compressed_path(path: Path) -> Path:
    """The name of a file of lines when it is compressed."""
    return path.with_name(f"{path.name}.gz")


def unfinished_path(path: Path) -> Path:
    """Where it is compressed; no reader takes that for a file of the archive."""
    return path.with_name(f"{path.name}.gz.unfinished")

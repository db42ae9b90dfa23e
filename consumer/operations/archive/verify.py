"""Reads every file of an archive, in bounded memory: is everything whole, and there once?"""

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

from consumer.errors import ConfigurationError
from consumer.handlers.archive.file import is_held
from consumer.handlers.archive.names import (
    COMPRESSED,
    LINES,
    TORN,
    Named,
    compressed_path,
    files_in,
    path_for,
)
from consumer.operations.archive.lines import LineError, check_key, key_in

_GZIP: Final = b"\x1f\x8b"
#: A message has at most 1 MiB, and each of its bytes at most six in a line. A longer line is no
#: event, and is not read into memory.
_LONGEST: Final = 8 * 1_048_576
#: So many faults are listed; all are counted.
_MOST_FAULTS: Final = 1_000
#: Duplicates are found among twice as many keys at most.
_REMEMBERED: Final = 500_000


class Fault(NamedTuple):
    """What is not as it was written."""

    file: str
    line: int | None
    fault: str


@dataclass
class Month:
    """What there is of one month."""

    files: int = 0
    compressed: int = 0
    bytes: int = 0
    events: int = 0
    duplicates: int = 0
    faults: int = 0


@dataclass
class Report:
    """What there is in an archive."""

    directory: str
    #: By "2026-11".
    months: dict[str, Month] = field(default_factory=dict)
    #: Whether the keys that were made again are those in the lines.
    keys: Counter[str] = field(default_factory=Counter)
    #: Files with what a crash had torn, and was set apart.
    set_apart: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """True if there is no fault."""
        return not self.faults

    def total(self, what: str) -> int:
        """The sum of all months."""
        return sum(getattr(month, what) for month in self.months.values())

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "directory": self.directory,
            "whole": self.is_whole,
            **{what: self.total(what) for what in vars(Month())},
            "set_apart": self.set_apart,
            "keys": {what: self.keys[what] for what in ("matches", "differs", "unknown")},
            "months": {name: vars(month) for name, month in self.months.items()},
            "listed_faults": [fault._asdict() for fault in self.faults],
        }


class Verification:
    """Reads the files of one archive, the oldest first. `run` is called once.

    Args:
        keys: make the key of each event again.
    """

    def __init__(self, directory: Path, *, keys: bool = True) -> None:
        self._directory = directory
        self._keys = keys
        self._seen: tuple[set[int], set[int]] = (set(), set())
        self._report = Report(str(directory))

    def run(self) -> Report:
        """Raises `ConfigurationError` if there is no archive."""
        try:
            files = files_in(self._directory)
            for folder in self._directory.glob("[0-9]*/**/"):
                any(folder.iterdir())  # glob passes over what it can't read
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a directory's name"
            place = getattr(error, "filename", None) or self._directory
            raise ConfigurationError(f"{place}: can't be read: {reason}") from None
        if not files:
            raise ConfigurationError(f"{self._directory}: there is no file of an archive in it")
        for file in files:
            if file.kind == TORN:
                self._report.set_apart += 1
            else:
                self._file(file)
        self._numbers([file for file in files if file.kind != TORN])
        return self._report

    def _file(self, file: Named) -> None:
        path = file.path
        if file.kind == LINES and not path.exists():
            path = compressed_path(path)  # meanwhile
        line, month = 0, self._month(file)
        try:
            with _opened(path, packed=file.kind == COMPRESSED) as (stream, is_packed):
                month.bytes += path.stat().st_size
                month.files += 1
                month.compressed += is_packed
                for line, content in enumerate(_lines_of(stream), start=1):
                    self._line(file, month, line, content)
                if is_packed and not line:  # only files with lines are compressed
                    self._fault(file, None, "the compressed file has no lines")
        except FileNotFoundError:
            return  # deleted meanwhile, as keep_days says
        except (EOFError, zlib.error, gzip.BadGzipFile):
            self._fault(file, line + 1, "the compressed file is damaged or cut off here")
        except OSError as error:
            self._fault(file, line + 1, f"can't be read: {error.strerror}")

    def _line(self, file: Named, month: Month, number: int, content: bytes) -> None:
        if not content.endswith(b"\n") and len(content) <= _LONGEST:
            if not is_held(file.path):  # else it is being written
                self._fault(file, number, "the last line is torn")
            return
        try:
            key, text = key_in(content)
        except LineError as error:
            self._fault(file, number, str(error))
            return
        month.events += 1
        month.duplicates += self._is_duplicate(key)
        if self._keys:
            self._check_key(file, number, text)

    def _check_key(self, file: Named, number: int, text: str) -> None:
        found = check_key(text)
        self._report.keys[found] += 1
        if found == "differs":
            self._fault(file, number, "the payload is not the one that the key was made of")

    def _is_duplicate(self, key: str) -> bool:
        """True if this key was seen among the last half a million, or up to twice as many."""
        older, newer = self._seen
        digest = hash(key)
        if digest in newer or digest in older:
            return True
        newer.add(digest)
        if len(newer) >= _REMEMBERED:
            self._seen = (newer, set())
        return False

    def _numbers(self, files: Sequence[Named]) -> None:
        """The numbers of a day have no gap, except at its beginning, and each is there once."""
        for file, following in pairwise(files):
            if file.day != following.day:
                continue
            if file.number == following.number:
                if file.path.exists() and following.path.exists():
                    self._fault(file, None, "there is a compressed file, too, with the same lines?")
                continue
            for number in range(file.number + 1, following.number):
                missing = path_for(self._directory, file.day, number)
                if not missing.exists() and not compressed_path(missing).exists():
                    self._fault(Named(file.day, number, LINES, missing), None, "it is missing")

    def _month(self, file: Named) -> Month:
        return self._report.months.setdefault(f"{file.day:%Y-%m}", Month())

    def _fault(self, file: Named, line: int | None, fault: str) -> None:
        self._month(file).faults += 1
        if len(self._report.faults) < _MOST_FAULTS:
            name = str(file.path.relative_to(self._directory))
            self._report.faults.append(Fault(name, line, fault))


@contextmanager
def _opened(path: Path, *, packed: bool) -> Iterator[tuple[BinaryIO, bool]]:
    """Its unpacked content, and whether it is compressed."""
    with path.open("rb") as raw:
        packed = packed or raw.peek(len(_GZIP))[: len(_GZIP)] == _GZIP
        yield cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if packed else raw, packed


def _lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """Each line; of one that is too long the beginning."""
    while line := stream.readline(_LONGEST + 1):
        yield line
        while len(line) > _LONGEST and not line.endswith(b"\n"):
            line = stream.readline(_LONGEST + 1)

"""Files with messages: found in directories, and read in pieces of any number, also compressed."""

import codecs
import gzip
import io
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

_GZIP: Final = b"\x1f\x8b"
_SUFFIXES: Final = re.compile(r"\.jsonl?(\.gz)?$")
#: Each event of the archive is one line.
_ARCHIVED: Final = b'{"received_at":"'
_CHUNK_BYTES: Final = 1_048_576


class Place(NamedTuple):
    """Where something begins in a file: after so many unpacked bytes, in which line."""

    offset: int = 0
    line: int = 1


BEGIN: Final = Place()


class Piece(NamedTuple):
    """A part of a file with whole messages, unless the file ends in the middle of one."""

    text: str
    begin: Place
    end: Place


def files_in(directory: Path) -> list[Path]:
    """The files with messages in a directory, at any depth: those of the archive in time order.

    Raises `OSError` if it can't be read, or a directory in it.
    """

    def fail(error: OSError) -> None:
        raise error  # Path.rglob would leave out what it may not read

    found: list[Path] = []
    for folder, folders, names in os.walk(directory, onerror=fail):
        if "lost+found" in folders:  # of a file system, which only root may read
            folders.remove("lost+found")
        found += [Path(folder, name) for name in names if _SUFFIXES.search(name)]
    return sorted(found, key=_order)


def _order(path: Path) -> list[list[tuple[int, str]]]:
    """Numbers count as such: `events-2024-05-01.2.jsonl` is before `events-2024-05-01.10.jsonl`."""
    *folders, name = path.parts
    parts = [*folders, _SUFFIXES.sub("", name)]
    return [
        [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", text)]
        for text in parts
    ]


def pieces_of(
    file: str,
    fault: Callable[[str], None],
    *,
    nothing: Callable[[str], None] | None = None,
    begin: Place = BEGIN,
    limit: int | None = None,
    consumed: Callable[[int], None] = lambda _bytes: None,
) -> Iterator[Piece]:
    """The text of a file in pieces; "-" is standard input. `fault` gets what can't be read.

    Args:
        nothing: gets, in place of `fault`, that there is no message in it.
        begin: where to begin: the end of a piece of an earlier run.
        limit: so many bytes at most; a file that is written meanwhile has no end otherwise. A
            compressed file is always read to its end.
        consumed: called with the bytes of the file itself that have been read so far.
    """
    empty = True
    with _reported(fault):
        with _opened(file) as (stream, packed):
            _skip(stream, begin.offset)
            lines = stream if limit is None or packed else _limited(stream, limit - begin.offset)
            for place, content in _cut(lines, begin):
                end = Place(place.offset + len(content), place.line + content.count(b"\n"))
                consumed(packed.tell() if packed else end.offset)
                known = content if place.offset else content.removeprefix(codecs.BOM_UTF8)
                empty = empty and not known.strip()
                try:
                    text = known.decode()
                except UnicodeDecodeError as error:
                    line = place.line + known.count(b"\n", 0, error.start)
                    fault(f"line {line} is not UTF-8 text")
                    continue
                if not text.isspace():
                    yield Piece(text, place, end)
        if empty and not begin.offset:
            (nothing or fault)("there is no message in it")


@contextmanager
def _reported(fault: Callable[[str], None]) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile):
        fault("can't be read to its end: the compressed file is damaged or cut off")
    except OSError as error:
        fault(f"can't be read: {error.strerror}")
    except ValueError:
        fault("can't be read: not a file name")
    except RuntimeError:
        fault("can't be read: standard input is closed")


def first_line_of(file: str) -> bytes:
    """The first line, or the beginning of a long one. Raises `OSError` and what gzip raises."""
    with _opened(file) as (stream, _):
        return stream.readline(_CHUNK_BYTES)


@contextmanager
def _opened(file: str) -> Iterator[tuple[BinaryIO, BinaryIO | None]]:
    """The unpacked content; and the file itself, if it is compressed."""
    if file == "-":
        yield _unpacked(_standard_input())
        return
    path = Path(file)
    if not path.exists() and (compressed := Path(f"{file}.gz")).exists():
        path = compressed  # since the directory was listed
    with path.open("rb") as raw:
        yield _unpacked(raw)


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise RuntimeError
    try:
        # Python closes its own at exit, and aborts if a thread still waits in there.
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except (OSError, ValueError):  # such as a StringIO
        return sys.stdin.buffer


def _unpacked(raw: BinaryIO) -> tuple[BinaryIO, BinaryIO | None]:
    stream: Any = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast("Any", raw))
    if stream.peek(2)[:2] == _GZIP:
        return cast("BinaryIO", gzip.GzipFile(fileobj=stream)), stream
    return stream, None


def _skip(stream: BinaryIO, count: int) -> None:
    if count and stream.seekable():
        stream.seek(count)


def _limited(lines: Iterable[bytes], left: int) -> Iterator[bytes]:
    for line in lines:
        if left <= 0:
            return
        yield line[:left]
        left -= len(line)


def _cut(lines: Iterable[bytes], begin: Place) -> Iterator[tuple[Place, bytes]]:
    """Each piece, and where it begins.

    A piece begins at a line that begins with "{". From an array on, all the rest is one piece.
    """
    piece: list[bytes] = []
    is_array = False
    offset, line = begin
    for content in lines:
        start = content if offset else content.removeprefix(codecs.BOM_UTF8)
        if piece and start.startswith(b"{") and not is_array:
            whole = b"".join(piece)
            yield Place(offset, line), whole
            offset, line, piece = offset + len(whole), line + len(piece), []
        is_array = is_array or start.lstrip().startswith(b"[")
        piece.append(content)
        if start.startswith(_ARCHIVED) and start.endswith(b"}\n") and not is_array:
            yield Place(offset, line), content  # at once: a pipe may have no next line for long
            offset, line, piece = offset + len(content), line + 1, []
    if piece:
        yield Place(offset, line), b"".join(piece)

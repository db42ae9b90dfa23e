"""Reads a file piece by piece, each with whole messages in it, so that it may be of any size."""

from __future__ import annotations

import errno
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

#: How a compressed file begins.
GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


def pieces_of(file: str, fault: Callable[[str], None]) -> Iterator[str]:
    """The texts that a file is made of; "-" is standard input.

    A new one begins at each line that begins with "{". A file that begins with "[" is one piece,
    since an array ends with its last line. `fault` is told what can't be read.
    """
    empty = True
    try:
        with _opened(file) as stream:
            for first_line, content in _cut(stream):
                empty = empty and not content.strip()
                if content.startswith(GZIP) and first_line == 1:
                    fault("can't be read: it is compressed; unpack it with gunzip")
                    return
                try:
                    text = content.decode()
                except UnicodeDecodeError as error:
                    line = first_line + content.count(b"\n", 0, error.start)
                    fault(f"line {line} is not UTF-8 text")
                    continue
                if not text.isspace():
                    yield text
    except (OSError, ValueError) as error:
        fault(f"can't be read: {getattr(error, 'strerror', None) or 'not a file name'}")
        return
    if empty:
        fault("there is no message in it")


def _opened(file: str) -> AbstractContextManager[IO[bytes]]:
    return nullcontext(standard_input()) if file == "-" else Path(file).open("rb")


def standard_input() -> IO[bytes]:
    """Its bytes. `OSError` if it is closed."""
    if sys.stdin is None:
        raise OSError(errno.EBADF, "standard input is closed")
    return sys.stdin.buffer


def _cut(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Each piece, and the number of its first line."""
    piece: list[bytes] = []
    is_array = is_cut = False
    first_line = 1
    for number, line in enumerate(lines, start=1):
        content = line.removeprefix(_BOM) if number == 1 else line
        if content.startswith(b"{") and not is_array:
            if is_cut:
                yield first_line, b"".join(piece)
                piece, first_line = [], number
            is_cut = True
        elif not is_cut and content.lstrip().startswith(b"["):
            is_array = True
        piece.append(content)
    if piece:
        yield first_line, b"".join(piece)

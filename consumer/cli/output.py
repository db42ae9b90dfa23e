"""Standard output and standard error: results, errors in plain words, and what handlers print.

Tables and paragraphs are as wide as a terminal. In a pipe or file, each row is one line.
"""

import io
import json
import os
import shutil
import sys
import textwrap
import threading
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TextIO

import click

from consumer.errors import EXIT_BUG, EXIT_OK, EXIT_OUTPUT, ConsumerError
from consumer.printable import printable

_GAP: Final = "  "
#: A narrower last column is below the other columns.
_NARROWEST: Final = 20
_WIDEST_COLUMN: Final = 60  # a name can be longer: that row is, and the others not
#: Longer lines are hard to read.
_WIDEST: Final = 140


class OutputError(ConsumerError):
    """Standard output can't be written. If its reader has gone, as `head` does, that is fine."""

    exit_code = EXIT_OUTPUT

    def __init__(self, reason: str, *, reader_gone: bool = False) -> None:
        super().__init__(f"standard output can't be written: {reason}")
        self.reader_gone = reader_gone


def echo(text: str) -> None:
    """Write a line. Characters that the stream can't encode are escaped. Raises `OutputError`."""
    with writing():
        try:
            click.echo(text)
        except UnicodeEncodeError:
            click.echo(text.encode("ascii", "backslashreplace").decode("ascii"))


def echo_result(
    data: object, lines: Iterable[str], *, as_json: bool, indent: int | None = 2
) -> None:
    """Write the data as JSON, or the lines of a page. Raises `OutputError`."""
    if as_json:
        echo(json.dumps(data, default=_plain, indent=indent))
    else:
        for line in lines:
            echo(line)


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set) else asdict(value)


def terminal_width() -> int | None:
    """The longest line, in characters; None (no limit) if standard output is not a terminal."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return max(40, min(shutil.get_terminal_size().columns, _WIDEST))


def table(rows: Sequence[Sequence[str]], width: int | None, indent: str = "  ") -> Iterator[str]:
    """The lines of a table with aligned columns, the last one wrapped at `width`.

    Cells can come from payloads: characters that are not printable are escaped.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [min(max(map(len, cells)), _WIDEST_COLUMN) for cells in zip(*rows, strict=True)][:-1]
    left = len(indent) + sum(widths) + len(_GAP) * len(widths)
    below = " " * (len(indent) + 4)
    for *cells, last in rows:
        start = "".join(cell.ljust(wide) + _GAP for cell, wide in zip(cells, widths, strict=True))
        if width is None or width - left >= _NARROWEST:
            yield from wrapped(start + last, width, indent, " " * left)
        else:
            yield from wrapped(start, width, indent, below)
            yield from wrapped(last, width, below)


def section(title: str, rows: Sequence[Sequence[str]], width: int | None) -> Iterator[str]:
    """An empty line, the title, and a table."""
    yield ""
    yield click.style(title, bold=True)
    yield from table(rows, width)


def wrapped(
    text: str, width: int | None, indent: str = "", hanging: str | None = None
) -> Iterator[str]:
    """The lines of a paragraph; `hanging` is the indent of all but the first."""
    if width is None:
        yield f"{indent}{text}".rstrip()
        return
    yield from textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_on_hyphens=False,
    )


@contextmanager
def writing() -> Iterator[None]:
    """Raise `OutputError` if standard output can't be written meanwhile."""
    if sys.stdout is None:
        raise OutputError("it is closed")
    try:
        yield
    except OSError as error:
        raise output_error(error) from None


def output_error(error: OSError) -> OutputError:
    """Standard output can't be written, for this reason."""
    return OutputError(_reason_of(error), reader_gone=isinstance(error, BrokenPipeError))


def _reason_of(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def report(text: str, *, kind: str = "error") -> None:
    """Write each line of the text as "consume: error: ..." to standard error, if possible."""
    for line in text.split("\n") if text else ():
        try:
            click.echo(printable(f"consume: {kind}: {line}"), err=True)
        except OSError:
            discard(sys.stderr)


def note(text: str) -> None:
    """Report what is no fault, such as progress, as "consume: note: ..." on standard error."""
    report(text, kind="note")


def discard(stream: TextIO | None) -> None:
    """Send to /dev/null what a failed stream still buffers: Python flushes it at the end."""
    if stream is not None:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def plain_errors() -> Iterator[None]:
    """Report an error in plain words, and exit with its exit code.

    An exception that is not a `ConsumerError` is a bug. Its text may quote a secret or personal
    data, so only its type and place are reported.
    """
    try:
        yield
    except Exception as found:
        error, frames = found, traceback.extract_tb(found.__traceback__)
        if isinstance(error, OSError) and frames[-1].name == "echo":  # click writes --help
            error = output_error(error)
        if isinstance(error, OutputError):
            discard(sys.stdout)
            if error.reader_gone:
                sys.exit(EXIT_OK)
        if isinstance(error, ConsumerError):
            report(str(error))
            sys.exit(error.exit_code)
        places = [f"{Path(f.filename).name}:{f.lineno} in {f.name}" for f in frames[-3:]]
        report(f"a bug in this program: {type(error).__name__} at {' > '.join(places)}")
        sys.exit(EXIT_BUG)


def open_closed_streams() -> None:
    """Open /dev/null for each standard stream that is closed. Must be called first.

    Otherwise the next file that is opened would get the stream's number, and what a library writes
    to standard error would end up in that file. `sys.stdout` stays None: results need a real one.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number is free
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - to the end


class Printed:
    """Writes each line that handlers print at once, and as a whole.

    If a line can't be written, the handler that printed it fails, so its event stays in the queue.
    """

    def __init__(self) -> None:
        self.reason = ""  #: why something could not be written until now
        #: The beginning of a line, for each thread: several print at the same time.
        self._begun: dict[int, str] = {}
        #: True if a thread waits for the reader, and would keep Python from ending.
        self.is_stuck = False
        stream = sys.stdout
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
            self._write = stream.write
            stream.write = self._write_lines  # type: ignore[method-assign]

    def _write_lines(self, text: str) -> int:
        thread = threading.get_ident()
        lines, end, begun = (self._begun.pop(thread, "") + text).rpartition("\n")
        if begun:
            self._begun[thread] = begun
        try:
            if end:
                self._write(lines + end)
        except OSError as error:
            self.reason = self.reason or _reason_of(error)
            raise
        return len(text)

    def failure(self, *, seconds: float = 2.0) -> str:
        """Why something could not be written, or "". To be called last.

        Waits at most so many seconds for a pipe to be read.
        """
        flushing = threading.Thread(target=self._flush, name="flush", daemon=True)
        flushing.start()
        flushing.join(seconds)
        self.is_stuck = flushing.is_alive()
        if self.is_stuck:
            self.reason = self.reason or "it is not read"
        if self.reason:
            discard(sys.stdout)
        return self.reason

    def _flush(self) -> None:
        try:
            if sys.stdout is not None:
                for begun in self._begun.copy().values():
                    self._write(begun)
                self._begun.clear()
                sys.stdout.flush()
        except (OSError, ValueError) as error:
            self.reason = self.reason or _reason_of(error)

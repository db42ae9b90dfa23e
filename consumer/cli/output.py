"""Standard output: results go there, and what can't be written has an exit code of its own."""

from __future__ import annotations

import io
import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from consumer.cli.errors import OutputError, leave

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How long the end waits for a reader of what handlers have printed.
LAST_SECONDS: Final = 2.0


def echo(text: str) -> None:
    """Write a line. What the stream can't encode is written as an escape. Raises `OutputError`."""
    with writing():
        try:
            click.echo(text)
        except UnicodeEncodeError:
            click.echo(text.encode("ascii", "backslashreplace").decode("ascii"))


@contextmanager
def writing() -> Iterator[None]:
    """Have a failure to write to standard output meanwhile raise `OutputError`."""
    if sys.stdout is None:
        raise OutputError("it is closed")
    try:
        yield
    except OSError as error:
        raise OutputError(
            _reason_of(error), reader_gone=isinstance(error, BrokenPipeError)
        ) from None


def open_closed_streams() -> None:
    """Give the numbers of closed standard streams to /dev/null; to be called first.

    The next file that is opened would get such a number, and whatever a library writes to
    "standard error" would go into that file. Results need an output that is one: `sys.stdout` stays
    None.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number is free
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - to the end


class Printed:
    """What handlers print: from now on each line is written as it is printed, and as a whole.

    So it is the handler that fails where it can't be written, and its event stays in the queue.
    """

    def __init__(self) -> None:
        self._failure = ""
        #: What a thread has printed of a line so far: several print at the same time.
        self._begun: dict[int, str] = {}
        #: True if a thread waits for a reader, and would keep Python from ending.
        self.is_stuck = False
        stream = sys.stdout
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
            self._write = stream.write
            stream.write = self._noting_failures  # type: ignore[method-assign]

    def _noting_failures(self, text: str) -> int:
        thread = threading.get_ident()
        lines, end, begun = (self._begun.pop(thread, "") + text).rpartition("\n")
        if begun:
            self._begun[thread] = begun
        try:
            if end:
                self._write(lines + end)
        except OSError as error:
            self._failure = self._failure or _reason_of(error)
            raise
        return len(text)

    def failure(self, *, seconds: float = LAST_SECONDS) -> str:
        """Why something could not be written; "" if all is. To be asked last.

        A pipe that is not read is waited for so long at most.
        """
        flushing = threading.Thread(target=self._flush, name="flush", daemon=True)
        flushing.start()
        flushing.join(seconds)
        self.is_stuck = flushing.is_alive()
        if self.is_stuck:
            self._failure = self._failure or "it is not read"
        if self._failure:
            leave(sys.stdout)
        return self._failure

    def _flush(self) -> None:
        try:
            if sys.stdout is not None:
                for begun in self._begun.copy().values():
                    self._write(begun)
                self._begun.clear()
                sys.stdout.flush()
        except (OSError, ValueError) as error:
            self._failure = self._failure or _reason_of(error)


def _reason_of(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__

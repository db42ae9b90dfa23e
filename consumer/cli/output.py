"""Standard output: results go there, and what can't be written has an exit code of its own."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from consumer.cli.errors import OutputError, leave

if TYPE_CHECKING:
    from collections.abc import Iterator


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
            error.strerror or type(error).__name__,
            reader_gone=isinstance(error, BrokenPipeError),
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


def write_lines_at_once() -> None:
    """Have each line that a handler prints be written as it is printed.

    So it is the handler that fails where it can't be written, and its event stays in the queue.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)


def unwritten_output() -> str:
    """Why the rest of what was printed can't be written; "" if all is."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError) as error:
        leave(sys.stdout)
        return getattr(error, "strerror", None) or "it is closed"
    return ""

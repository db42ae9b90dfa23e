"""Standard output that fails, seen from within."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import pytest

from consumer.cli.errors import OutputError
from consumer.cli.output import Printed, echo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import TextIOWrapper


class Pipe(NamedTuple):
    """Standard output as a pipe: the reader's end, and the stream."""

    reader: int
    stream: TextIOWrapper


@pytest.fixture(name="pipe")
def _pipe() -> Iterator[Pipe]:
    reader, writer = os.pipe()
    stream = open(writer, "w", encoding="ascii")  # noqa: PTH123, SIM115 - a descriptor
    yield Pipe(reader, stream)
    os.close(reader)
    with suppress(OSError):
        stream.close()


def test_a_reader_that_does_not_read_does_not_keep_the_end(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a handler printed last would wait for ever."""
    monkeypatch.setattr(sys, "stdout", pipe.stream)
    printed = Printed()
    number = pipe.stream.fileno()
    os.set_blocking(number, False)
    with suppress(BlockingIOError):
        while True:
            os.write(number, b"x" * 4096)
    os.set_blocking(number, True)
    pipe.stream.write("the rest")

    assert printed.failure(seconds=0.05) == "it is not read"
    os.read(pipe.reader, 1_000_000)  # so that the thread that waits can end


def test_each_line_is_written_as_it_is_printed(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler fails over its own line, and not over one before."""
    monkeypatch.setattr(sys, "stdout", pipe.stream)
    printed = Printed()

    print("a line")

    assert os.read(pipe.reader, 100) == b"a line\n"
    assert printed.failure() == ""


def test_a_closed_stream_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has none then."""
    monkeypatch.setattr(sys, "stdout", None)

    with pytest.raises(OutputError, match="it is closed"):
        echo("x")
    assert Printed().failure() == ""

"""Standard output that fails, seen from within."""

from __future__ import annotations

import io
import os
import sys
import threading
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


def test_what_threads_print_at_the_same_time_stays_in_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`print` writes a line in parts; a part without its end is written at the end."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    printed = Printed()
    turn = threading.Barrier(2, timeout=60)

    def say(word: str) -> None:
        for part in (word, " ", word, "\n"):
            turn.wait()
            sys.stdout.write(part)
        sys.stdout.write(f"{word} begun;")

    threads = [threading.Thread(target=say, args=(word,), daemon=True) for word in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert printed.failure() == ""
    text = stream.buffer.getvalue().decode()
    assert {"one one", "two two"} == set(text.split("\n")[:2])
    assert {"one begun", "two begun", ""} == set(text.split("\n")[2].split(";"))

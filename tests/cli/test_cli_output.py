"""How commands report errors, and what becomes of standard output that can't be written."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import pytest

from consumer.cli.output import OutputError, Printed, echo, plain_errors, report
from consumer.errors import (
    AccessDeniedError,
    ConfigurationError,
    ConsumerError,
    QueueMissingError,
    TransportError,
)
from consumer.testing import canvas_body
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import TextIOWrapper
    from pathlib import Path


@for_each(
    "error, exit_code, said",
    [
        (ConfigurationError("one\ntwo"), 78, "consume: error: one\nconsume: error: two\n"),
        (AccessDeniedError("why"), 77, "consume: error: why\n"),
        (QueueMissingError("why"), 69, "consume: error: why\n"),
        (TransportError("why"), 75, "consume: error: why\n"),
        (ConsumerError("why"), 70, "consume: error: why\n"),
        (OutputError("gone", reader_gone=True), 0, ""),
    ],
)
def test_an_error_is_reported_with_its_exit_code(
    error: ConsumerError, exit_code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line of its text goes to standard error. A reader that has gone is not an error."""
    with pytest.raises(SystemExit) as ended, plain_errors():
        raise error

    assert ended.value.code == exit_code
    assert capsys.readouterr() == ("", said)


@for_each("error", [ValueError("sesame"), PermissionError(13, "sesame")])
def test_a_bug_is_reported_without_its_text(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """The text of other exceptions may quote data: only type and place are shown. Exit code 70."""
    with pytest.raises(SystemExit) as ended, plain_errors():
        raise error

    assert ended.value.code == 70
    said = capsys.readouterr().err
    assert f"consume: error: a bug in this program: {type(error).__name__} at " in said
    assert "test_cli_output.py" in said
    assert "sesame" not in said


def test_a_warning_is_marked_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    """It is written like an error."""
    report("mind this", kind="warning")

    assert capsys.readouterr() == ("", "consume: warning: mind this\n")


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


def test_a_reader_that_does_not_read_does_not_delay_the_end(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end waits a limited time for what a handler printed last to be read."""
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
    """So a handler fails because of its own line, and not of an earlier one."""
    monkeypatch.setattr(sys, "stdout", pipe.stream)
    printed = Printed()

    print("a line")

    assert os.read(pipe.reader, 100) == b"a line\n"
    assert printed.failure() == ""


def test_a_closed_standard_output_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """`sys.stdout` is None then."""
    monkeypatch.setattr(sys, "stdout", None)

    with pytest.raises(OutputError, match="it is closed"):
        echo("x")
    assert Printed().failure() == ""


def test_lines_of_threads_are_not_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`print` writes a line in parts; a line without its end is written when the process ends."""
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


@for_each(
    "arguments",
    [
        ("events", "show", "submission_created"),
        ("sample", "--mix", "realistic", "--count", "500"),
        ("decode", "--json", "events.jsonl"),
        ("drift", "events.jsonl"),
    ],
)
def test_a_reader_that_closes_the_pipe_is_not_an_error(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    """`consume events ... | head` writes nothing to standard error, and ends with exit code 0."""
    (tmp_path / "events.jsonl").write_text(f"{canvas_body(body={'submission_id': '1'})}\n" * 200)

    with subprocess.Popen(
        [sys.executable, "-m", "consumer", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()

        assert process.stderr.read() == b""
        assert process.wait(120) == 0

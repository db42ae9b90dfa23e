"""The log never stops the work: a pipe that is not read, a full disk, a reader that has gone."""

from __future__ import annotations

import json
import os
import pty
import socket
import tty
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from consumer.service.logs.output import MOST_WAITING
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.service.conftest import Logs

MANY = 30_000  # lines; more than fit into a pipe and into the lines that may wait


def a_pipe() -> tuple[int, int]:
    """A pipe."""
    return os.pipe()


def a_socket() -> tuple[int, int]:
    """A socket, as systemd gives one."""
    reader, writer = socket.socketpair()
    return reader.detach(), writer.detach()


def a_terminal() -> tuple[int, int]:
    """A terminal, which may be stopped with Ctrl-S."""
    reader, writer = pty.openpty()
    tty.setraw(writer)
    return reader, writer


READERS = (a_pipe, a_socket, a_terminal)


@contextmanager
def reading(kind: Callable[[], tuple[int, int]]) -> Iterator[tuple[int, TextIO]]:
    """The reader's end, and the stream to write to."""
    reader, writer = kind()
    try:
        with open(writer, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor
            yield reader, stream
    finally:
        os.close(reader)


def read_all(reader: int, more: Callable[[], None]) -> list[dict[str, Any]]:
    """Every line until nothing more comes."""
    os.set_blocking(reader, False)
    data = b""
    while True:
        more()
        try:
            data += os.read(reader, 1_000_000)
        except BlockingIOError:
            break
    assert data.endswith(b"\n")
    return [json.loads(line) for line in data.splitlines()]


@for_each("kind", READERS)
def test_a_reader_that_does_not_read_costs_lines_but_no_time(
    kind: Callable[[], tuple[int, int]], logs: Logs
) -> None:
    """Writes return at once; dropped lines are counted, the others are whole."""
    with reading(kind) as (reader, stream):
        logs.stream = stream
        output = logs.configure(format="json").output
        log = structlog.get_logger("consumer")
        for number in range(MANY):
            log.info("event", number=number)
        assert len(output._waiting) <= MOST_WAITING

        lines = read_all(reader, output.send_waiting)

        numbers = [line["number"] for line in lines if line["event"] == "event"]
        (dropped,) = [line["lines"] for line in lines if line["event"] == "lines_dropped"]
        assert numbers == list(range(len(numbers)))
        assert len(numbers) + dropped == MANY


@for_each("kind", READERS)
def test_waiting_lines_are_written_in_order(
    kind: Callable[[], tuple[int, int]], logs: Logs
) -> None:
    """A slow reader loses nothing."""
    with reading(kind) as (reader, stream):
        logs.stream = stream
        output = logs.configure(format="json").output
        log = structlog.get_logger("consumer")
        for number in range(3_000):
            log.info("event", number=number, text="x" * 100)

        lines = read_all(reader, output.send_waiting)

        assert [line["number"] for line in lines] == list(range(3_000))


def test_the_end_waits_for_a_limited_time(logs: Logs) -> None:
    """A reader that never reads does not delay the exit for long."""
    with reading(a_pipe) as (_, stream):
        logs.stream = stream
        output = logs.configure(format="json").output
        for _ in range(2_000):
            structlog.get_logger().info("event", text="x" * 100)

        output.close(seconds=0.05)

        assert output._waiting


def test_the_mode_of_a_shared_pipe_is_unchanged(logs: Logs) -> None:
    """The descriptor that is shared with the shell still blocks."""
    with reading(a_pipe) as (_, stream):
        logs.stream = stream
        logs.configure()
        structlog.get_logger().info("ready")

        assert os.get_blocking(stream.fileno())


def test_a_reader_that_has_gone_costs_the_lines(logs: Logs) -> None:
    """A closed pipe does not raise in the code that logs."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor
        logs.stream = stream
        output = logs.configure().output
        structlog.get_logger().info("ready")

        assert output._dropped == 1


def test_a_full_disk_costs_the_lines(logs: Logs) -> None:
    """Lines that could not be written are counted, and do not wait."""
    with open("/dev/full", "w", encoding="utf-8") as stream:  # noqa: PTH123 - a device
        logs.stream = stream
        output = logs.configure().output
        for _ in range(3):
            structlog.get_logger().info("ready")

        assert (output._dropped, len(output._waiting)) == (3, 0)


def test_a_forked_child_writes_its_own_lines_only(logs: Logs) -> None:
    """Lines that wait in the parent are written by the parent."""
    with reading(a_pipe) as (reader, stream):
        logs.stream = stream
        output = logs.configure(format="json").output
        log = structlog.get_logger()
        for number in range(2_000):
            log.info("event", number=number, text="x" * 100)
        child = os.fork()
        if not child:
            output.send_waiting()
            os._exit(len(output._waiting) > 0)

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        lines = read_all(reader, output.send_waiting)
        assert [line["number"] for line in lines] == list(range(2_000))


def test_console_lines_have_escapes(logs: Logs) -> None:
    """Names and ids from outside are shown with escapes; one line stays one line."""
    bad = "x\x1b]0;title\x07\u202e\ngone"
    logs.configure(format="console", exception_messages=True)

    structlog.get_logger().warning(bad, handler=bad, names=[bad], **{bad: 1})
    structlog.get_logger().warning("handler_failed", exc_info=ValueError(bad))

    text = logs.text()
    assert text.replace("\n", "").isprintable()
    first, second, *trace = text.splitlines()
    assert first.count("x\\u001b]0;title\\u0007\\u202e\\ngone") == 3
    assert "handler_failed" in second
    assert all(line.startswith(("  ", "ValueError")) for line in trace)

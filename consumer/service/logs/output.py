"""The stream that log lines go to. Writing never blocks: what can't be written now waits."""

import contextlib
import os
import select
import socket
import stat
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TextIO

import structlog

from consumer import log_events

#: Returns how many of the bytes were written. Raises `OSError`, such as BlockingIOError.
Write = Callable[[bytes], int]

#: How many bytes of lines may wait for a reader.
MOST_WAITING: Final = 1_048_576


class Output:
    """One whole line at a time, in order. Any thread may call any method; none blocks.

    If the reader of a pipe, a socket or a terminal does not read, up to `MOST_WAITING` bytes wait
    here, and go out with a later line or `send_waiting`. Lines beyond that, or whose write failed,
    are dropped; how many is logged as soon as writes succeed again.
    """

    def __init__(self, stream: TextIO) -> None:
        self._write, self._descriptor = _writer(stream)
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._lock = threading.Lock()
        self._waiting = bytearray()
        self._dropped = 0
        self._process = os.getpid()

    def write(self, line: str) -> None:
        """Write `line`, or keep it until it can be written, or drop and count it."""
        self._send(f"{line}\n".encode(self._encoding, "backslashreplace"))

    def send_waiting(self) -> None:
        """Write what waits, as far as it can be written now; called now and then."""
        if self._waiting:
            self._send()

    def close(self, *, seconds: float = 2.0) -> None:
        """Write the last lines: wait for at most `seconds` until they can be written."""
        deadline = time.monotonic() + seconds
        while self._waiting and (left := deadline - time.monotonic()) > 0:
            if self._descriptor >= 0:
                _can_write(self._descriptor, min(left, 0.1))
            self.send_waiting()

    def _send(self, data: bytes = b"") -> None:
        if self._process != os.getpid():
            # In a child that a handler has forked: the parent writes its own lines.
            self._process, self._lock = os.getpid(), threading.Lock()
            self._waiting = bytearray()
        with self._lock:
            if data and self._waiting and len(self._waiting) + len(data) > MOST_WAITING:
                self._dropped += 1
            else:
                self._waiting += data
            dropped = self._write_waiting()
        if dropped:
            hint = "the log was not read, or its disk was full; the work went on"
            log = structlog.get_logger(__name__)
            log.warning(log_events.LINES_DROPPED, lines=dropped, hint=hint)

    def _write_waiting(self) -> int:
        """Write as much as possible; returns how many dropped lines are to be reported now."""
        while self._waiting:
            try:
                written = self._write(bytes(self._waiting))
            except BlockingIOError:
                return 0
            except (OSError, ValueError):
                self._dropped += self._waiting.count(b"\n")
                self._waiting.clear()
                return 0
            del self._waiting[:written]
        dropped, self._dropped = self._dropped, 0
        return dropped


class NamedOutput:
    """What structlog writes with: the output, and the name of the logger."""

    def __init__(self, output: Output, name: str = "") -> None:
        self.name = name
        self.debug = self.info = self.warning = self.error = self.critical = output.write


def _can_write(descriptor: int, seconds: float = 0) -> bool:
    """Whether the descriptor takes data; waits for that."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(seconds * 1000))


def _writer(stream: TextIO) -> tuple[Write, int]:
    """How to write to the stream without blocking, and the descriptor to wait for; -1: none."""
    try:
        descriptor = stream.fileno()
        mode = os.fstat(descriptor).st_mode
    except (OSError, ValueError, AttributeError):  # such as a StringIO
        return partial(_write_text, stream), -1
    with contextlib.suppress(OSError, ValueError):
        stream.flush()
    if stat.S_ISSOCK(mode):
        return partial(_send_now, descriptor), descriptor
    if stat.S_ISFIFO(mode) or os.isatty(descriptor):
        # Opened once more: O_NONBLOCK on the descriptor itself would apply to the shell, too.
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
        with contextlib.suppress(OSError):
            return partial(os.write, os.open(f"/proc/self/fd/{descriptor}", flags)), descriptor
        return partial(_write_what_fits, descriptor), descriptor
    return partial(os.write, descriptor), -1


def _write_text(stream: TextIO, data: bytes) -> int:
    stream.write(data.decode(getattr(stream, "encoding", None) or "utf-8"))
    stream.flush()
    return len(data)


def _send_now(descriptor: int, data: bytes) -> int:
    channel = socket.socket(fileno=descriptor)
    try:
        return channel.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    finally:
        channel.detach()  # the descriptor is not ours to close


def _write_what_fits(descriptor: int, data: bytes) -> int:
    if not _can_write(descriptor):
        raise BlockingIOError
    return os.write(descriptor, data[: select.PIPE_BUF])

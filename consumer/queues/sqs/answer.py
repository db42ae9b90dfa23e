"""Reads one HTTP/1.1 answer as far as SQS and its emulators need it: whole and bounded, or not."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from http.client import HTTPException
from typing import Final, NamedTuple

#: Gives the next bytes of a connection, b"" at its end. Raises OSError, or TimeoutError.
Receive = Callable[[], bytes]

_MAX_HEAD_BYTES: Final = 65_536
#: Ten messages of 1 MiB, each character of which may be written as an escape of six.
_MAX_CONTENT_BYTES: Final = 64 * 1024 * 1024
_MAX_ANNOUNCEMENTS: Final = 10
_FIRST_FINAL_STATUS: Final = 200
_WITHOUT_CONTENT: Final = frozenset({204, 304})

_blank_line = re.compile(rb"\r?\n\r?\n").search
_status_line = re.compile(r"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: [^\r]*)?").fullmatch
_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_chunk_line = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?").fullmatch
_length = re.compile(r"[0-9]{1,10}").fullmatch


class ProtocolError(HTTPException):
    """What came is not an HTTP answer, or does not end."""


class CutError(ProtocolError, ConnectionError):
    """The connection ended before the answer did."""


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    #: By name in lower case.
    headers: dict[str, str]
    content: bytes
    #: True if nothing but this answer was in the connection, which may serve another request.
    reusable: bool


def read_answer(receive: Receive) -> Answer:
    """Read the answer to one request. Raises `ProtocolError`, and what `receive` raises."""
    stream = _Stream(receive)
    for _ in range(_MAX_ANNOUNCEMENTS):
        is_new, status, headers = _read_head(stream)
        if status >= _FIRST_FINAL_STATUS:
            break
    else:
        raise ProtocolError
    tokens = {token.strip() for token in headers.get("connection", "").lower().split(",")}
    reusable = "close" not in tokens and (is_new or "keep-alive" in tokens)
    coding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if status in _WITHOUT_CONTENT:
        content = b""
    elif coding is not None:
        # A length beside it comes of a server or proxy whose next answer can't be trusted to begin
        # where this one ends.
        reusable = reusable and length is None
        content = _read_chunks(stream, coding)
    elif length is not None:
        if not _length(length) or int(length) > _MAX_CONTENT_BYTES:
            raise ProtocolError
        content = stream.exactly(int(length))
    else:
        content, reusable = stream.to_the_end(), False
    return Answer(status, headers, content, reusable and not stream.rest)


class _Stream:
    """What came and was not read yet."""

    __slots__ = ("_receive", "rest")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.rest = b""

    def head(self) -> bytes:
        """Up to an empty line."""
        while not (end := _blank_line(self.rest)):
            self._grow()
        head, self.rest = self.rest[: end.start()], self.rest[end.end() :]
        return head

    def line(self) -> bytes:
        """Up to the next line break."""
        while (end := self.rest.find(b"\n")) < 0:
            self._grow()
        line, self.rest = self.rest[:end], self.rest[end + 1 :]
        return line.removesuffix(b"\r")

    def exactly(self, size: int) -> bytes:
        parts, missing = [self.rest], size - len(self.rest)
        while missing > 0:
            parts.append(self._more())
            missing -= len(parts[-1])
        data = b"".join(parts)
        self.rest = data[size:]
        return data[:size]

    def to_the_end(self) -> bytes:
        parts, size = [self.rest], len(self.rest)
        self.rest = b""
        while part := self._receive():
            parts.append(part)
            size += len(part)
            if size > _MAX_CONTENT_BYTES:
                raise ProtocolError
        return b"".join(parts)

    def _grow(self) -> None:
        if len(self.rest) > _MAX_HEAD_BYTES:
            raise ProtocolError
        self.rest += self._more()

    def _more(self) -> bytes:
        part = self._receive()
        if not part:
            raise CutError
        return part


def _read_head(stream: _Stream) -> tuple[bool, int, dict[str, str]]:
    """Whether it is HTTP/1.1, the status, and the headers."""
    first, *lines = stream.head().decode("latin-1").replace("\r\n", "\n").split("\n")
    status = _status_line(first)
    if not status:
        raise ProtocolError
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name, value = _name_of(name if colon else ""), value.strip(" \t")
        if headers.get(name, value) != value and name in ("content-length", "transfer-encoding"):
            raise ProtocolError  # two lengths: nobody knows where it ends
        headers[name] = f"{headers[name]},{value}" if name == "connection" in headers else value
    return status[1] == "1", int(status[2]), headers


@lru_cache(maxsize=100)
def _name_of(text: str) -> str:
    """The name of a header, in lower case; the same few come with each answer."""
    if not _is_token(text):
        raise ProtocolError
    return text.lower()


def _read_chunks(stream: _Stream, coding: str) -> bytes:
    if coding.lower() != "chunked":
        raise ProtocolError
    parts: list[bytes] = []
    total = 0
    while True:
        chunk = _chunk_line(stream.line())
        size = int(chunk[1], 16) if chunk else -1
        total += size
        if size < 0 or total > _MAX_CONTENT_BYTES:
            raise ProtocolError
        if size == 0:
            break
        parts.append(stream.exactly(size))
        if stream.exactly(2) != b"\r\n":
            raise ProtocolError
    trailers = 0
    while line := stream.line():
        trailers += len(line)
        if trailers > _MAX_HEAD_BYTES:
            raise ProtocolError
    return b"".join(parts)

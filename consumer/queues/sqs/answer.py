"""Reads one HTTP/1.1 answer, as far as SQS and its emulators use HTTP: whole and bounded."""

import re
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from typing import Final, NamedTuple

#: Returns the next bytes of a connection, b"" at its end. Raises OSError.
Receive = Callable[[], bytes]

#: Of status line and headers, of the line before a chunk, of all trailers.
_MAX_HEAD_BYTES: Final = 65_536
#: Ten messages of 1 MiB, each character of which may be written as an escape of six.
_MAX_CONTENT_BYTES: Final = 64 * 1024 * 1024
_MAX_INTERIM_ANSWERS: Final = 10
_WITHOUT_CONTENT: Final = (204, 304)

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_VALUE: Final = rb":[ \t]*([^\r\n]*?)[ \t]*(?=\r?\n)"
_head_end = re.compile(rb"\n\r?\n").search
_line_end = re.compile(rb"\n").search
_trailers_end = re.compile(rb"(?:\A|\n)\r?\n").search
_head = re.compile(
    rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*+)?\r?\n(?>(?:"
    + _TOKEN
    + rb":[^\r\n]*+\r?\n)*)\r?\n"
).fullmatch
_headers = re.compile(rb"\n(" + _TOKEN + rb")" + _VALUE).findall
#: The headers that say where the answer ends, and whether the connection does.
_framing = re.compile(
    rb"\n(connection|content-length|transfer-encoding)" + _VALUE, re.IGNORECASE
).findall
_chunk_line = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\n]*)?\r?\n").fullmatch
_length = re.compile(rb"[0-9]{1,10}").fullmatch


class ProtocolError(HTTPException):
    """What came is not an HTTP answer, or does not end."""


class CutError(ProtocolError, ConnectionError):
    """The connection ended before the answer did."""


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    #: Status line and headers, as they came.
    head: bytes
    content: bytes
    #: True if nothing but this answer was in the connection, which may serve another request.
    reusable: bool

    @property
    def headers(self) -> dict[str, str]:
        """By name in lower case."""
        pairs = _headers(self.head)
        return {name.decode().lower(): value.decode("latin-1") for name, value in pairs}


def read_answer(receive: Receive) -> Answer:
    """Read the answer to one request. Raises `ProtocolError`, and what `receive` raises."""
    unread = _Unread(receive)
    head = unread.final_head()
    status = int(head[2])
    framing: dict[bytes, set[bytes]] = defaultdict(set)
    for name, value in _framing(head[0]):
        framing[name.lower()].add(value)
    lengths, codings = framing[b"content-length"], framing[b"transfer-encoding"]
    if len(lengths) > 1 or len(codings) > 1:
        raise ProtocolError  # it is not known where the answer ends
    tokens = {token.strip() for token in b",".join(framing[b"connection"]).lower().split(b",")}
    reusable = b"close" not in tokens and (head[1] == b"1" or b"keep-alive" in tokens)
    if status in _WITHOUT_CONTENT:
        content = b""
    elif codings:
        if codings.pop().lower() != b"chunked":
            raise ProtocolError
        content = unread.chunks()
        # Of who sends a length, too, the next answer may begin somewhere else.
        reusable = reusable and not lengths
    elif lengths:
        length = lengths.pop()
        if not _length(length) or int(length) > _MAX_CONTENT_BYTES:
            raise ProtocolError
        content = unread.exactly(int(length))
    else:
        content, reusable = unread.to_the_end(), False
    return Answer(status, head[0], content, reusable and not unread.rest)


class _Unread:
    """What came and was not read yet, and what comes."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._size = 0
        self.rest = b""

    def final_head(self) -> re.Match[bytes]:
        """Status line and headers of the answer, after those that only announce it."""
        for _ in range(_MAX_INTERIM_ANSWERS):
            if not (head := _head(self.until(_head_end))):
                break
            if head[2] >= b"200":
                return head
        raise ProtocolError

    def until(self, end: Callable[[bytes], re.Match[bytes] | None]) -> bytes:
        """Up to what `end` finds, and with it."""
        while not (found := end(self.rest)) and len(self.rest) <= _MAX_HEAD_BYTES:
            self.rest += self._more()
        if not found or found.end() > _MAX_HEAD_BYTES:
            raise ProtocolError
        taken, self.rest = self.rest[: found.end()], self.rest[found.end() :]
        return taken

    def exactly(self, size: int) -> bytes:
        parts, missing = [self.rest], size - len(self.rest)
        while missing > 0:
            parts.append(self._more())
            missing -= len(parts[-1])
        data = b"".join(parts)
        self.rest = data[size:]
        return data[:size]

    def chunks(self) -> bytes:
        parts: list[bytes] = []
        while (line := _chunk_line(self.until(_line_end))) and (size := int(line[1], 16)):
            part = self.exactly(size + 2)
            if not part.endswith(b"\r\n"):
                raise ProtocolError
            parts.append(part[:size])
        if not line:
            raise ProtocolError
        self.until(_trailers_end)
        return b"".join(parts)

    def to_the_end(self) -> bytes:
        parts = [self.rest]
        self.rest = b""
        with suppress(CutError):
            while True:
                parts.append(self._more())
        return b"".join(parts)

    def _more(self) -> bytes:
        if not (part := self._receive()):
            raise CutError
        self._size += len(part)
        if self._size > _MAX_HEAD_BYTES + _MAX_CONTENT_BYTES:
            raise ProtocolError
        return part

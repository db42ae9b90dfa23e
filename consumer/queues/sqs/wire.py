"""HTTP/1.1 as far as SQS and its emulators need it: a small request out, a whole answer in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

_MAX_LINE = 65_536
_MAX_HEADERS = 200
_NO_CONTENT = 204


class ProtocolError(Exception):
    """What came is not an HTTP answer, or ended too early."""


def head(method: str, url: SplitResult, headers: Mapping[str, Any], length: int) -> bytes:
    """A request up to the empty line. Raises ValueError for a line break in a header."""
    # The host as it was signed: in lower case, with the port only if it is not the usual one.
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    usual = {"http": 80, "https": 443}.get(url.scheme)
    name = url.hostname or ""
    host = f"[{name}]" if ":" in name else name
    if url.port is not None and url.port != usual:
        host = f"{host}:{url.port}"
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Accept-Encoding: identity"]
    for name, value in headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if "\r" in text or "\n" in text:
            message = f"header {name} holds a line break"
            raise ValueError(message)
        if name.lower() not in ("host", "content-length"):
            lines.append(f"{name}: {text}")
    lines.append(f"Content-Length: {length}\r\n\r\n")
    return "\r\n".join(lines).encode("latin-1")


def read_response(reader: Any) -> tuple[int, dict[str, str], bytes, bool]:
    """Status, headers, content, and whether the connection can be used again.

    Raises ProtocolError, or what reading raises (OSError; TimeoutError).
    """
    while True:
        version, status = _read_status(reader)
        headers = _read_headers(reader)
        if status >= 200:  # below it is only an announcement
            break
    keeps = headers.get("connection", "").lower()
    reusable = keeps != "close" if version == b"HTTP/1.1" else keeps == "keep-alive"
    if status == _NO_CONTENT:
        return status, headers, b"", reusable
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return status, headers, _read_chunks(reader), reusable
    length = headers.get("content-length")
    if length is None:
        return status, headers, reader.read(), False  # it ends where the connection does
    if not length.isdecimal():
        raise ProtocolError
    return status, headers, _read_exactly(reader, int(length)), reusable


def _read_status(reader: Any) -> tuple[bytes, int]:
    parts = _read_line(reader).split(b" ", 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit():
        raise ProtocolError
    return parts[0], int(parts[1])


def _read_headers(reader: Any) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_MAX_HEADERS):
        line = _read_line(reader)
        if not line:
            return headers
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    raise ProtocolError


def _read_chunks(reader: Any) -> bytes:
    parts: list[bytes] = []
    while True:
        try:
            size = int(_read_line(reader).split(b";", 1)[0], 16)
        except ValueError as error:
            raise ProtocolError from error
        if size <= 0:
            _read_headers(reader)  # trailers, up to the empty line
            return b"".join(parts)
        parts.append(_read_exactly(reader, size))
        _read_line(reader)


def _read_line(reader: Any) -> bytes:
    line: bytes = reader.readline(_MAX_LINE)
    if not line.endswith(b"\n"):
        raise ProtocolError
    return line.rstrip(b"\r\n")


def _read_exactly(reader: Any, length: int) -> bytes:
    content: bytes = reader.read(length)
    if len(content) != length:
        raise ProtocolError
    return content

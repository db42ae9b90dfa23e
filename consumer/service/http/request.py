"""Reads one HTTP request: in time, bounded, and only its head. It has no body."""

import socket
import time
from collections.abc import Mapping
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

#: The request line and all headers.
MOST_BYTES: Final = 8_192


class RefusedError(Exception):
    """This request gets an error as its answer."""

    def __init__(self, status: HTTPStatus, why: str, *, allow: str = "") -> None:
        super().__init__(why)
        self.status = status
        self.allow = allow


class Request(NamedTuple):
    """What a client asks for."""

    method: str
    path: str
    query: Mapping[str, str]
    #: The header; "" if there is none.
    host: str

    @property
    def names_an_address(self) -> bool:
        """True if its host is an address or "localhost", with or without a port, or missing."""
        host = self.host
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        if name.lower() in ("", "localhost"):
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True


def read_request(connection: socket.socket, *, seconds: float) -> Request:
    """Read a request within so many seconds.

    Raises: `RefusedError` if this is none; `OSError` if the client is too slow or went away.
    """
    first, *lines = _read_head(connection, seconds).split("\n")
    words = first.split(" ")
    if len(words) != 3 or not words[1].startswith("/") or not words[2].startswith("HTTP/1."):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "this is not a request of HTTP/1.1")
    headers = {name.lower(): value for name, _, value in (line.partition(":") for line in lines)}
    path, _, query = words[1].partition("?")
    pairs = dict(parse_qsl(query, keep_blank_values=True))
    return Request(words[0], path, pairs, headers.get("host", "").strip())


def _read_head(connection: socket.socket, seconds: float) -> str:
    deadline, data = time.monotonic() + seconds, b""
    while b"\n\n" not in data:
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        part = connection.recv(4096)
        if not part:
            raise ConnectionResetError
        data = (data + part).replace(b"\r\n", b"\n")
        if len(data) > MOST_BYTES:
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise RefusedError(status, "the request is too large")
    return data.partition(b"\n\n")[0].decode("latin-1")

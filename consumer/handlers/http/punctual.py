"""Connections of urllib3 whose answers end in time, also if their bytes come one by one.

A socket's own timeout begins again with each byte that comes. And they know whether they were kept.
"""

import time
from collections.abc import Mapping
from http.client import HTTPResponse
from io import BufferedReader, RawIOBase
from socket import socket
from typing import Any, Final

import urllib3
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class KeptClosedError(ConnectionResetError):
    """The other side closed a connection that was kept, which it may do at any time."""


class _Reader(RawIOBase):
    """Reads from a socket for as long as its timeout is now, in all."""

    def __init__(self, link: socket, raw: RawIOBase) -> None:
        self._link = link
        self._raw = raw
        self._deadline = time.monotonic() + (link.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if (left := self._deadline - time.monotonic()) <= 0:
            raise TimeoutError
        self._link.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(HTTPResponse):
    def __init__(self, sock: socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = BufferedReader(_Reader(sock, self.fp.detach()))


class _Connection(HTTPConnection):
    response_class = _Answer
    _was_kept = False

    def connect(self) -> None:
        self._was_kept = False
        super().connect()

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override] # as in urllib3
        try:  # if it can't be sent, urllib3 looks for an answer, too
            answer = super().getresponse()
        except ConnectionResetError as error:
            raise KeptClosedError if self._was_kept else error from None
        self._was_kept = True
        return answer


class _TlsConnection(_Connection, HTTPSConnection):
    """Its `super()` is that of urllib3 with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


#: For `PoolManager.pool_classes_by_scheme`.
POOLS: Final[Mapping[str, type[HTTPConnectionPool]]] = {"http": _Pool, "https": _TlsPool}

"""Where requests go: connections to it, through a proxy if the environment names one."""

import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import consumer
from consumer.config.urls import is_loopback
from consumer.errors import ConfigurationError
from consumer.http_answer import read_status

#: Returns the seconds that are left. Raises `TimeoutError`.
Left = Callable[[], float]

_PIECE_BYTES: Final = 65_536
#: What stays as it is in a path and a query; "%" because they may be encoded.
_SAFE: Final = "!#$%&'()*+,/:;=?@[]~"


class Address:
    """A URL. Any thread may call any method.

    Its path may be a secret: `str` gives only the host and the port. Certificates are checked
    against those in a file, or those that OpenSSL trusts on this machine (`SSL_CERT_FILE`).

    Args:
        ca_file: raises `OSError` if it can't be used.
        proxy: see `proxy_for`.
    """

    def __init__(
        self, url: SplitResult, *, ca_file: Path | None = None, proxy: SplitResult | None = None
    ) -> None:
        self._host = url.hostname or ""
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._name = url.netloc
        self._tls = ssl.create_default_context(cafile=ca_file) if url.scheme == "https" else None
        self._proxy = proxy
        target = url._replace(scheme="", netloc="", path=url.path or "/", fragment="").geturl()
        self._target = quote(target, safe=_SAFE)
        self._lines = f"Host: {url.netloc}\r\nUser-Agent: {_AGENT}\r\n"
        if proxy is not None and self._tls is None:
            self._target = f"http://{url.netloc}{self._target}"
            self._lines += _authorization(proxy)

    def __str__(self) -> str:
        return self._name

    def connect(self, left: Left) -> socket.socket:
        """A new connection. Raises `OSError` and `HTTPException`."""
        host, port = self._host, self._port
        if self._proxy is not None:
            host, port = self._proxy.hostname or "", self._proxy.port or 80
        link = socket.create_connection((host, port), timeout=left())
        try:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self._tls is not None:
                if self._proxy is not None:
                    named = f"[{self._host}]" if ":" in self._host else self._host
                    _tunnel(link, f"{named}:{self._port}", self._proxy, left)
                link.settimeout(left())
                link = self._tls.wrap_socket(link, server_hostname=self._host)
        except BaseException:
            link.close()
            raise
        return link

    def request(self, method: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """The whole request."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"{method} {self._target} HTTP/1.1\r\n{self._lines}{lines}"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


_AGENT: Final = f"canvas-live-events-consumer/{consumer.__version__}"


def receiving(link: socket.socket, left: Left) -> Callable[[], bytes]:
    """Receives what comes, as long as time is left."""

    def receive() -> bytes:
        link.settimeout(left())
        return link.recv(_PIECE_BYTES)

    return receive


def proxy_for(url: SplitResult) -> SplitResult | None:
    """What HTTPS_PROXY or HTTP_PROXY names, unless NO_PROXY excludes the host, or it is this one.

    Raises `ConfigurationError`.
    """
    found = getproxies_environment().get(url.scheme)
    if not found or is_loopback(url.geturl()) or proxy_bypass(url.netloc):
        return None
    try:
        proxy = urlsplit(found if "//" in found else f"http://{found}")
        _ = proxy.port  # raises on nonsense
        if proxy.scheme == "http" and proxy.hostname:
            return proxy
    except ValueError:
        pass
    name = f"{url.scheme.upper()}_PROXY"
    raise ConfigurationError(f"{name} in the environment must be an http URL: http://HOST:PORT")


def reason_of(error: Exception) -> str:
    """Why there was no answer, without anything of the URL or the answer."""
    if isinstance(error, ssl.SSLCertVerificationError):
        # Of another host: "Hostname mismatch, certificate is not valid for 'HOST'."
        return f"its certificate is not valid: {error.verify_message.partition(',')[0]}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    if isinstance(error, ConnectionError) and not error.strerror:
        return "the connection was closed without an answer"
    if isinstance(error, HTTPException):
        return "its answer is not HTTP"
    return getattr(error, "strerror", None) or type(error).__name__


def _tunnel(link: socket.socket, to: str, proxy: SplitResult, left: Left) -> None:
    """Have the proxy connect to where TLS begins."""
    request = f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\nUser-Agent: {_AGENT}\r\n"
    link.settimeout(left())
    link.sendall(f"{request}{_authorization(proxy)}\r\n".encode())
    status = read_status(receiving(link, left))
    if status != 200:
        raise OSError(0, f"the proxy answered {status} to CONNECT")


def _authorization(proxy: SplitResult) -> str:
    if proxy.username is None:
        return ""
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return f"Proxy-Authorization: Basic {b64encode(login.encode()).decode()}\r\n"

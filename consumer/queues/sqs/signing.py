"""Complete, signed requests to SQS: AWS JSON 1.0, Signature Version 4."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Final, NamedTuple, Protocol
from urllib.parse import SplitResult, quote

from botocore.utils import normalize_url_path

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_CONTENT_TYPE: Final = "application/x-amz-json-1.0"
_USUAL_PORTS: Final = {"http": 80, "https": 443}


class FrozenCredentials(Protocol):
    """Key, secret and token that belong together: botocore's `ReadOnlyCredentials`."""

    access_key: str
    secret_key: str
    token: str | None


class _Key(NamedTuple):
    """A signing key, and what it was made of: it is good for one day."""

    day: str
    secret: str
    key: bytes


class Signer:
    """Makes requests to one endpoint. Any thread may call any method.

    Args:
        endpoint: where they go; a query in it is left out.
        region: that they are signed for.
    """

    def __init__(self, endpoint: SplitResult, *, region: str, user_agent: str) -> None:
        self._path = quote(normalize_url_path(endpoint.path), safe="/~")
        self._host = host_header(endpoint)
        self._region = region
        self._start = (
            f"POST {endpoint.path or '/'} HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Content-Type: {_CONTENT_TYPE}\r\nAccept-Encoding: identity\r\n"
            f"User-Agent: {user_agent}\r\nX-Amzn-Query-Mode: true\r\n"
        )
        self._key = _Key("", "", b"")
        self._stamp = -1, ""

    def request(
        self, operation: str, body: bytes, credentials: FrozenCredentials, at: float
    ) -> bytes:
        """The request, from its first line to the end of its body.

        Args:
            at: seconds since the epoch. AWS takes what is within 15 minutes of its own clock.

        Raises: `ValueError` if the credentials hold a line break.
        """
        stamp = self._stamp_of(int(at))
        day = stamp[:8]
        token = credentials.token
        signed_headers = "content-type;host;x-amz-date;x-amz-target;x-amzn-query-mode"
        token_line = token_header = ""
        if token:
            signed_headers = signed_headers.replace("date;", "date;x-amz-security-token;")
            token_line = f"x-amz-security-token:{' '.join(token.split())}\n"
            token_header = f"X-Amz-Security-Token: {token}\r\n"
        canonical = (
            f"POST\n{self._path}\n\n"
            f"content-type:{_CONTENT_TYPE}\nhost:{self._host}\nx-amz-date:{stamp}\n{token_line}"
            f"x-amz-target:AmazonSQS.{operation}\nx-amzn-query-mode:true\n\n"
            f"{signed_headers}\n{hashlib.sha256(body).hexdigest()}"
        )
        scope = f"{day}/{self._region}/sqs/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}"
        signature = _hmac(self._signing_key(day, credentials.secret_key), text).hex()
        credential_lines = (
            f"Authorization: {_ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={signed_headers}, Signature={signature}\r\n{token_header}"
        )
        if {*map(credential_lines.count, "\r\n")} != {2 if token else 1}:
            raise ValueError("the credentials hold a line break")
        return (
            f"{self._start}X-Amz-Target: AmazonSQS.{operation}\r\nX-Amz-Date: {stamp}\r\n"
            f"{credential_lines}Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    def _stamp_of(self, second: int) -> str:
        known, stamp = self._stamp
        if known != second:
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
            self._stamp = second, stamp
        return stamp

    def _signing_key(self, day: str, secret: str) -> bytes:
        cached = self._key
        if cached.day != day or cached.secret != secret:
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, "sqs", "aws4_request"):
                key = _hmac(key, part)
            # In one step: another thread may be here, with other credentials.
            cached = self._key = _Key(day, secret, key)
        return cached.key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def host_header(endpoint: SplitResult) -> str:
    """The host as it is signed: in lower case, with the port only if it is not the usual one."""
    name = endpoint.hostname or ""
    host = f"[{name}]" if ":" in name else name
    port = endpoint.port
    return host if port in (None, _USUAL_PORTS.get(endpoint.scheme)) else f"{host}:{port}"

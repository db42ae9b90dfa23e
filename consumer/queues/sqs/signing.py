"""Complete, signed requests to SQS: AWS JSON 1.0, Signature Version 4."""

import hmac
import re
import time
from hashlib import sha256
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


class _Identity(NamedTuple):
    """What all requests have in common that the same credentials sign on the same day."""

    day: str
    credentials: FrozenCredentials
    scope: str
    key: bytes
    signed_headers: str
    token_line: str
    #: The headers of the credentials, but for the signature at the end.
    headers: str


class Signer:
    """Makes requests to one endpoint. Any thread may call any method.

    Args:
        endpoint: where they go; its query is left out.
        region: they are signed for it.
    """

    def __init__(self, endpoint: SplitResult, *, region: str, user_agent: str) -> None:
        path = quote(normalize_url_path(endpoint.path), safe="/~")
        host = _host_header(endpoint)
        self._region = region
        self._start = (
            f"POST {endpoint.path or '/'} HTTP/1.1\r\nHost: {host}\r\n"
            f"Content-Type: {_CONTENT_TYPE}\r\nAccept-Encoding: identity\r\n"
            f"User-Agent: {user_agent}\r\nX-Amzn-Query-Mode: true\r\n"
        )
        self._canonical_start = (
            f"POST\n{path}\n\ncontent-type:{_CONTENT_TYPE}\nhost:{host}\nx-amz-date:"
        )
        self._identity: _Identity | None = None
        self._stamp = -1, ""

    def request(
        self, operation: str, body: bytes, credentials: FrozenCredentials, at: float
    ) -> bytes:
        """The request, from its first line to the end of its body.

        Args:
            at: seconds since the epoch. AWS accepts up to 15 minutes off its own clock.

        Raises: `ValueError` if the credentials hold a line break.
        """
        stamp = self._stamp_of(int(at))
        identity = self._identity_of(stamp[:8], credentials)
        canonical = (
            f"{self._canonical_start}{stamp}\n{identity.token_line}"
            f"x-amz-target:AmazonSQS.{operation}\nx-amzn-query-mode:true\n\n"
            f"{identity.signed_headers}\n{sha256(body).hexdigest()}"
        )
        digest = sha256(canonical.encode()).hexdigest()
        signature = _hmac(identity.key, f"{_ALGORITHM}\n{stamp}\n{identity.scope}\n{digest}").hex()
        return (
            f"{self._start}X-Amz-Target: AmazonSQS.{operation}\r\nX-Amz-Date: {stamp}\r\n"
            f"Content-Length: {len(body)}\r\n{identity.headers}{signature}\r\n\r\n"
        ).encode() + body

    def _stamp_of(self, second: int) -> str:
        known, stamp = self._stamp
        if known != second:
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
            self._stamp = second, stamp
        return stamp

    def _identity_of(self, day: str, credentials: FrozenCredentials) -> _Identity:
        known = self._identity
        if known is not None and known.day == day and known.credentials == credentials:
            return known
        token = credentials.token
        if re.search(r"[\r\n]", f"{credentials.access_key}{token}"):
            raise ValueError("the credentials hold a line break")
        key = f"AWS4{credentials.secret_key}".encode()
        for part in (day, self._region, "sqs", "aws4_request"):
            key = _hmac(key, part)
        scope = f"{day}/{self._region}/sqs/aws4_request"
        names = "x-amz-date;x-amz-security-token" if token else "x-amz-date"
        signed_headers = f"content-type;host;{names};x-amz-target;x-amzn-query-mode"
        made = _Identity(
            day,
            credentials,
            scope,
            key,
            signed_headers,
            f"x-amz-security-token:{' '.join(token.split())}\n" if token else "",
            (f"X-Amz-Security-Token: {token}\r\n" if token else "")
            + f"Authorization: {_ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={signed_headers}, Signature=",
        )
        self._identity = made  # in one step: another thread may be here, with other credentials
        return made


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _host_header(endpoint: SplitResult) -> str:
    """The host as it is signed: in lower case, and with its port unless that is the usual one."""
    name = endpoint.hostname or ""
    host = f"[{name}]" if ":" in name else name
    port = endpoint.port
    return host if port in (None, _USUAL_PORTS.get(endpoint.scheme)) else f"{host}:{port}"

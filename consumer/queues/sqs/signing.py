"""Complete, signed requests to SQS: AWS JSON 1.0, Signature Version 4."""

import functools
import hmac
import re
import time
from hashlib import sha256
from typing import Final
from urllib.parse import SplitResult, quote

from botocore.credentials import ReadOnlyCredentials
from botocore.utils import normalize_url_path

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_CONTENT_TYPE: Final = "application/x-amz-json-1.0"
_USUAL_PORTS: Final = {"http": ":80", "https": ":443"}


class Signer:
    """Makes requests to one endpoint. Any thread may call any method.

    Args:
        endpoint: where they go; it has no user and password, and its query is left out.
        region: they are signed for it.
    """

    def __init__(self, endpoint: SplitResult, *, region: str, user_agent: str) -> None:
        path = quote(normalize_url_path(endpoint.path), safe="/~")
        # As it is signed: in lower case, and with its port unless that is the usual one.
        host = endpoint.netloc.lower().removesuffix(_USUAL_PORTS[endpoint.scheme]).removesuffix(":")
        self._region = region
        self._start = (
            f"POST {endpoint.path or '/'} HTTP/1.1\r\nHost: {host}\r\n"
            f"Content-Type: {_CONTENT_TYPE}\r\nAccept-Encoding: identity\r\n"
            f"User-Agent: {user_agent}\r\nX-Amzn-Query-Mode: true\r\n"
        )
        self._canonical_start = (
            f"POST\n{path}\n\ncontent-type:{_CONTENT_TYPE}\nhost:{host}\nx-amz-date:"
        )

    def request(
        self, operation: str, body: bytes, credentials: ReadOnlyCredentials, at: float
    ) -> bytes:
        """The request, from its first line to the end of its body.

        Args:
            at: seconds since the epoch. AWS accepts up to 15 minutes off its own clock.

        Raises: `ValueError` if the credentials hold a line break.
        """
        access_key, token = credentials.access_key, credentials.token
        if re.search(r"[\r\n]", f"{access_key}{token}"):
            raise ValueError("the credentials hold a line break")
        token_header = token_line = token_name = ""
        if token:
            token_header = f"X-Amz-Security-Token: {token}\r\n"
            token_line = f"x-amz-security-token:{' '.join(token.split())}\n"
            token_name = "x-amz-security-token;"  # noqa: S105
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
        day = stamp[:8]
        scope = f"{day}/{self._region}/sqs/aws4_request"
        signed_headers = f"content-type;host;x-amz-date;{token_name}x-amz-target;x-amzn-query-mode"
        canonical = (
            f"{self._canonical_start}{stamp}\n{token_line}"
            f"x-amz-target:AmazonSQS.{operation}\nx-amzn-query-mode:true\n\n"
            f"{signed_headers}\n{sha256(body).hexdigest()}"
        )
        digest = sha256(canonical.encode()).hexdigest()
        key = _signing_key(credentials.secret_key, day, self._region)
        signature = _hmac(key, f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}").hex()
        return (
            f"{self._start}X-Amz-Target: AmazonSQS.{operation}\r\nX-Amz-Date: {stamp}\r\n"
            f"Content-Length: {len(body)}\r\n{token_header}"
            f"Authorization: {_ALGORITHM} Credential={access_key}/{scope}, "
            f"SignedHeaders={signed_headers}, Signature={signature}\r\n\r\n"
        ).encode() + body


@functools.lru_cache(maxsize=8)
def _signing_key(secret: str, day: str, region: str) -> bytes:
    """Kept, because it costs more than the signature that is made with it."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, "sqs", "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")

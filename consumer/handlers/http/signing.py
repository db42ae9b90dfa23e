"""Signs requests as Standard Webhooks describes it (standardwebhooks.com)."""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping, Sequence
from typing import Final

from consumer.messages import Event

_PREFIX: Final = "whsec_"
#: The "." separates what is signed.
_is_plain = re.compile(r"[A-Za-z0-9_:+/=-]{1,200}").fullmatch


class Signer:
    """Any thread may call any method.

    Args:
        secrets: each is base64, with or without "whsec_". Raises `ValueError` if one is not.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [_key_of(secret) for secret in secrets]

    def headers(self, webhook_id: str, timestamp: float, body: bytes) -> Mapping[str, str]:
        """The time, and a signature with each secret: the receiver needs to know one of them."""
        seconds = str(int(timestamp))
        signed = f"{webhook_id}.{seconds}.".encode() + body
        signatures = [hmac.digest(key, signed, "sha256") for key in self._keys]
        return {
            "webhook-timestamp": seconds,
            "webhook-signature": " ".join(f"v1,{b64encode(s).decode()}" for s in signatures),
        }


def webhook_id(events: Sequence[Event]) -> str:
    """The same for the same events: the key of one, a hash of the keys of several.

    Also a hash of a key that has other characters than are allowed here.
    """
    key = events[0].key
    if len(events) == 1 and _is_plain(key):
        return key
    return hashlib.sha256("\n".join(event.key for event in events).encode()).hexdigest()


def _key_of(secret: str) -> bytes:
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except Error:
        key = b""
    if len(key) < 16:
        raise ValueError("is not base64 of at least 16 bytes")
    return key

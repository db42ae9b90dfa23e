"""Reads and verifies one signed event. Pure: the key is given.

The body that Canvas posts is the compact JWS itself (RFC 7515), with the header
`{"alg": "RS256", "typ": "JWT", "kid": "2019-10-01T21:08:45Z"}`. Its payload is the event, byte for
byte. It is verified as a JWS, not as a JWT: the event has no claims such as `exp` or `aud`.
"""

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any, Final

from consumer.errors import DecodeError
from consumer.events.json_text import parse

#: The only accepted algorithm. What the token itself names is compared with it, and never chosen.
ALGORITHM: Final = "RS256"
#: In characters; that of Canvas has about 80.
_MOST_HEADER: Final = 4_096
_MOST_KID: Final = 256

# Possessive: each character is looked at once, for any text.
_is_compact = re.compile(r"([\w-]++)\.([\w-]*+)\.([\w-]*+)", re.ASCII).fullmatch


class TokenError(Exception):
    """The text is a signed event that can't be accepted. The text never quotes it."""


@dataclass(frozen=True, slots=True)
class Token:
    """A compact JWS whose signature is still to be verified."""

    #: The name of its key. It comes from outside: do not log it.
    kid: str = field(repr=False)
    payload: bytes = field(repr=False)
    _signed: bytes = field(repr=False)
    _signature: bytes = field(repr=False)

    def is_signed_by(self, key: Any) -> bool:
        """True if the signature is that of this public RSA key, by RSASSA-PKCS1-v1_5 with SHA-256.

        Args:
            key: `RSAPublicKey` of the library cryptography.
        """
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        try:
            key.verify(self._signature, self._signed, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True


def token_of(text: str) -> Token | None:
    """The token, or None if the text is not a compact JWS.

    White space and quotes around it are allowed, because some relays add them.

    Raises: `TokenError` if it is one, but not as Canvas makes them.
    """
    text = text.strip(" \t\r\n\ufeff").strip("\"'").strip()
    match = _is_compact(text)
    header = _header(match[1]) if match else None
    if match is None or header is None:
        return None
    if header.get("alg") != ALGORITHM:
        raise TokenError(f"it is not signed with {ALGORITHM}, the algorithm that Canvas uses")
    if "crit" in header or "b64" in header:
        raise TokenError("its header asks for extensions of JWS, which Canvas does not use")
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= _MOST_KID:
        raise TokenError('its header does not name its key ("kid")')
    payload, signature = _bytes_of(match[2]), _bytes_of(match[3])
    if payload is None or signature is None:
        raise TokenError("it is cut off, or is not base64url")
    return Token(kid, payload, text.rpartition(".")[0].encode("ascii"), signature)


def _header(segment: str) -> dict[str, Any] | None:
    """The header, or None if the segment is not one: three words with dots are no token."""
    if len(segment) > _MOST_HEADER:
        return None
    content = _bytes_of(segment)
    try:
        header = parse(content.decode()) if content else None
    except (ValueError, DecodeError):
        return None
    return header if isinstance(header, dict) and "alg" in header else None


def _bytes_of(segment: str) -> bytes | None:
    """Base64url without padding, as JWS has it; None if it is anything else."""
    padding = "=" * (-len(segment) % 4)
    try:
        return b64decode(segment.replace("-", "+").replace("_", "/") + padding, validate=True)
    except (binascii.Error, ValueError):
        return None

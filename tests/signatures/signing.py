"""Signs events as Canvas does."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256


@cache
def private_key(number: int = 0, bits: int = 2048) -> RSAPrivateKey:
    """A key; the same for the same number."""
    return generate_private_key(65_537, bits)


def base64url(content: bytes) -> str:
    """Without padding, as in JWS."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def signed(payload: bytes, kid: str = "k1", key: RSAPrivateKey | None = None, **header: Any) -> str:
    """A compact JWS."""
    head = {"alg": "RS256", "typ": "JWT", "kid": kid, **header}
    signing_input = f"{base64url(json.dumps(head).encode())}.{base64url(payload)}"
    signature = (key or private_key()).sign(signing_input.encode(), PKCS1v15(), SHA256())
    return f"{signing_input}.{base64url(signature)}"


def jwk(kid: str = "k1", key: RSAPrivateKey | None = None, **more: Any) -> dict[str, Any]:
    """The public key as JSON."""
    numbers = (key or private_key()).public_key().public_numbers()
    n = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)
    public = {"kty": "RSA", "kid": kid, "n": base64url(n), "e": base64url(b"\x01\x00\x01")}
    return {**public, "use": "sig", "alg": "RS256", **more}


def jwks(*keys: dict[str, Any]) -> bytes:
    """A JWKS."""
    return json.dumps({"keys": list(keys)}).encode()

"""Signs events as Canvas does, with keys of its own: for trying a receiver. Needs cryptography."""

import json
import os
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from consumer.errors import ConfigurationError
from consumer.signatures.jws import ALGORITHM

_BITS: Final = 2_048
#: Instructure replaces its key each month.
_MONTH: Final = timedelta(days=30)


class SigningKey:
    """A private key, and its id: a time, as in the keys of Instructure."""

    def __init__(self, made_at: datetime, key: RSAPrivateKey | None = None) -> None:
        self.kid = made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._key = key or generate_private_key(65_537, _BITS)
        self._head = _base64url(_json({"alg": ALGORITHM, "typ": "JWT", "kid": self.kid}))

    @property
    def jwk(self) -> dict[str, str]:
        """The public key."""
        public = self._key.public_key().public_numbers()
        n, e = (_base64url(_bytes(number)) for number in (public.n, public.e))
        return {"kty": "RSA", "kid": self.kid, "use": "sig", "alg": ALGORITHM, "n": n, "e": e}

    def sign(self, payload: bytes) -> str:
        """A compact JWS with this payload. The same payload gives the same text."""
        text = f"{self._head}.{_base64url(payload)}"
        return f"{text}.{_base64url(self._key.sign(text.encode(), PKCS1v15(), SHA256()))}"


class Signer:
    """Signs with the current one of three keys. Called from one thread.

    Args:
        current: the key to begin with; None makes one.
        now: it and the other keys, which are made, are named after this time.
    """

    def __init__(self, current: SigningKey | None, now: datetime) -> None:
        self._next_at = now + _MONTH
        current = current or SigningKey(now)
        self._keys = [SigningKey(now - _MONTH), current, SigningKey(self._next_at)]

    def sign(self, payload: bytes) -> str:
        """A compact JWS with this payload."""
        return self._keys[1].sign(payload)

    def rotate(self) -> None:
        """The next key is the current one from now on, and there is a new next one."""
        self._next_at += _MONTH
        self._keys = [*self._keys[1:], SigningKey(self._next_at)]

    def jwks(self) -> bytes:
        """The previous, the current and the next public key, as Instructure publishes them."""
        return _json({"keys": [key.jwk for key in self._keys]})


def key_in(file: Path) -> SigningKey:
    """The RSA key in a PEM file, named after the time of the file. A missing file is made.

    Raises: `ConfigurationError`.
    """
    try:
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            content = _make(file)
        made_at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError as error:
        raise ConfigurationError(f"--key: {file} can't be used: {error.strerror}") from None
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError):  # TypeError: it has a password
        key = None
    if not isinstance(key, RSAPrivateKey) or key.key_size < _BITS:
        raise ConfigurationError(
            f"--key: {file} is not a private RSA key in PEM format, without a password, of at "
            f"least {_BITS} bits; name a file that does not exist, and it is made"
        )
    return SigningKey(made_at, key)


def _make(file: Path) -> bytes:
    key = generate_private_key(65_537, _BITS)
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
    return content


def _json(data: object) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()

"""Samples are signed as Canvas signs: another library verifies them, and so does the daemon."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc import jws as judge
from joserfc.jwk import KeySet

from consumer.errors import ConfigurationError
from consumer.signatures.jws import token_of
from consumer.signatures.keys import SigningKeys
from consumer.signatures.signer import Signer, key_in
from tests.cases import for_each

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

NOW = datetime(2026, 11, 27, 16, tzinfo=UTC)
PAYLOAD = b'{"metadata":{},\t"body":{"n":1.0,"t":"\xc3\xa9"}}'


def kids_in(signer: Signer) -> list[str]:
    return [key["kid"] for key in json.loads(signer.jwks())["keys"]]


def verified(token: str, signer: Signer) -> judge.CompactSignature:
    """The token, if joserfc finds its key and accepts the signature."""
    keys: Any = json.loads(signer.jwks())
    return judge.deserialize_compact(token, KeySet.import_key_set(keys), ["RS256"])


def test_others_verify_what_is_signed() -> None:
    """Byte for byte, with the header that Canvas has and the key that it names."""
    signer = Signer(None, NOW)

    found = verified(signer.sign(PAYLOAD), signer)

    assert found.payload == PAYLOAD
    assert found.headers() == {"alg": "RS256", "typ": "JWT", "kid": "2026-11-27T16:00:00Z"}


def test_the_daemon_verifies_what_is_signed() -> None:
    """With the keys as they are published."""
    signer, keys = Signer(None, NOW), SigningKeys()
    assert keys.add(signer.jwks()) == 3

    token = token_of(signer.sign(PAYLOAD))

    assert token is not None
    assert token.payload == PAYLOAD
    assert token.is_signed_by(keys.find(token.kid))


def test_there_are_a_previous_a_current_and_a_next_key() -> None:
    """As at Instructure. The next one becomes the current one, which stays published."""
    signer = Signer(None, NOW)
    assert kids_in(signer) == [
        "2026-10-28T16:00:00Z", "2026-11-27T16:00:00Z", "2026-12-27T16:00:00Z",
    ]  # fmt: skip
    before = signer.sign(PAYLOAD)

    signer.rotate()

    assert kids_in(signer) == [
        "2026-11-27T16:00:00Z", "2026-12-27T16:00:00Z", "2027-01-26T16:00:00Z",
    ]  # fmt: skip
    assert verified(before, signer).payload == PAYLOAD
    assert verified(signer.sign(PAYLOAD), signer).headers()["kid"] == "2026-12-27T16:00:00Z"


def test_a_key_file_is_made_once(tmp_path: Path) -> None:
    """Only its owner can read it. The next run signs with the same key under the same id."""
    file = tmp_path / "key.pem"

    first, again = key_in(file), key_in(file)

    assert file.stat().st_mode & 0o777 == 0o600
    assert first.jwk == again.jwk
    assert first.sign(PAYLOAD) == again.sign(PAYLOAD)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first.kid)


def pem(key: PrivateKeyTypes, password: bytes | None = None) -> bytes:
    hidden = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden)


@for_each(
    "content",
    [
        b"", b"not a key", pem(ec.generate_private_key(ec.SECP256R1())),
        pem(rsa.generate_private_key(65_537, 1024)),
        pem(rsa.generate_private_key(65_537, 2048), b"hunter2"),
    ],
)  # fmt: skip
def test_a_file_with_no_usable_key_is_refused(content: bytes, tmp_path: Path) -> None:
    """And left as it is."""
    file = tmp_path / "key.pem"
    file.write_bytes(content)

    with pytest.raises(ConfigurationError, match=r"key.pem is not a private RSA key in PEM"):
        key_in(file)

    assert file.read_bytes() == content


def test_a_key_file_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    """Such as in a directory that does not exist."""
    with pytest.raises(ConfigurationError, match=r"--key: .*key.pem can't be used: No such file"):
        key_in(tmp_path / "none" / "key.pem")

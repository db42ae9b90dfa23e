"""The public keys that Canvas signs with: all that were ever seen, kept in a file."""

import json
import threading
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.directories import make_private_directory, replace_file
from consumer.errors import DecodeError
from consumer.events.json_text import parse

_log = structlog.get_logger(__name__)

#: In the state directory.
KEYS_FILE: Final = "signing_keys.json"
#: A JWKS has three keys, and one is new each month: as many as in forty years.
MOST_KEYS: Final = 500
#: In bytes; one with three keys has about 1,500.
MOST_JWKS: Final = 262_144
#: Shorter keys can be broken; longer ones make each check slow.
_BITS: Final = range(2_048, 8_193)


class KeysError(Exception):
    """These are not usable keys; the text says why, and does not quote them."""


class SigningKeys:
    """Keys by their ids ("kid"). Any thread may call any method.

    A key stays for good: a message may come back from a dead-letter queue long after Canvas has
    replaced its key.

    Args:
        file: where they are kept; None keeps them in memory only.

    Raises: `OSError`, `KeysError` if there is a file that can't be used.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        #: Messages wait for the second one: nothing is written while it is held.
        self._adding, self._lock = threading.Lock(), threading.Lock()
        self._jwks: dict[str, dict[str, str]] = {}
        self._keys: dict[str, Any] = {}
        #: False while the file lacks some of them.
        self._kept = True
        if file is not None:
            with suppress(FileNotFoundError):
                self._jwks = _jwks_of(file.read_bytes())

    def __len__(self) -> int:
        """How many there are."""
        return len(self._jwks)

    def find(self, kid: str) -> Any | None:
        """The `RSAPublicKey` with this id, or None."""
        with self._lock:
            key = self._keys.get(kid)
            if key is None and kid in self._jwks:
                key = self._keys[kid] = _public_key(self._jwks[kid])
            return key

    def add(self, content: bytes) -> int:
        """Add the keys of a JWKS (RFC 7517), and keep them durably; returns how many were new.

        Raises: `KeysError` if it has no usable key, or the file can't be written: then they are
        known all the same, and the next call writes them.
        """
        found = _jwks_of(content)
        if not found:
            raise KeysError("there is no RSA key for signatures in it")
        with self._adding:
            new = self._update(found)
            self._kept = self._kept and not new
            if not self._kept and self._file is not None:
                self._keep(self._file)
        return new

    def _update(self, found: Mapping[str, dict[str, str]]) -> int:
        with self._lock:
            new = [kid for kid, jwk in found.items() if self._jwks.get(kid) != jwk]
            if len(self._jwks.keys() | found.keys()) > MOST_KEYS:
                raise KeysError(f"with it there would be more than {MOST_KEYS} keys")
            self._jwks.update(found)
            for kid in new:
                self._keys.pop(kid, None)
        return len(new)

    def _keep(self, file: Path) -> None:
        try:
            make_private_directory(file.parent)
            keys = {**_kept_in(file), **self._jwks}
            replace_file(file, (json.dumps({"keys": list(keys.values())}) + "\n").encode())
        except OSError as error:
            raise KeysError(f"{file.name} can't be written: {error.strerror}") from None
        self._kept = True


def open_keys(state: Path, *, clock: Clock) -> SigningKeys:
    """The keys in the state directory. A damaged file is set aside, and they are asked for again.

    Never raises: with a file that can't be read, they are in memory only.
    """
    file = state / KEYS_FILE
    try:
        return SigningKeys(file)
    except KeysError as error:
        aside = file.with_name(f"{file.name}.set-aside-{int(clock.now().timestamp())}")
        with suppress(OSError):
            file.rename(aside)
        _log.warning(log_events.SIGNING_KEYS_SET_ASIDE, file=aside.name, reason=str(error))
        return SigningKeys() if file.exists() else SigningKeys(file)
    except OSError as error:
        reason = f"{file.name} can't be read: {error.strerror}"
        _log.warning(log_events.SIGNING_KEYS_FAILED, reason=reason, known=0)
        return SigningKeys()


def _jwks_of(content: bytes) -> dict[str, dict[str, str]]:
    """The RSA keys for signatures, by id; what else is in it is left out."""
    try:
        jwks = parse(content.decode())
    except (ValueError, DecodeError):
        raise KeysError("it is not JSON") from None
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list):
        raise KeysError('it is not a JWKS: a JSON object with a list of "keys"')
    return {jwk["kid"]: jwk for jwk in map(_jwk, keys) if jwk is not None}


def _jwk(given: Any) -> dict[str, str] | None:
    """What is needed of a key, if it can be used."""
    if not isinstance(given, Mapping) or given.get("use", "sig") != "sig":
        return None
    if given.get("alg", "RS256") != "RS256":
        return None
    jwk = {name: given.get(name) for name in ("kty", "kid", "n", "e")}
    if jwk["kty"] != "RSA" or not all(isinstance(v, str) and v for v in jwk.values()):
        return None
    try:
        modulus, exponent = _number(str(jwk["n"])), _number(str(jwk["e"]))
    except ValueError:
        return None
    usable = modulus.bit_length() in _BITS and exponent % 2 == 1 and 3 <= exponent < 2**33
    return {name: str(value) for name, value in jwk.items()} if usable else None


def _public_key(jwk: Mapping[str, str]) -> Any:
    from cryptography.hazmat.primitives.asymmetric.rsa import (  # noqa: PLC0415 - an extra
        RSAPublicNumbers,
    )

    return RSAPublicNumbers(_number(jwk["e"]), _number(jwk["n"])).public_key()


def _number(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def _kept_in(file: Path) -> dict[str, dict[str, str]]:
    """What another process, the daemon or the webhook, has kept in it meanwhile."""
    with suppress(FileNotFoundError, KeysError):
        return _jwks_of(file.read_bytes())
    return {}

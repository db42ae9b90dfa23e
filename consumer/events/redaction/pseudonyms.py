"""Stands in for what identifies a person: the same for the same person, made with a secret key."""

import hmac
import unicodedata
from functools import lru_cache
from typing import Literal

from consumer.subject import CanvasId

#: Of each kind, equal texts have equal pseudonyms. "login" is also an e-mail address.
PseudonymKind = Literal["user", "uuid", "sis", "login", "name", "session"]

#: Fewer are not 32 random bytes, neither in hexadecimal digits nor in base64.
_LEAST_HEXADECIMAL, _LEAST = 64, 43
_LEAST_DIFFERENT = 8
#: A longer text is no name, and normalizing takes quadratic time.
_LONGEST = 1_000
#: One person causes many events.
_MOST_CACHED, _LONGEST_CACHED = 10_000, 100
#: Of the pseudonym: 128 bits.
_DIGITS = 32


class Pseudonyms:
    """Makes pseudonyms. Any thread may use it. The key is in no repr.

    A pseudonym is "p-" and the first 32 hexadecimal digits of the HMAC-SHA256 of `KIND:VALUE`.
    Without the key, it can't be found by trying all ids.

    Raises `ValueError`, which says what is wrong with the key.
    """

    __slots__ = ("_cached", "_key")

    def __init__(self, key: str) -> None:
        is_hexadecimal = all(digit in "0123456789abcdefABCDEF" for digit in key)
        least = _LEAST_HEXADECIMAL if is_hexadecimal else _LEAST
        if len(key) < least or len(set(key)) < _LEAST_DIFFERENT:
            raise ValueError("is not a random key of 32 bytes; make one with: openssl rand -hex 32")
        self._key = key.encode()
        self._cached = lru_cache(maxsize=_MOST_CACHED)(self._made)

    def of(self, kind: PseudonymKind, value: str) -> str:
        """The pseudonym of a text. Case and blanks around it count for neither logins nor names."""
        return (self._cached if len(value) <= _LONGEST_CACHED else self._made)(kind, value)

    def _made(self, kind: PseudonymKind, value: str) -> str:
        text = value.strip()
        if kind in {"login", "name"}:
            if len(text) <= _LONGEST:
                text = unicodedata.normalize("NFC", text)
            text = text.casefold()
        message = f"{kind}:{text}".encode("utf-8", "surrogatepass")
        return "p-" + hmac.digest(self._key, message, "sha256").hex()[:_DIGITS]

    def of_event(self, key: str) -> str:
        """Stands in for the key of an event. All hexadecimal digits, like the key."""
        message = f"event:{key}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, message, "sha256").hex()

    def of_user(self, user: CanvasId) -> str:
        """The pseudonym of a user, from the global id; from the local id if there is no shard."""
        number = user.local_id if user.global_id is None else user.global_id
        return self.of("user", str(number))

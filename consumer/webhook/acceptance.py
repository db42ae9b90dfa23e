"""Which posts are accepted: those to the secret path, those that Canvas has signed, or both."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from consumer.signatures.jws import TokenError, token_of
from consumer.webhook.keyring import Keyring, KeysDownError

#: The most bytes of a post: as many as a message in SQS has.
MOST_BYTES: Final = 1_048_576


class RefusedError(Exception):
    """The post gets this status. The text is for the log and the answer; it quotes nothing."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True)
class Acceptance:
    """Decides. The event loop's thread calls all methods.

    Args:
        keyring: None accepts posts that are not signed.
        secret_path: None accepts any path.
    """

    keyring: Keyring | None
    secret_path: str | None

    def start(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        """See `Keyring.start`."""
        if self.keyring is not None:
            self.keyring.start(call_soon)

    def close(self) -> None:
        """See `Keyring.close`."""
        if self.keyring is not None:
            self.keyring.close()

    def check_path(self, path: bytes) -> None:
        """Before anything else is looked at. Raises: `RefusedError`."""
        if self.secret_path is not None:
            expected = f"/{self.secret_path.lstrip('/')}".encode()
            if not hmac.compare_digest(path, expected):
                raise RefusedError(404, "the path is not the secret one")

    async def payload_of(self, body: bytes) -> bytes:
        """What was signed, or what was posted, byte for byte. Raises: `RefusedError`."""
        payload = body if self.keyring is None else await self._signed(body, self.keyring)
        if not payload.strip():
            raise RefusedError(400, "the post is empty")
        return payload

    async def _signed(self, body: bytes, keyring: Keyring) -> bytes:
        try:
            # A token consists of ASCII: what is not UTF-8 is none.
            token = token_of(body.decode("utf-8", "replace"))
        except TokenError as error:
            raise RefusedError(401, f"the token is not accepted: {error}") from None
        if token is None:
            raise RefusedError(401, 'it is not signed: choose "Sign Payload" in Canvas')
        try:
            key = await keyring.find(token.kid)
        except KeysDownError:
            raise RefusedError(
                503, "the signing key is not known, and can't be asked for"
            ) from None
        if key is None:
            raise RefusedError(401, "the signing key is none of Canvas's")
        if not token.is_signed_by(key):
            raise RefusedError(401, "the signature is wrong: it was changed, or forged")
        return token.payload

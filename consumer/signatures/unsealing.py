"""From a message with a signed body to one with the event that was signed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, Literal

from consumer.errors import DecodeError, Retry
from consumer.messages import ReceivedMessage
from consumer.signatures.jws import TokenError, token_of
from consumer.signatures.keys import SigningKeys

Mode = Literal["off", "accepted", "required"]

#: How long a message waits whose key is not known, by its receive count: in all longer than any
#: outage of the keys' address should last, so that it does not use up the message's deliveries.
_WAITS: Final = (60.0, 600.0, 3_600.0, 14_400.0, 39_600.0)


class Unsealing:
    """Verifies and unpacks. Any thread may call it; it never blocks.

    Args:
        required: refuse messages that are not signed.
        want: called if a key is not known.
    """

    def __init__(self, keys: SigningKeys, *, required: bool, want: Callable[[], None]) -> None:
        self._keys = keys
        self._required = required
        self._want = want

    def open(self, message: ReceivedMessage) -> ReceivedMessage:
        """The message with what was signed as its body; or as it is, if it is not signed.

        Raises: `DecodeError` if the signature is wrong, or missing and required; `Retry` if its
        key is not known yet.
        """
        try:
            token = token_of(message.body)
        except TokenError as error:
            raise DecodeError(f"a signed event (JWT) that is not accepted: {error}") from None
        if token is None:
            if self._required:
                raise DecodeError("the event is not signed, and queue.signed requires it")
            return message
        key = self._keys.find(token.kid)
        if key is None:
            self._want()
            after = _WAITS[min(message.receive_count, len(_WAITS)) - 1]
            raise Retry("its signing key is not known yet", after=after)
        if not token.is_signed_by(key):
            raise DecodeError(
                "a signed event (JWT) whose signature is wrong: it was changed, or forged"
            )
        try:
            return replace(message, body=token.payload.decode())
        except UnicodeDecodeError:
            raise DecodeError("a signed event (JWT) whose content is not UTF-8") from None

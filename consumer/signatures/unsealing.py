"""From a message with a signed body to one with the event that was signed."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from consumer.clock import SystemClock
from consumer.config.urls import is_loopback
from consumer.errors import ConfigurationError, DecodeError, Retry
from consumer.messages import ReceivedMessage
from consumer.signatures import check_installed
from consumer.signatures.jws import TokenError, token_of
from consumer.signatures.keys import SigningKeys
from consumer.signatures.source import (
    LEAST_SECONDS,
    KeySource,
    from_file,
    from_url,
    reason_of,
)

#: How long a message waits whose key is not known, by its receive count. The first wait is longer
#: than it takes to ask for the key. Then they are short: anyone can invent the id of a key, and
#: SQS stops at 120,000 messages that are hidden.
_WAITS: Final = (LEAST_SECONDS + 15, 300.0, 900.0)
#: While the keys' address is down: in all longer than that should last, so that an outage does not
#: use up the deliveries of a message.
_WAITS_WHILE_DOWN: Final = (LEAST_SECONDS + 15, 600.0, 3_600.0, 14_400.0, 39_600.0)


class SignatureError(DecodeError):
    """The signature is wrong, or missing although it is required. The reason quotes nothing."""


class Unsealing:
    """Verifies and unpacks. Any thread may call it; it never blocks.

    Args:
        source: asked if a key is not known.
        required: refuse messages that are not signed.
    """

    def __init__(self, keys: SigningKeys, source: KeySource, *, required: bool) -> None:
        self._keys = keys
        self._source = source
        self._required = required

    def open(self, message: ReceivedMessage) -> ReceivedMessage:
        """The message with what was signed as its body; or as it is, if it is not signed.

        The whole body must be the token: what is in the envelope of a relay is not opened.

        Raises: `SignatureError` if the signature is wrong, or missing and required; `Retry` if its
        key is not known yet.
        """
        try:
            token = token_of(message.body)
        except TokenError as error:
            raise SignatureError(f"a signed event (JWT) that is not accepted: {error}") from None
        if token is None:
            if self._required:
                raise SignatureError("the event is not signed, and queue.signed requires it")
            return message
        key = self._keys.find(token.kid)
        if key is None:
            self._source.want()
            waits = _WAITS_WHILE_DOWN if self._source.is_failing else _WAITS
            after = waits[min(message.receive_count, len(waits)) - 1]
            raise Retry("its signing key is not known yet", after=after)
        if not token.is_signed_by(key):
            raise SignatureError(
                "a signed event (JWT) whose signature is wrong: it was changed, or forged"
            )
        try:
            return replace(message, body=token.payload.decode())
        except UnicodeDecodeError:
            raise DecodeError("a signed event (JWT) whose content is not UTF-8") from None


def unsealing_with(place: str) -> Unsealing:
    """What opens messages with the keys in a file or at an address, which is read once.

    Raises: `ConfigurationError` if that fails.
    """
    check_installed()
    if place.startswith("http://") and not is_loopback(place):
        raise ConfigurationError("must begin with https://; http is for this machine only")
    keys = SigningKeys()
    is_url = place.startswith(("https://", "http://"))
    fetch = from_url(place) if is_url else from_file(Path(place))
    try:
        keys.add(fetch())
    except Exception as error:
        raise ConfigurationError(f"no keys: {reason_of(error)}") from None
    return Unsealing(keys, KeySource(keys, fetch, clock=SystemClock()), required=False)

"""How the daemon would read a message: for commands that read messages beside it."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from consumer.clock import Clock
from consumer.config import QueueSettings, Settings
from consumer.config.models import MessageFormat, Relay
from consumer.errors import DecodeError, Retry
from consumer.events.decode import decode
from consumer.messages import ARCHIVED_KEY, Event, ReceivedMessage
from consumer.signatures import check_installed
from consumer.signatures.keys import KEYS_FILE, KeysError, SigningKeys
from consumer.signatures.source import source_of
from consumer.signatures.unsealing import SignatureError, Unsealing


@dataclass(frozen=True)
class Decoding:
    """As configured.

    Args:
        unsealing: opens signed messages; None reads them as they are.
    """

    format: MessageFormat = "auto"
    unwrap: Collection[Relay] = ()
    unsealing: Unsealing | None = None

    @classmethod
    def of(cls, queue: QueueSettings, unsealing: Unsealing | None) -> "Decoding":
        """As the settings say."""
        return cls(queue.format, queue.unwrap, unsealing)

    def events(self, message: ReceivedMessage) -> tuple[Event, ...]:
        """The events of a message. Raises `DecodeError`."""
        opened = message if self.unsealing is None else self.unsealing.open(message)
        return decode(opened, self.format, unwrap=self.unwrap)

    def read(self, message: ReceivedMessage) -> tuple[tuple[Event, ...], str]:
        """The events of a message; without any, the reason."""
        try:
            return self.events(message), ""
        except DecodeError as error:
            return (), error.reason


class _Unsealing(Unsealing):
    """Does not wait for keys, and opens nothing that was opened before it was archived."""

    def open(self, message: ReceivedMessage) -> ReceivedMessage:
        if ARCHIVED_KEY in message.attributes:
            return message
        try:
            return super().open(message)
        except Retry:
            raise SignatureError("a signed event (JWT) whose signing key is not known") from None


def unsealing_of(settings: Settings, *, clock: Clock) -> Unsealing | None:
    """What opens signed messages, as `queue.signed` says; None if that is off.

    The keys are those that the daemon has kept, and those of their address, which is asked once.
    Nothing is written. Raises `ConfigurationError` if the library that verifies is missing.
    """
    signed = settings.queue.signed
    if signed.mode == "off":
        return None
    check_installed()
    keys = SigningKeys()
    with suppress(OSError, KeysError):
        keys.add((settings.state_directory / KEYS_FILE).read_bytes())
    source = source_of(signed, keys, clock=clock)
    source.run_once()
    return _Unsealing(keys, source, required=signed.mode == "required")

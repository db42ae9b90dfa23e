"""What `consume decode` and `consume drift` read: the events in files, and errors in them."""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from consumer.cli.output import report
from consumer.errors import DecodeError, Retry
from consumer.messages import Event, ReceivedMessage
from consumer.operations.message_files import pieces_of
from consumer.operations.payloads import messages_in

_REFUSED: Final = {"[": "a JSON array", '"': "a JSON string"}


#: See `Unsealing.open`.
_Open = Callable[[ReceivedMessage], ReceivedMessage]


class Read(NamedTuple):
    """A message in a file. It has no events if it can't be decoded."""

    number: int
    message: ReceivedMessage
    events: tuple[Event, ...]
    #: Where the daemon would refuse the text as one message: what the text is.
    refused: str


def read_events(
    file: str, faults: list[str], *, jwks: _Open | None = None, **options: Any
) -> Iterator[Read]:
    """Each message in a file of any size; "-" is standard input. The options are those of `decode`.

    What can't be read or decoded is reported, and added to `faults`.

    Args:
        jwks: opens signed messages.
    """
    from consumer.events.decode import decode

    def fault(reason: str) -> None:
        faults.append(reason)
        report(f"{file}: {reason}")

    number = 0
    for piece in pieces_of(file, fault):
        refused = _REFUSED.get(piece.text.lstrip()[:1], "")
        for message in messages_in(piece.text):
            number += 1
            events: tuple[Event, ...] = ()
            try:
                opened = message if jwks is None else jwks(message)
                events = decode(opened, **options)
            except (DecodeError, Retry) as error:
                fault(f"message {number}: {error.reason}")
            yield Read(number, message, events, refused)

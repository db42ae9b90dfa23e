"""Reads messages of a queue without consuming them: each once, and then gives all of them back."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Self

from consumer.clock import NEVER, Clock
from consumer.errors import TransportError
from consumer.messages import ReceivedMessage
from consumer.queues.transport import EntryFailure, Transport
from consumer.sqs_limits import MAX_BATCH

#: A long poll asks all of SQS's servers; a short one would miss messages.
_WAIT_SECONDS: Final = 1
_ATTEMPTS: Final = 3

#: What SQS refused to settle, by receipt handle.
Refused = dict[str, EntryFailure]


class Holder:
    """Holds the messages that it reads: SQS hides them from all consumers. A context manager.

    At its end, however it comes, they are given back: visible at once. After a crash they are
    visible when `seconds` have passed since their receive. Called from one thread.

    Args:
        batch: how many messages a receive asks for.
    """

    def __init__(
        self, transport: Transport, *, seconds: int, clock: Clock, batch: int = MAX_BATCH
    ) -> None:
        self._transport = transport
        self._seconds = seconds
        self._clock = clock
        self._batch = batch
        #: The newest receipt handle by message id.
        self._handles: dict[str, str] = {}
        #: True if reading ended early: the first messages would have become visible meanwhile.
        self.out_of_time = False
        #: What could not be given back: it becomes visible when `seconds` have passed.
        self.not_given_back: Refused = {}

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give back what is held."""
        self.not_given_back = give_back(self._transport, list(self._handles.values()), self._clock)

    def read(self, limit: int) -> Iterator[ReceivedMessage]:
        """At most so many messages, until the queue has no other one. Raises `TransportError`."""
        # What becomes visible again while this still reads would be read, and counted, again.
        deadline = self._clock.monotonic() + self._seconds * 2 / 3
        while (wanted := limit - len(self._handles)) > 0:
            if self._clock.monotonic() >= deadline:
                self.out_of_time = True
                return
            messages = self._transport.receive(
                max_messages=min(wanted, self._batch),
                wait_seconds=_WAIT_SECONDS,
                visibility_timeout_seconds=self._seconds,
            )
            if not messages:
                return
            by_id = {message.message_id: message for message in messages}
            new = [message for key, message in by_id.items() if key not in self._handles]
            self._handles.update({key: m.receipt_handle for key, m in by_id.items()})
            yield from new


def give_back(transport: Transport, handles: Sequence[str], clock: Clock) -> Refused:
    """Make messages visible at once. One that another consumer has meanwhile counts as done."""
    refused = _settle_all(
        lambda rest: transport.change_visibility([(handle, 0) for handle in rest]), handles, clock
    )
    return {handle: failure for handle, failure in refused.items() if not failure.gone}


def delete(transport: Transport, handles: Sequence[str], clock: Clock) -> Refused:
    """Delete messages."""
    return _settle_all(transport.delete, handles, clock)


_Call = Callable[[Sequence[str]], list[EntryFailure | None]]


def _settle_all(call: _Call, handles: Sequence[str], clock: Clock) -> Refused:
    refused: Refused = {}
    for start in range(0, len(handles), MAX_BATCH):
        batch = handles[start : start + MAX_BATCH]
        failed, is_over = _settle(call, batch, clock)
        refused |= failed
        if is_over:  # a dead network must not be found out for every ten messages
            code = next(iter(failed.values()))
            return refused | dict.fromkeys(handles[start + MAX_BATCH :], code)
    return refused


def _settle(call: _Call, handles: Sequence[str], clock: Clock) -> tuple[Refused, bool]:
    """Make a call for up to ten messages, and again for those that SQS refused.

    Returns those that it still refused, and whether the call as a whole failed to the end.
    """
    refused = dict.fromkeys(handles, EntryFailure("NotSent"))
    error: TransportError | None = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            clock.wait(NEVER, 0.5 * 2**attempt)
        rest, error = list(refused), None
        try:
            answers = call(rest)
        except TransportError as failure:
            error = failure
            answers = [EntryFailure(error.code)] * len(rest)
        refused = {h: answer for h, answer in zip(rest, answers, strict=True) if answer is not None}
        if all(failed.gone for failed in refused.values()) or (error is not None and error.fatal):
            break
    return refused, error is not None

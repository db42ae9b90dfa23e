"""Moves messages from a dead-letter queue back: receives, sends, deletes, in that order.

A message is deleted only after SQS has confirmed that the queue has it. A crash in between leaves
it in both queues: it is delivered twice, never lost. Bodies and attributes stay as they are.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from consumer.clock import NEVER, Clock
from consumer.errors import AccessDeniedError, TransportError
from consumer.messages import ReceivedMessage
from consumer.operations.decoding import Decoding
from consumer.operations.dlq.chosen import takes_message
from consumer.operations.dlq.find import DeadLetters
from consumer.operations.holding import Refused, delete, give_back
from consumer.operations.replay.choice import Choice
from consumer.queues.sqs.admin import AwsCalls
from consumer.queues.sqs.queue import message_of
from consumer.queues.transport import Transport
from consumer.sqs_limits import MAX_BATCH, batches

#: After a crash, messages are visible again that many seconds after their receive.
HOLD_SECONDS: Final = 600


@dataclass(frozen=True)
class _Letter:
    """A message as SQS returned it."""

    raw: dict[str, Any] = field(repr=False)
    message: ReceivedMessage

    @property
    def size(self) -> int:
        """Bytes, at least as many as SQS counts."""
        attributes = self.raw.get("MessageAttributes", {})
        texts = [self.raw["Body"], *attributes]
        for value in attributes.values():
            texts += [value["DataType"], value.get("StringValue", "")]
        binary = sum(len(value.get("BinaryValue", b"")) for value in attributes.values())
        return binary + sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)

    def entry(self, number: int) -> dict[str, Any]:
        """For SendMessageBatch: the same body and attributes."""
        entry = {"Id": str(number), "MessageBody": self.raw["Body"]}
        if attributes := self.raw.get("MessageAttributes"):
            entry["MessageAttributes"] = attributes
        if trace := self.raw.get("Attributes", {}).get("AWSTraceHeader"):
            value = {"DataType": "String", "StringValue": trace}
            entry["MessageSystemAttributes"] = {"AWSTraceHeader": value}
        return entry


@dataclass
class Resent:
    """What became of the messages that were received."""

    moved: int = 0
    #: They stay: how many, by reason.
    left: Counter[str] = field(default_factory=Counter)
    #: SQS did not take them, so they stay: how many, by SQS's code.
    refused: Counter[str] = field(default_factory=Counter)
    not_given_back: Refused = field(default_factory=dict, repr=False)


class Resend:
    """One run. Called from one thread.

    Args:
        dead: the dead-letter queue, to delete from and to give back.
        rate: the most messages a second; None for as many as possible.
        on_progress: called with the number of moved messages.
    """

    def __init__(
        self,
        calls: AwsCalls,
        places: DeadLetters,
        dead: Transport,
        decoding: Decoding,
        *,
        clock: Clock,
        choice: Choice,
        rate: int | None = None,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._calls = calls
        self._places = places
        self._dead = dead
        self._decoding = decoding
        self._clock = clock
        self._choice = choice
        self._rate = rate
        self._on_progress = on_progress
        self.result = Resent()
        #: The newest receipt handles of what stays, by message id.
        self._held: dict[str, str] = {}
        #: What the queue has, and the dead-letter queue still has.
        self._sent: list[str] = []

    def run(self, *, limit: int | None = None, dry_run: bool = False) -> Resent:
        """Move up to `limit` messages; a dry run only counts them. Then give back the rest.

        What is sent after the start stays: a message that goes back and fails again comes again.

        Raises: `TransportError`; `result` says how far it came.
        """
        started = self._clock.now()
        if not dry_run:
            self._check_delete()
        try:
            self._move(started, math.inf if limit is None else limit, dry_run=dry_run)
        finally:  # also after Ctrl-C
            try:
                self._delete_sent()
            finally:
                held = list(self._held.values())
                self.result.not_given_back = give_back(self._dead, held, self._clock)
        return self.result

    def _check_delete(self) -> None:
        """Raise if deletes are not permitted: then all that was sent would be in both queues."""
        try:
            self._dead.delete(["not a receipt handle"])
        except AccessDeniedError:
            raise
        except TransportError:
            pass  # SQS may refuse such a handle as it likes

    def _move(self, started: datetime, limit: float, *, dry_run: bool) -> None:
        began = self._clock.monotonic()
        known_only = 0
        # Once the first ones that stay are visible again, no receive is empty any more.
        while self.result.moved < limit and known_only <= len(self._held) // MAX_BATCH + MAX_BATCH:
            letters = self._receive(min(MAX_BATCH, limit - self.result.moved))
            if not letters:
                return
            unknown = (each for each in letters if each.message.message_id not in self._held)
            new = list({each.message.message_id: each for each in unknown}.values())
            known_only = 0 if new else known_only + 1
            # Held first: whatever happens next, it is given back.
            self._held |= {e.message.message_id: e.message.receipt_handle for e in letters}
            reasons = [self._why_left(letter.message, started) for letter in new]
            wanted = [letter for letter, why in zip(new, reasons, strict=True) if not why]
            self.result.left.update(filter(None, reasons))
            if dry_run:
                self.result.moved += len(wanted)
                continue
            for batch in batches(wanted):
                self._send(batch)
                self._delete_sent()
            self._on_progress(self.result.moved)
            if self._rate is not None:
                due = began + self.result.moved / self._rate
                self._clock.wait(NEVER, max(0.0, due - self._clock.monotonic()))

    def _receive(self, most: float) -> list[_Letter]:
        answer = self._calls.ask(
            "ReceiveMessage",
            QueueUrl=self._places.url, MaxNumberOfMessages=int(most), WaitTimeSeconds=1,
            VisibilityTimeout=HOLD_SECONDS, AttributeNames=["All"], MessageAttributeNames=["All"],
        )  # fmt: skip
        found = [(raw, message_of(raw, 0.0)) for raw in answer.get("Messages") or []]
        return [_Letter(raw, message) for raw, message in found if message is not None]

    def _why_left(self, message: ReceivedMessage, started: datetime) -> str:
        """Why the message stays; "" if it is to be moved."""
        if message.sent_at is not None and message.sent_at >= started:
            return "sent after the start"
        source = message.attributes.get("DeadLetterQueueSourceArn")
        if source is not None and source != self._places.queue_arn:
            return "of another queue"
        chosen = takes_message(self._choice, message, self._decoding)
        return "" if chosen else "not chosen"

    def _send(self, batch: Sequence[_Letter]) -> None:
        entries = [letter.entry(number) for number, letter in enumerate(batch)]
        answer = self._calls.ask(
            "SendMessageBatch", QueueUrl=self._places.queue_url, Entries=entries
        )
        for entry in answer.get("Successful") or ():
            message = batch[int(entry["Id"])].message
            self._sent.append(self._held.pop(message.message_id))
            self.result.moved += 1
        for entry in answer.get("Failed") or ():
            self.result.refused[str(entry.get("Code"))] += 1

    def _delete_sent(self) -> None:
        failed = delete(self._dead, self._sent, self._clock)
        self._sent = []  # not before: after Ctrl-C in a delete, it is made again
        if failed:
            code = next(iter(failed.values())).code
            raise TransportError(
                f"stopped, because a delete failed ({code}): these messages are in the queue and "
                f"in the dead-letter queue: {len(failed)}",
                code=code,
            )

"""A queue whose messages are those of files: the engine consumes it as it consumes SQS."""

import heapq
import math
import threading
from collections import deque
from collections.abc import Iterator, Sequence

from consumer.clock import Clock
from consumer.messages import ReceivedMessage, new_message
from consumer.operations.message_files import Place
from consumer.operations.replay.source import Found, Source
from consumer.queues.transport import EntryFailure, QueueAttributes

#: Read and not done yet, at most: what fails waits here for its next attempt.
MOST_MESSAGES = 10_000
MOST_BYTES = 2**26
#: Of these, read and not received yet; then the reader waits until half of them are received.
AHEAD = 500
_GONE = EntryFailure("ReceiptHandleIsInvalid", gone=True)


class _Message:
    """A message that is not done."""

    __slots__ = ("due", "found", "handle", "message_id", "number", "receives")

    def __init__(self, number: int, found: Found) -> None:
        self.number = number
        self.found = found
        self.message_id = found.message.message_id
        self.receives = 0
        self.handle = ""
        #: `Clock.monotonic()` at which it can be received again; while it is held: never.
        self.due = math.inf


class FileQueue:
    """A `Transport`. Any thread may call any method, except `read`, which has its own.

    A message that was received does not come back by itself: there is no other consumer.
    """

    def __init__(self, source: Source, *, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._changes = threading.Condition()
        self._messages: dict[int, _Message] = {}
        #: Their ids. The engine takes two messages with the same id for one.
        self._ids: set[str] = set()
        #: Read, and not received yet.
        self._ahead: deque[_Message] = deque()
        #: When each is due, and its receipt handle; one that has changed since is passed over.
        self._waiting: list[tuple[float, str]] = []
        self._bytes = 0
        self._read_all = self._closed = False
        #: Messages that were read; and those of them that were not chosen.
        self.seen = self.skipped = 0
        #: What ended the reader: a bug.
        self.failure: Exception | None = None

    @property
    def is_done(self) -> bool:
        """True once everything was read and deleted."""
        return self._read_all and not self._messages

    @property
    def is_waiting(self) -> bool:
        """True if nothing comes until a message that was received is done, or is due again."""
        return not self._ahead and (self._read_all or not self._has_room(AHEAD))

    @property
    def left(self) -> int:
        """How many messages were read and are not done."""
        return len(self._messages)

    @property
    def waiting(self) -> int:
        """How many of them wait for their next attempt."""
        return len(self._waiting)

    def read(self) -> None:
        """Read all files to their end, as there is room; in a thread of its own.

        What it reads from may be a terminal or a slow pipe: no other thread waits for that.
        """
        try:
            self._read(iter(self._source))
        except Exception as error:
            self.failure = error

    def _read(self, found: Iterator[Found | int]) -> None:
        for number, item in enumerate(found):
            self.seen += 1
            if isinstance(item, int):
                self.skipped += item
                continue
            message = _Message(number, item)
            with self._changes:
                if message.message_id in self._ids:
                    message.message_id += f"#{number}"
                self._ids.add(message.message_id)
                self._messages[number] = message
                self._bytes += len(item.message.body)
                self._ahead.append(message)
                self._changes.notify()
                if not self._has_room(AHEAD):
                    self._changes.wait_for(lambda: self._closed or self._has_room(AHEAD // 2))
            if self._closed:
                return
        with self._changes:
            self._read_all = True
            self._changes.notify_all()

    def _has_room(self, ahead: int) -> bool:
        held = len(self._messages)
        if len(self._ahead) >= ahead:
            return False
        return held < MOST_MESSAGES and (self._bytes < MOST_BYTES or not held)

    def receive(
        self, *, max_messages: int, wait_seconds: int, visibility_timeout_seconds: int | None
    ) -> list[ReceivedMessage]:
        """As `Transport.receive`: what waited long enough, then what comes next in the files."""
        del visibility_timeout_seconds
        deadline = self._clock.monotonic() + wait_seconds
        with self._changes:
            while True:
                now = self._clock.monotonic()
                taken = self._take_due(max_messages, now)
                while self._ahead and len(taken) < max_messages:
                    taken.append(self._ahead.popleft())
                if taken or now >= deadline or self.is_done:
                    self._changes.notify_all()
                    return [self._deliver(message, now) for message in taken]
                due = self._waiting[0][0] if self._waiting else math.inf
                self._changes.wait(min(deadline, due) - now)

    def _take_due(self, most: int, now: float) -> list[_Message]:
        taken: list[_Message] = []
        while self._waiting and len(taken) < most and self._waiting[0][0] <= now:
            due, handle = heapq.heappop(self._waiting)
            message = self._find(handle)
            if message is not None and message.due == due:
                message.due = math.inf
                taken.append(message)
        return taken

    def _deliver(self, message: _Message, now: float) -> ReceivedMessage:
        message.receives += 1
        message.handle = f"{message.number}.{message.receives}"
        found = message.found.message
        return new_message(
            message_id=message.message_id,
            receipt_handle=message.handle,
            body=found.body,
            receive_count=message.receives,
            received_at=now,
            attributes=found.attributes,
            message_attributes=found.message_attributes,
        )

    def delete(self, receipt_handles: Sequence[str]) -> list[EntryFailure | None]:
        """As `Transport.delete`: these messages are done."""
        answers: list[EntryFailure | None] = []
        with self._changes:
            for handle in receipt_handles:
                message = self._find(handle)
                if message is not None:
                    del self._messages[message.number]
                    self._ids.discard(message.message_id)
                    self._bytes -= len(message.found.message.body)
                answers.append(_GONE if message is None else None)
            self._changes.notify_all()
        return answers

    def change_visibility(self, changes: Sequence[tuple[str, int]]) -> list[EntryFailure | None]:
        """As `Transport.change_visibility`."""
        now = self._clock.monotonic()
        answers: list[EntryFailure | None] = []
        with self._changes:
            for handle, seconds in changes:
                message = self._find(handle)
                if message is not None:
                    message.due = now + seconds
                    heapq.heappush(self._waiting, (message.due, handle))
                answers.append(_GONE if message is None else None)
            self._changes.notify_all()
        return answers

    def attributes(self) -> QueueAttributes:
        """Nothing is known: only the files say how much is left."""
        return QueueAttributes()

    def close(self) -> None:
        """Read no more."""
        with self._changes:
            self._closed = True
            self._changes.notify_all()

    def found(self, receipt_handle: str) -> Found | None:
        """What a message that is not done was in its file."""
        message = self._find(receipt_handle)
        return None if message is None else message.found

    def done(self) -> dict[str, Place]:
        """Up to where each file is done, all before it.

        Messages after that place may be done, too: a run that is continued there repeats them.
        """
        # First: what is read afterwards is not before these places.
        places = self._source.read_to.copy()
        with self._changes:
            for message in self._messages.values():
                found = message.found
                places[found.file] = min(found.begin, places.get(found.file, found.begin))
        return places

    def _find(self, receipt_handle: str) -> _Message | None:
        """The message, if this is its newest handle."""
        message = self._messages.get(int(receipt_handle.partition(".")[0]))
        return message if message is not None and message.handle == receipt_handle else None

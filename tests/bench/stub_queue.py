"""A standard queue in memory, whose messages are rendered as JSON before they are asked for."""

from __future__ import annotations

import hashlib
import json
import struct
import uuid
from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: Real receipt handles have about 400 characters, in receives and deletes.
_HANDLE_FILLER = b"AQEBx" * 76
_RENDERED = b'{%b,"ReceiptHandle":"%d.%d.%b"%b%b}'
_SYSTEM_ATTRIBUTES = {
    "SenderId": b'"SenderId":"AIDAEXAMPLE:canvas"',
    "SentTimestamp": b'"SentTimestamp":"%(sent)d"',
    "ApproximateReceiveCount": b'"ApproximateReceiveCount":"%(count)d"',
    "ApproximateFirstReceiveTimestamp": b'"ApproximateFirstReceiveTimestamp":"%(first)d"',
}


@dataclass(slots=True, eq=False)
class Stored:
    """A message in the queue. `visible_at` is None while it waits to be received."""

    index: int
    fragment: bytes
    attributes: Mapping[str, str]
    attributes_fragment: bytes
    sent_ms: int
    first_ms: int = 0
    receives: int = 0
    visible_at: float | None = None
    deleted: bool = False


@dataclass(slots=True)
class Counts:
    """What happened to messages so far."""

    received: int = 0
    redelivered: int = 0
    deleted: int = 0


@dataclass(slots=True)
class Queue:
    """A standard queue: a new receipt handle with each receive, and only the newest one is good.

    Times are seconds of one monotonic clock, which the caller reads.
    """

    visibility_seconds: int = 30
    counts: Counts = field(default_factory=Counts)
    _messages: list[Stored] = field(default_factory=list)
    _visible: deque[Stored] = field(default_factory=deque)
    _in_flight: dict[int, Stored] = field(default_factory=dict)

    def send(self, body: str, attributes: Mapping[str, str], sent_ms: int) -> tuple[str, str]:
        """Add a message; returns its message id and the MD5 of its body."""
        message_id = str(uuid.UUID(int=len(self._messages) + 1, version=4))
        digest = hashlib.md5(body.encode("utf-8", "surrogatepass")).hexdigest()
        text = json.dumps(body)
        fragment = f'"MessageId":"{message_id}","MD5OfBody":"{digest}","Body":{text}'.encode()
        stored = Stored(
            index=len(self._messages),
            fragment=fragment,
            attributes=attributes,
            attributes_fragment=render_attributes(attributes),
            sent_ms=sent_ms,
        )
        self._messages.append(stored)
        self._visible.append(stored)
        return message_id, digest

    def receive(
        self,
        count: int,
        *,
        visible_at: float,
        now_ms: int,
        system_names: tuple[str, ...],
        names: Sequence[str],
    ) -> bytes | None:
        """The JSON answer with up to `count` messages, or None if there is none to give."""
        template = _system_template(system_names)
        rendered: list[bytes] = []
        while self._visible and len(rendered) < count:
            message = self._visible.popleft()
            if message.deleted:
                continue
            message.receives += 1
            message.first_ms = message.first_ms or now_ms
            message.visible_at = visible_at
            self._in_flight[message.index] = message
            self.counts.redelivered += message.receives > 1
            rendered.append(_render(message, template, names))
        if not rendered:
            return None
        self.counts.received += len(rendered)
        return b'{"Messages":[' + b",".join(rendered) + b"]}"

    def delete(self, handle: str) -> str | None:
        """Delete by receipt handle, also twice; returns an error code, or None."""
        message = self._find(handle)
        if message is None:
            return "ReceiptHandleIsInvalid"
        if not message.deleted:
            message.deleted = True
            self.counts.deleted += 1
            self._in_flight.pop(message.index, None)
        return None

    def change_visibility(self, handle: str, seconds: int, now: float) -> str | None:
        """Show it again after `seconds`, 0 at once; returns an error code, or None."""
        message = self._find(handle)
        if message is None:
            return "ReceiptHandleIsInvalid"
        if message.index not in self._in_flight:
            return "MessageNotInflight"
        message.visible_at = now + seconds
        if seconds == 0:
            self._show(message)
        return None

    def expire(self, now: float) -> None:
        """Make messages visible whose visibility timeout is over."""
        for message in list(self._in_flight.values()):
            if message.visible_at is not None and message.visible_at <= now:
                self._show(message)

    def _show(self, message: Stored) -> None:
        message.visible_at = None
        del self._in_flight[message.index]
        self._visible.append(message)

    def _find(self, handle: str) -> Stored | None:
        index, _, rest = handle.partition(".")
        receives, _, _ = rest.partition(".")
        if not (index.isdecimal() and receives.isdecimal() and int(index) < len(self._messages)):
            return None
        message = self._messages[int(index)]
        return message if message.receives == int(receives) else None

    @property
    def visible(self) -> int:
        """How many messages a receive could give."""
        return len(self._messages) - self.counts.deleted - len(self._in_flight)

    @property
    def in_flight(self) -> int:
        """How many messages were received and neither deleted nor shown again."""
        return len(self._in_flight)


def _render(message: Stored, template: bytes, names: Sequence[str]) -> bytes:
    system = template % {
        b"sent": message.sent_ms,
        b"count": message.receives,
        b"first": message.first_ms,
    }
    if "All" in names or ".*" in names:
        attributes = message.attributes_fragment
    else:
        wanted = {n: v for n, v in message.attributes.items() if n in names}
        complete = len(wanted) == len(message.attributes)
        attributes = message.attributes_fragment if complete else render_attributes(wanted)
    return _RENDERED % (
        message.fragment,
        message.index,
        message.receives,
        _HANDLE_FILLER,
        system,
        attributes,
    )


@lru_cache(maxsize=64)
def _system_template(names: tuple[str, ...]) -> bytes:
    chosen = _SYSTEM_ATTRIBUTES if "All" in names else names
    parts = [_SYSTEM_ATTRIBUTES[name] for name in chosen if name in _SYSTEM_ATTRIBUTES]
    return b',"Attributes":{' + b",".join(parts) + b"}" if parts else b""


def render_attributes(attributes: Mapping[str, str]) -> bytes:
    """String message attributes as SQS returns them, with their MD5; empty if there are none."""
    if not attributes:
        return b""
    shown = {n: {"DataType": "String", "StringValue": v} for n, v in attributes.items()}
    digest = hashlib.md5(b"".join(_attribute_bytes(sorted(attributes.items())))).hexdigest()
    text = json.dumps(shown, separators=(",", ":"))
    return f',"MD5OfMessageAttributes":"{digest}","MessageAttributes":{text}'.encode()


def _attribute_bytes(attributes: Iterable[tuple[str, str]]) -> Iterable[bytes]:
    for name, value in attributes:
        for text in (name, "String"):
            yield struct.pack("!I", len(text.encode())) + text.encode()
        yield b"\x01" + struct.pack("!I", len(value.encode())) + value.encode()

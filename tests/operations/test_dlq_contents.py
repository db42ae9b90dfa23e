"""What is in a dead-letter queue: counts, single messages, and a copy that other commands read."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from consumer.errors import AccessDeniedError, ConfigurationError
from consumer.operations.decoding import Decoding
from consumer.operations.dlq.contents import DECODES, ExportError, export, found, grouped, hold
from consumer.operations.payloads import messages_in
from consumer.testing import InMemoryQueue, ManualClock
from consumer.testing.faults import Fault
from tests.cases import for_each
from tests.moto_queues import numbered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumer.messages import ReceivedMessage


QUOTES = "not an event: not JSON: Expecting property name enclosed in double quotes"


def queue_of(*bodies: str) -> InMemoryQueue:
    """A dead-letter queue with these messages, each with the attribute that Canvas sets."""
    queue = InMemoryQueue(ManualClock(), name="canvas-live-events-dlq")
    for body in bodies:
        queue.send(body, message_attributes={"event_name": "grade_change"})
        queue.clock.advance(60)  # type: ignore[attr-defined]
    return queue


def test_messages_are_counted_by_reason_and_event() -> None:
    """By the decoder's reason, wherever a text is cut; the largest group first."""
    events = (numbered(1), numbered(2), numbered(3, "logged_in"), numbered(4))
    queue = queue_of("{", *events, '{"a": 1, ')

    with hold(queue, queue.clock) as holder:
        groups = grouped(holder.read(100), Decoding(), now=queue.clock.now())

    assert [
        (3, DECODES, "submission_created"),
        (2, QUOTES, "grade_change"),
        (1, DECODES, "logged_in"),
    ] == [(group.count, group.reason, group.event_name) for group in groups]  # fmt: skip
    assert (300, 120) == (groups[0].oldest_seconds, groups[0].newest_seconds)
    assert [1] == groups[0].receive_counts
    assert 3 == len(groups[0].examples)
    assert 6 == len(queue.visible())


def test_the_configured_format_counts() -> None:
    """A message may be an event, but not for this daemon."""
    queue = queue_of(numbered(1))

    with hold(queue, queue.clock) as holder:
        (group,) = grouped(holder.read(1), Decoding("caliper"), now=queue.clock.now())

    assert "the configured format is caliper" in group.reason


def test_a_queue_that_counts_deliveries_is_refused() -> None:
    """Such as the queue itself, named by mistake; but a permission that is missing is not."""
    dead = queue_of()
    queue = InMemoryQueue(ManualClock(), max_receive_count=10, dead_letter_queue=dead)

    with pytest.raises(ConfigurationError, match="has a redrive policy itself"):
        hold(queue, queue.clock)

    queue.faults = [Fault(error=AccessDeniedError("not permitted"))]
    hold(queue, queue.clock)


def test_one_message_is_found() -> None:
    """What follows it is not read."""
    queue = queue_of(*map(numbered, range(30)))
    wanted = queue.visible()[12]

    with hold(queue, queue.clock) as holder:
        shown = [message.message_id for message in found(holder.read(100), wanted)]

    assert [wanted] == shown
    assert 30 == len(queue.visible())
    assert 2 == [call.operation for call in queue.calls].count("receive")


def test_an_export_is_complete_and_private(tmp_path: Path) -> None:
    """Bodies as they are, ids and attributes; only the owner reads it, and nothing is deleted."""
    bodies = [numbered(1), 'not JSON \u2028 "\ud800', '{"url": "https://x/?access_token=SECRET"}']
    queue = queue_of(*bodies)
    file = tmp_path / "letters.jsonl"
    ids = queue.visible()

    with hold(queue, queue.clock) as holder:
        assert 3 == export(holder.read(100), file)

    assert 0o600 == file.stat().st_mode & 0o777
    lines = file.read_text("ascii").splitlines()
    messages = [message for line in lines for message in messages_in(line)]
    assert bodies == [message.body for message in messages]
    assert ids == [message.message_id for message in messages]
    assert {"event_name": "grade_change"} == messages[0].message_attributes
    assert "SentTimestamp" in json.loads(lines[0])["Attributes"]
    assert ids == queue.visible()


def test_an_export_does_not_replace_a_file(tmp_path: Path) -> None:
    """Nothing is read then; a file in a folder that is not there is an error, too."""
    queue = queue_of(numbered(1))
    file = tmp_path / "letters.jsonl"
    file.write_text("mine")

    for path, reason in ((file, "File exists"), (tmp_path / "no/x", "No such file")):
        with hold(queue, queue.clock) as holder, pytest.raises(ExportError, match=reason):
            export(holder.read(100), path)

    assert "mine" == file.read_text()
    assert "receive" not in [call.operation for call in queue.calls]


@for_each("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_export_that_is_not_complete_is_removed(error: Exception, tmp_path: Path) -> None:
    """After Ctrl-C, or with a full disk; the messages are given back."""
    queue = queue_of(*map(numbered, range(5)))
    file = tmp_path / "letters.jsonl"

    with suppress(KeyboardInterrupt, ExportError), hold(queue, queue.clock) as holder:

        def failing() -> Iterator[ReceivedMessage]:
            for number, message in enumerate(holder.read(100)):
                if number == 3:
                    raise error
                yield message

        export(failing(), file)

    assert [] == list(tmp_path.iterdir())
    assert 5 == len(queue.visible())

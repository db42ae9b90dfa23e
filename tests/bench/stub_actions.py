"""What SQS's actions do to the stub's queue, and how they answer."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.stub_queue import Queue

_MAX_BATCH = 10
_MAX_VISIBILITY_SECONDS = 43_200
_MAX_WAIT_SECONDS = 20


class ActionError(Exception):
    """The whole call fails, as SQS would have it."""

    def __init__(self, code: str, text: str, *, query_code: str = "", status: int = 400) -> None:
        super().__init__(text)
        self.code = code
        self.query_code = query_code or code
        self.status = status


@dataclass(frozen=True, slots=True)
class Receive:
    """What a ReceiveMessage asks for."""

    count: int
    wait_seconds: int
    visibility_seconds: int | None
    system_names: tuple[str, ...]
    names: tuple[str, ...]


def parse_receive(data: dict[str, Any], queue_url: str) -> Receive:
    """Check a ReceiveMessage. Raises ActionError."""
    _check_queue(data, queue_url)
    visibility = data.get("VisibilityTimeout")
    if visibility is not None:
        visibility = _number(visibility, "VisibilityTimeout", 0, _MAX_VISIBILITY_SECONDS)
    count = data.get("MaxNumberOfMessages", 1)
    wait = data.get("WaitTimeSeconds", 0)
    system = data.get("MessageSystemAttributeNames") or data.get("AttributeNames") or ()
    return Receive(
        count=_number(count, "MaxNumberOfMessages", 1, _MAX_BATCH),
        wait_seconds=_number(wait, "WaitTimeSeconds", 0, _MAX_WAIT_SECONDS),
        visibility_seconds=visibility,
        system_names=tuple(system),
        names=tuple(data.get("MessageAttributeNames") or ()),
    )


def answer(queue: Queue, action: str, data: dict[str, Any], queue_url: str) -> bytes:
    """Do an action other than ReceiveMessage; returns its answer as JSON. Raises ActionError."""
    if action == "GetQueueUrl":
        if data.get("QueueName") != queue_url.rpartition("/")[2]:
            raise _no_queue()
        return json.dumps({"QueueUrl": queue_url}).encode()
    _check_queue(data, queue_url)
    if action not in _ACTIONS:
        raise ActionError("InvalidAction", f"the stub has no {action}")
    return _ACTIONS[action](queue, data)


def _no_queue() -> ActionError:
    return ActionError(
        "QueueDoesNotExist",
        "The specified queue does not exist.",
        query_code="AWS.SimpleQueueService.NonExistentQueue",
    )


def _check_queue(data: dict[str, Any], queue_url: str) -> None:
    if data.get("QueueUrl") != queue_url:
        raise _no_queue()


def _number(value: object, name: str, least: int, most: int) -> int:
    if not isinstance(value, int) or not least <= value <= most:
        raise ActionError("InvalidParameterValue", f"{name} must be from {least} to {most}")
    return value


def _entries(data: dict[str, Any]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = data.get("Entries") or []
    if not entries:
        raise ActionError("EmptyBatchRequest", "There must be at least one entry.")
    if len(entries) > _MAX_BATCH:
        raise ActionError("TooManyEntriesInBatchRequest", "Ten entries are the most.")
    if len({entry["Id"] for entry in entries}) < len(entries):
        raise ActionError("BatchEntryIdsNotDistinct", "Two entries have the same id.")
    return entries


def _batch(data: dict[str, Any], act: Callable[[dict[str, Any]], str | None]) -> bytes:
    done: list[dict[str, str]] = []
    failed: list[dict[str, Any]] = []
    for entry in _entries(data):
        code = act(entry)
        if code is None:
            done.append({"Id": entry["Id"]})
        else:
            failed.append({"Id": entry["Id"], "Code": code, "SenderFault": True})
    # As SQS has it: no empty lists in an answer.
    lists = {"Successful": done, "Failed": failed}
    return json.dumps({key: value for key, value in lists.items() if value}).encode()


def _single(code: str | None) -> bytes:
    if code is not None:
        older = f"AWS.SimpleQueueService.{code}" if code == "MessageNotInflight" else code
        raise ActionError(code, "The message cannot be changed.", query_code=older)
    return b"{}"


def _change(queue: Queue, data: dict[str, Any]) -> str | None:
    most = _MAX_VISIBILITY_SECONDS
    seconds = _number(data.get("VisibilityTimeout"), "VisibilityTimeout", 0, most)
    return queue.change_visibility(data["ReceiptHandle"], seconds, time.monotonic())


def _delete_batch(queue: Queue, data: dict[str, Any]) -> bytes:
    return _batch(data, lambda entry: queue.delete(entry["ReceiptHandle"]))


def _change_batch(queue: Queue, data: dict[str, Any]) -> bytes:
    return _batch(data, lambda entry: _change(queue, entry))


def _send(queue: Queue, data: dict[str, Any]) -> dict[str, str]:
    named = data.get("MessageAttributes") or {}
    attributes = {name: value.get("StringValue", "") for name, value in named.items()}
    now_ms = time.time_ns() // 1_000_000
    message_id, digest = queue.send(data["MessageBody"], attributes, now_ms)
    return {"MessageId": message_id, "MD5OfMessageBody": digest}


def _send_one(queue: Queue, data: dict[str, Any]) -> bytes:
    return json.dumps(_send(queue, data)).encode()


def _send_batch(queue: Queue, data: dict[str, Any]) -> bytes:
    done = [_send(queue, entry) | {"Id": entry["Id"]} for entry in _entries(data)]
    return json.dumps({"Successful": done}).encode()


def _attributes(queue: Queue, data: dict[str, Any]) -> bytes:
    attributes = {
        "QueueArn": "arn:aws:sqs:us-east-1:123456789012:canvas-live-events-bench",
        "VisibilityTimeout": str(queue.visibility_seconds),
        "MessageRetentionPeriod": "345600",
        "ApproximateNumberOfMessages": str(queue.visible),
        "ApproximateNumberOfMessagesNotVisible": str(queue.in_flight),
        "ApproximateNumberOfMessagesDelayed": "0",
    }
    names = data.get("AttributeNames") or ()
    if "All" not in names:
        attributes = {name: value for name, value in attributes.items() if name in names}
    return json.dumps({"Attributes": attributes} if attributes else {}).encode()


_ACTIONS: dict[str, Callable[[Queue, dict[str, Any]], bytes]] = {
    "DeleteMessage": lambda queue, data: _single(queue.delete(data["ReceiptHandle"])),
    "DeleteMessageBatch": _delete_batch,
    "ChangeMessageVisibility": lambda queue, data: _single(_change(queue, data)),
    "ChangeMessageVisibilityBatch": _change_batch,
    "SendMessage": _send_one,
    "SendMessageBatch": _send_batch,
    "GetQueueAttributes": _attributes,
}

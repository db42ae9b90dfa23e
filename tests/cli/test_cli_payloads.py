"""The files that `consume decode` and `consume drift` read, and errors in them."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from consumer.cli.main import main
from consumer.operations.message_files import pieces_of
from tests.cases import for_each

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

CALIPER: dict[str, Any] = {
    "sensor": "http://canvas.example.edu/",
    "sendTime": "2024-05-01T10:00:01.000Z",
    "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1",
    "data": [
        {
            "id": "urn:uuid:00000001-0000-4000-8000-000000000000",
            "type": "Event",
            "action": "Created",
            "eventTime": "2024-05-01T10:00:00.000Z",
            "object": {"id": "urn:instructure:canvas:course:21070000000000565"},
        }
    ],
}


def _named(name: str) -> dict[str, Any]:
    metadata = {"event_name": name, "event_time": "2024-05-01T10:00:00.250Z"}
    return {"metadata": metadata, "body": {"course_id": "565"}}


def _run(*arguments: str | Path, text: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["decode", *map(str, arguments)], input=text)


def _names(text: str) -> list[str]:
    result = _run("--json", "-", text=text)
    refused = (
        "consume: note: -: a JSON array is read here, but refused as one message of the queue\n"
    )
    assert result.stderr == (refused if text.startswith("[") else "")
    assert result.exit_code == 0
    return [json.loads(line)["event_name"] for line in result.stdout.splitlines()]


A, B = json.dumps(_named("a")), json.dumps(_named("b"))


@for_each(
    "text",
    [
        f"{A}\n{B}\n",
        f"\ufeff{A}\r\n\r\n{B}",
        f"[{A}, {B}]",
        f"{json.dumps(_named('a'), indent=2)}\n{json.dumps(_named('b'), indent=2)}\n",
        json.dumps([A, B]),
        f"{A}\n[\n{B}\n]",
        json.dumps({"Messages": [{"MessageId": "1", "Body": A}, {"MessageId": "2", "Body": B}]}),
        json.dumps([{"MessageId": "1", "Body": A}, {"MessageId": "2", "Body": B}]),
        f"{json.dumps({'Messages': [{'Body': A}]})}\n{json.dumps({'Messages': [{'Body': B}]})}",
    ],
)
def test_every_shape_of_file_is_read(text: str) -> None:
    """JSON lines, arrays, pretty-printed ones, and what the AWS CLI prints, whole or in part."""
    assert _names(text) == ["a", "b"]
    drift = json.loads(CliRunner().invoke(main, ["drift", "--json", "-"], input=text).stdout)
    assert [row["event_name"] for row in drift["unknown_events"]] == ["a", "b"]


def test_a_json_string_is_read_with_a_note() -> None:
    """`--query "Messages[0].Body"` prints one; the daemon would refuse it as a message."""
    result = _run("-", text=json.dumps(A))

    assert result.exit_code == 0
    assert "a JSON string is read here, but refused as one message of the queue" in result.stderr


def test_messages_of_relays_are_recognized_and_unwrapped(tmp_path: Path) -> None:
    """As in the daemon with the same option."""
    wrapped = json.dumps({"Type": "Notification", "TopicArn": "arn:x", "Message": A})
    (tmp_path / "x.json").write_text(wrapped)

    refused = _run(tmp_path / "x.json")
    opened = _run("--unwrap", "sns", tmp_path / "x.json")

    assert (refused.exit_code, opened.exit_code) == (1, 0)
    assert "an Amazon SNS notification" in refused.stderr
    assert "event      a, canvas format" in opened.stdout


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    """Whatever its name is; also from standard input. One that is cut off is reported."""
    packed = gzip.compress(f"{A}\n{B}\n".encode())
    (tmp_path / "x.json").write_bytes(packed)
    (tmp_path / "cut.gz").write_bytes(packed[:-12])

    from_file, from_pipe, cut = (
        _run(tmp_path / "x.json"), _run("-", text=packed), _run(tmp_path / "cut.gz"),
    )  # fmt: skip

    assert "event      b, canvas format" in from_file.stdout
    assert "event      b, canvas format" in from_pipe.stdout
    assert cut.exit_code == 1
    assert "the compressed file is damaged or cut off" in cut.stderr


def test_message_attributes_from_the_aws_cli_are_read() -> None:
    """They name Caliper events, as in the daemon. The message id is read, too."""
    attributes = {"event_name": {"StringValue": "course_created", "DataType": "String"}}
    message = {
        "MessageId": "m-1",
        "Attributes": {"SentTimestamp": "1714557600000"},
        "Body": json.dumps(CALIPER),
        "MessageAttributes": attributes,
    }

    result = _run("--json", "-", text=json.dumps({"Messages": [message]}))

    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert {event["event_name"] for event in events} == {"course_created"}
    assert {event["message_id"] for event in events} == {"m-1"}


def test_lines_of_the_archive_are_read() -> None:
    """The payload is decoded; name and key are those of the event when it was received."""
    line = {
        "received_at": "2024-05-01T10:00:05Z",
        "message_id": "m-1",
        "event_key": "the-key",
        "event_name": "course_created",
        "event_time": "2024-05-01T10:00:00Z",
        "format": "caliper",
        "payload": CALIPER,
    }

    result = _run("--json", "-", text=json.dumps(line) + "\n")

    event = json.loads(result.stdout)
    assert event["event_name"] == "course_created"
    assert event["event_key"] == "the-key"
    assert event["message_id"] == "m-1"
    assert event["format"] == "caliper"


def test_one_bad_message_does_not_hide_the_others(tmp_path: Path) -> None:
    """It is reported with file, position and reason, the others are shown. Exit code 1."""
    file = tmp_path / "events.jsonl"
    file.write_text(f'{A}\n{{"broken\n{{"other": "sesame"}}\nsesame\n{B}\n[1, {A}]')

    result = _run("--json", file)

    shown = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(event["message"], event["event_name"]) for event in shown] == [
        (1, "a"), (5, "b"), (7, "a"),
    ]  # fmt: skip
    said = result.stderr.splitlines()
    assert [line.split(": ")[:4] for line in said] == [
        ["consume", "error", str(file), f"message {number}"] for number in (2, 3, 4, 6)
    ]
    assert "sesame" not in result.stderr
    assert result.exit_code == 1


@for_each(
    "text",
    ["null", "3", '"x"', "{}", "[[]]", "{", "[1", "[" * 100_000, "1" * 5_000, '{"Body": 3}', "\0"],
)
def test_what_is_not_an_event_is_reported(text: str) -> None:
    """As undecodable, never as a bug of the program."""
    result = _run("-", text=text)

    assert result.stderr.startswith("consume: error: -: message 1: ")
    assert "bug" not in result.stderr
    assert result.exit_code == 1


@for_each(
    "command, text, reason",
    [
        (command, text, reason)
        for command in ("decode", "drift")
        for text, reason in (
            (b"", "there is no message in it"),
            (b"\xef\xbb\xbf \n\n", "there is no message in it"),
            (b"{}\n\xff", "line 2 is not UTF-8 text"),
        )
    ],
)
def test_what_is_not_text_is_reported(command: str, text: bytes, reason: str) -> None:
    """An empty file, or a file in another encoding. Exit code 1."""
    result = CliRunner().invoke(main, [command, "-"], input=text)

    assert result.stderr == f"consume: error: -: {reason}\n"
    assert result.exit_code == 1


@for_each("command, shown", [("decode", "message 1\n"), ("drift", "events         1\n")])
def test_a_missing_file_is_reported_and_the_others_are_read(
    command: str, shown: str, tmp_path: Path
) -> None:
    """Exit code 1."""
    file = tmp_path / "payload.json"
    file.write_text(A)

    result = CliRunner().invoke(main, [command, str(tmp_path / "none"), "\0", str(file)])

    assert f"{tmp_path / 'none'}: can't be read: No such file or directory" in result.stderr
    assert "can't be read: not a file name" in result.stderr
    assert shown in result.stdout
    assert result.exit_code == 1


def test_a_directory_is_not_decoded(tmp_path: Path) -> None:
    """Only drift reads one."""
    result = _run(tmp_path)

    assert result.stderr == f"consume: error: {tmp_path}: can't be read: Is a directory\n"
    assert result.exit_code == 1


def test_a_big_file_is_read_piece_by_piece(tmp_path: Path) -> None:
    """The first events are read before the last lines exist."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(pipe, os.O_WRONLY)
    os.write(writer, b'{"a": 1}\n{"b": 2}\n{"c"')

    pieces = pieces_of(f"/dev/fd/{reader}", pytest.fail)
    first = next(pieces)
    os.write(writer, b": 3}")
    os.close(writer)

    assert [piece.text for piece in (first, *pieces)] == ['{"a": 1}\n', '{"b": 2}\n', '{"c": 3}']
    os.close(reader)


def test_an_empty_array_is_a_message_that_cannot_be_decoded() -> None:
    """As for the daemon: it is counted and reported, and the others keep their numbers."""
    result = _run("--json", "-", text=f"{A}\n[]\n{B}\n")

    assert result.exit_code == 1
    assert "message 2: a JSON array" in result.stderr
    assert [json.loads(line)["event_name"] for line in result.stdout.splitlines()] == ["a", "b"]

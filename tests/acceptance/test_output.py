"""Output that fails: no event is lost, the work goes on, and the exit code reports it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.bench.rig import daemon_command
from tests.cases import for_each
from tests.moto_queues import numbered
from tests.processes import BOUND, environment, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.rig import StubAddress

CONSUME = [sys.executable, "-m", "consumer"]
PRINTING = """
from consumer import Registry

registry = Registry()


@registry.on("*")
def show(event):
    print(event.name)
"""


def shell(
    command: list[str], redirection: str, folder: Path, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command as a shell does, with a redirection."""
    line = f'exec "$@" {redirection}'
    return subprocess.run(
        ["/bin/sh", "-c", line, "sh", *command], cwd=folder, env=environment(folder),
        capture_output=True, text=True, check=False, timeout=BOUND, **options,
    )  # fmt: skip


def test_a_log_that_is_not_read_stops_nothing(stub: StubAddress, tmp_path: Path) -> None:
    """400 messages, with more log than a pipe holds, are handled; SIGTERM ends it with 0.

    Later lines may be dropped; those that were written are whole.
    """
    stub.post("/send-all", {"bodies": [numbered(number) for number in range(400)]})
    reader, writer = os.pipe()

    command = daemon_command(stub, "--handler", "log", "--log-level", "debug")
    process = subprocess.Popen(command, cwd=tmp_path, env=environment(tmp_path), stderr=writer)
    os.close(writer)
    eventually(lambda: stub.get("/stats")["deleted"] == 400, "all are handled")
    process.send_signal(signal.SIGTERM)

    assert process.wait(BOUND) == 0
    with open(reader, encoding="utf-8") as written:  # noqa: PTH123 - a descriptor
        lines = written.read().split("\n")[:-1]  # the last one may have been cut
    assert "starting" in [json.loads(line)["event"] for line in lines]


@for_each("closed", ["2>&-", "<&- >&- 2>&-"])
def test_a_closed_standard_error_stops_nothing(
    closed: str, stub: StubAddress, tmp_path: Path
) -> None:
    """The daemon works, and no file gets the descriptor of a standard stream."""
    before = stub.get("/stats")["deleted"]
    stub.post("/send-all", {"bodies": [numbered(number) for number in range(20)]})

    done = shell(daemon_command(stub, "--handler", "archive:archive", "--drain"), closed, tmp_path)

    assert done.returncode == 0
    assert stub.get("/stats")["deleted"] == before + 20


def test_a_full_standard_error_stops_nothing(stub: StubAddress, tmp_path: Path) -> None:
    """Log lines are lost, events are not; the exit code is that of the work."""
    stub.post("/send-all", {"bodies": [numbered(number) for number in range(20)]})

    done = shell(daemon_command(stub, "--handler", "log", "--drain"), "2>/dev/full", tmp_path)

    assert done.returncode == 0
    assert stub.get("/stats")["deleted"] == 20


def test_an_event_that_a_handler_could_not_print_stays_in_the_queue(
    stub: StubAddress, tmp_path: Path
) -> None:
    """The message is not deleted if the line is lost; the exit code is 74, and the log says why."""
    (tmp_path / "printing.py").write_text(PRINTING)
    stub.post("/send-all", {"bodies": [numbered(number) for number in range(3)]})

    command = daemon_command(stub, "--handler", "printing:registry", "--max-messages", "3")
    done = shell(command, ">/dev/full", tmp_path)

    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 74
    assert stub.get("/stats")["deleted"] == 0
    (failed,) = [line for line in lines if line["event"] == "output_failed"]
    assert (failed["reason"], failed["exit_code"]) == ("No space left on device", 74)


def test_a_handler_whose_output_is_not_read_does_not_delay_the_stop(
    stub: StubAddress, tmp_path: Path
) -> None:
    """SIGTERM ends it within the drain's deadline, with 74; messages not printed stay."""
    (tmp_path / "printing.py").write_text(PRINTING.replace("event.name", "'x' * 5_000"))
    reader, writer = os.pipe()
    fit = fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ) // 5_000
    stub.post("/send-all", {"bodies": [numbered(number) for number in range(3 * fit + 60)]})
    environ = environment(tmp_path, {"CONSUMER_ENGINE__DRAIN_TIMEOUT_SECONDS": "1"})
    environ.pop("PYTHONUNBUFFERED", None)

    command = daemon_command(stub, "--handler", "printing:registry")
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environ, stdout=writer, stderr=subprocess.DEVNULL
    )
    eventually(
        lambda: stub.get("/stats")["deleted"] >= max(1, fit - 3), "what fits into it is printed"
    )
    process.send_signal(signal.SIGTERM)

    assert process.wait(BOUND) == 74
    assert stub.get("/stats")["deleted"] < fit + 7
    os.close(writer)
    os.close(reader)


RESULTS = (
    ["decode", "payload.json"],
    ["decode", "--json", "payload.json"],
    ["drift", "payload.json"],
    ["drift", "--json", "payload.json"],
    ["sample", "grade_change"],
    ["events"],
    ["events", "--json"],
    ["events", "show", "grade_change"],
    ["events", "schema", "grade_change"],
    ["config", "show"],
    ["config", "check", "config.yaml"],
    ["config", "example"],
    ["config", "schema"],
    ["config", "unit"],
)


def prepare(folder: Path) -> None:
    """The files that the commands read."""
    (folder / "payload.json").write_text(numbered(1))
    (folder / "config.yaml").write_text(
        "queue: {name: canvas-live-events-x}\naws: {region: us-east-1}"
    )


@for_each("arguments", [*RESULTS, ["--help"], ["config", "--help"], ["--version"]])
def test_a_result_that_cannot_be_written_is_an_error(arguments: list[str], tmp_path: Path) -> None:
    """Exit code 74 and the reason; never "a bug", never a traceback."""
    prepare(tmp_path)

    done = shell([*CONSUME, *arguments], ">/dev/full", tmp_path)

    expected = "consume: error: standard output can't be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (74, expected)


@for_each("arguments", RESULTS)
def test_a_closed_standard_output_is_an_error(arguments: list[str], tmp_path: Path) -> None:
    """Exit code 74 and the reason, too."""
    prepare(tmp_path)

    done = shell([*CONSUME, *arguments], ">&-", tmp_path)

    expected = "consume: error: standard output can't be written: it is closed\n"
    assert (done.returncode, done.stderr) == (74, expected)


@for_each(
    "arguments",
    [
        ["events"],
        ["decode", *["payload.json"] * 2_000],
        ["--help"],
        ["--version"],
        ["config", "--help"],
        ["events", "show", "-h"],
    ],
)
def test_a_reader_that_stops_early_is_not_an_error(arguments: list[str], tmp_path: Path) -> None:
    """As in `consume events | head`: exit code 0 and no message."""
    prepare(tmp_path)
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        [*CONSUME, *arguments], cwd=tmp_path, env=environment(tmp_path), check=False,
        stdout=writer, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(writer)

    assert (done.returncode, done.stderr) == (0, "")


@for_each(
    "arguments, redirection, code",
    [
        (["decode", "not-there.json"], "2>/dev/full", 1),
        (["decode", "not-there.json"], "2>&-", 1),
        (["drift", "not-there.json"], "2>/dev/full", 1),
        (["config", "check", "not-there.yaml"], "2>/dev/full", 78),
        (["decode", "-"], "<&-", 1),
        (["drift", "-"], "<&-", 1),
        (["--log-level", "loud"], "2>&-", 78),
        (["--bogus"], "2>/dev/full", 78),
        (["events", "show", "nope"], "2>&-", 2),
    ],
)
def test_the_exit_code_is_right_without_standard_error(
    arguments: list[str], redirection: str, code: int, tmp_path: Path
) -> None:
    """Standard error that can't be written, or a closed standard input, is not a bug."""
    done = shell([*CONSUME, *arguments], redirection, tmp_path)

    assert done.returncode == code
    assert "bug" not in done.stderr

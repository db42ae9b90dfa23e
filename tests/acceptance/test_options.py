"""The options of the command, each shown with a queue."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import consumer
from tests.acceptance.conftest import archived
from tests.moto_queues import numbered
from tests.processes import BOUND, ROOT, environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.scripted_queue import Script
    from tests.bench.rig import StubAddress
    from tests.moto_queues import Moto
    from tests.processes import Consume

    Start = Callable[..., Consume]

HANDLERS = """
import os
from pathlib import Path
from consumer import Registry

registry = Registry()
folder = Path(os.environ["HOME"])

@registry.on("submission_*")
def submissions(event):
    (folder / f"registry-{event.body['submission_id']}").touch()

@registry.on("*", batch=10, linger_seconds=0.1)
def batches(events):
    for event in events:
        (folder / f"batch-{event.body['submission_id']}").touch()

def function(event):
    (folder / f"function-{event.body['submission_id']}").touch()
"""


@pytest.fixture(name="filled")
def _filled(stub: StubAddress) -> StubAddress:
    for number in range(30):
        stub.post("/send", {"body": numbered(number)})
    return stub


def test_drain_ends_when_the_queue_is_empty(filled: StubAddress, consume: Start) -> None:
    """Everything is handled and deleted; without handlers it is archived in the state directory."""
    run = consume("--queue-url", filled.queue_url, "--drain")

    assert run.end() == 0
    assert run.log("draining")[0]["reason"] == "queue empty"
    assert (30, 0) == (filled.get("/stats")["deleted"], filled.get("/stats")["remaining"])


def test_max_messages_is_exact(filled: StubAddress, consume: Start) -> None:
    """No more are received, with any number of threads."""
    run = consume("--queue-url", filled.queue_url, "--max-messages", "13", "--handler", "log")

    assert run.end() == 0
    stats = filled.get("/stats")
    assert (13, 13, 17) == (stats["received"], stats["deleted"], stats["remaining"])
    assert 13 == len(run.log("event"))
    assert run.log("draining")[0]["reason"] == "max_messages reached"


def test_several_handlers_on_the_command_line(moto: Moto, consume: Start, tmp_path: Path) -> None:
    """An archive, a log, a registry and a function: each gets every event that it asks for."""
    queue = moto.queue()
    sent = queue.send_numbered(3)
    queue.send([numbered(7, "grade_change")])
    (tmp_path / "my_handlers.py").write_text(HANDLERS)

    run = consume(
        "--queue-url", queue.url, "--max-messages", "4",
        "--handler", f"archive:{tmp_path / 'archive'}", "--handler", "log",
        "--handler", "my_handlers:registry", "--handler", "my_handlers:function",
    )  # fmt: skip

    assert run.end() == 0
    lines = archived(tmp_path / "archive")
    numbers = sorted(int(line["payload"]["body"]["submission_id"]) for line in lines)
    everything = sorted([*sent, 7])
    assert everything == numbers == _seen(tmp_path, "batch") == _seen(tmp_path, "function")
    assert sorted(sent) == _seen(tmp_path, "registry")
    logged = run.log("event")
    assert len(logged) == 4
    assert "grade_change" in {line["event_name"] for line in logged}
    assert queue.counts() == (0, 0)


def _seen(folder: Path, kind: str) -> list[int]:
    return sorted(int(path.name.partition("-")[2]) for path in folder.glob(f"{kind}-*"))


def test_the_queue_by_name_and_a_configuration_file(
    moto: Moto, consume: Start, tmp_path: Path
) -> None:
    """The name is resolved at the endpoint; the command line overrides the file."""
    queue = moto.queue()
    queue.send_numbered(2)
    (tmp_path / "config.yaml").write_text(
        "queue: {url: 'https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-x'}\n"
        "handlers: [{name: logged, log: {}}]\n"
        "logging: {level: warning}\n"
    )

    run = consume(
        "-c", "config.yaml", "--queue-name", queue.name, "--endpoint-url", queue.endpoint,
        "--region", "us-east-1", "--log-level", "info", "--max-messages", "2",
    )  # fmt: skip

    assert run.end() == 0
    assert run.log("starting")[0]["queue"] == queue.name
    assert len(run.log("event")) == 2
    assert queue.counts() == (0, 0)


def test_format_forces_how_messages_are_read(filled: StubAddress, consume: Start) -> None:
    """A Canvas message is then undecodable: it is left to the redrive policy, not deleted."""
    run = consume("--queue-url", filled.queue_url, "--format", "caliper", "--max-messages", "1")

    assert run.end() == 0
    assert len(run.log("undecodable")) == 1
    assert filled.get("/stats")["deleted"] == 0


def test_on_a_terminal_the_log_is_for_people(stub: StubAddress, tmp_path: Path) -> None:
    """`--log-format auto`: readable lines there, JSON elsewhere; Ctrl-C ends it with 0."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "consumer", "--queue-url", stub.queue_url],
        cwd=tmp_path, env=environment(tmp_path), stdin=slave, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    said = ""
    while "ready" not in said:
        said += os.read(master, 4096).decode()
    process.send_signal(signal.SIGINT)
    try:
        while chunk := os.read(master, 4096).decode():
            said += chunk
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(master)

    assert process.wait(BOUND) == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said)
    assert re.search(r"\[info +\] ready", plain)
    assert "drained" in plain
    assert "{" not in plain.partition("drained")[2]
    assert "Aborted" not in plain


def test_on_a_terminal_a_failed_start_is_a_sentence(script: Script, tmp_path: Path) -> None:
    """No log line, no traceback: the error, after "consume: error:"."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "consumer", "--queue-url", f"{script.url}/123456789012/grades"],
        cwd=tmp_path, env=environment(tmp_path), stdin=slave, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    assert process.wait(BOUND) == 78
    said = os.read(master, 65536).decode()
    os.close(master)

    assert "consume: error: " in said
    assert "stopped" not in said
    assert script.asked.total() == 0


def test_version_and_help(consume: Start) -> None:
    """Both on standard output, with exit code 0."""
    version, help_short, help_long = consume("--version"), consume("-h"), consume("--help")

    assert [0, 0, 0] == [run.end() for run in (version, help_short, help_long)]
    assert version.stdout() == f"canvas-live-events-consumer, version {consumer.__version__}\n"
    assert help_short.stdout() == help_long.stdout()
    assert "--queue-url" in help_short.stdout()
    assert help_short.stderr() == ""


def test_the_console_script_is_the_module(tmp_path: Path) -> None:
    """`consume` and `python -m consumer` are the same program."""
    done = subprocess.run(
        ["consume", "--version"], env=environment(tmp_path), capture_output=True, text=True,
        check=True, cwd=ROOT,
    )  # fmt: skip

    assert consumer.__version__ in done.stdout

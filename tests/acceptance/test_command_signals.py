"""The command handler's program when the daemon is stopped: it may finish, and nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.handlers.commands import ended
from tests.moto_queues import numbered
from tests.processes import Consume, environment, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.bench.rig import StubAddress

    Start = Callable[[str, str], Consume]

#: Its process id is in `begun` once it has an event. With a file `go` it lands it.
PROGRAM = """
import os, sys, time
line = sys.stdin.readline()
with open("begun~", "w") as begun: begun.write(str(os.getpid()))
os.rename("begun~", "begun")
while not os.path.exists("go"): time.sleep(0.01)
with open("landed", "a") as landed: landed.write(line)
print("ok", flush=True)
sys.stdin.read()
"""


@pytest.fixture(name="start")
def _start(tmp_path: Path, stub: StubAddress) -> Iterator[Start]:
    """Starts `consume` with the program, as a shell does: in a process group of its own."""
    runs: list[Consume] = []

    def launch(arguments: tuple[str, ...], out: Path, err: Path) -> subprocess.Popen[bytes]:
        with out.open("w") as stdout, err.open("w") as stderr:
            return subprocess.Popen(
                [sys.executable, "-m", "consumer", *arguments],
                cwd=tmp_path, env=environment(tmp_path), process_group=0,
                stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
            )  # fmt: skip

    def start(mode: str, text: str) -> Consume:
        (tmp_path / "program.py").write_text(PROGRAM)
        command = {"run": [sys.executable, "program.py"], "mode": mode}
        handlers = [{"name": "program", "linger_seconds": 0, "command": command}]
        (tmp_path / "config.yaml").write_text(json.dumps({"handlers": handlers}))
        stub.post("/send-all", {"bodies": [text]})
        arguments = ("--config", "config.yaml", "--queue-url", stub.queue_url)
        runs.append(Consume(*arguments, folder=tmp_path, launch=launch))
        return runs[-1]

    yield start
    for run in runs:
        run.kill()


def begun(folder: Path) -> int:
    """The process id of the program, which has got its event."""
    eventually((folder / "begun").exists, "the program has an event")
    return int((folder / "begun").read_text())


@pytest.mark.parametrize("mode", ["batch", "lines"])
def test_ctrl_c_lets_the_program_finish(
    start: Start, stub: StubAddress, tmp_path: Path, mode: str
) -> None:
    """A terminal sends it to the whole group of processes: the program must not notice it."""
    run = start(mode, numbered(1))
    process = begun(tmp_path)

    os.killpg(run.process.pid, signal.SIGINT)
    run.until("draining")
    (tmp_path / "go").touch()

    assert run.end() == 0
    assert stub.get("/stats")["deleted"] == 1
    assert (tmp_path / "landed").read_text().count("\n") == 1
    assert ended(process)


@pytest.mark.parametrize("mode", ["batch", "lines"])
def test_a_stop_that_does_not_wait_ends_the_program(
    start: Start, stub: StubAddress, tmp_path: Path, mode: str
) -> None:
    """After a second signal, or when the drain is over: the event will come again."""
    run = start(mode, numbered(1))
    process = begun(tmp_path)

    run.signal(signal.SIGTERM)
    run.until("draining")
    run.signal(signal.SIGTERM)

    assert run.end() == 0
    assert stub.get("/stats")["deleted"] == 0
    assert run.log("drained")[0]["abandoned"] == 1
    assert ended(process)

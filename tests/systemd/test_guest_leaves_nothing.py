"""The guest of the other tests is thrown away whole, however its end came."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.systemd.conftest import Guest

pytestmark = pytest.mark.systemd

SCRIPT = Path(__file__).parent / "guest.sh"


def close(process: subprocess.Popen[str]) -> None:
    """The tests are done, or were killed: either way their end of the pipe is closed."""
    assert process.stdin
    process.stdin.close()


@pytest.mark.parametrize(
    "end",
    [
        close,
        lambda process: process.send_signal(signal.SIGTERM),
        lambda process: process.send_signal(signal.SIGINT),
    ],
    ids=["closed", "terminated", "interrupted"],
)
def test_nothing_stays(machine: Guest, end: Callable[[subprocess.Popen[str]], None]) -> None:
    """No process, mount, folder or cgroup of a guest is left on this machine."""
    before = {path.name for path in Path("/tmp").glob("canvas-live-events-guest.*")}
    with subprocess.Popen(
        [str(SCRIPT), "60"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        pid = int(process.stdout.readline().removeprefix("guest "))
        (folder,) = {path.name for path in Path("/tmp").glob("canvas-live-events-guest.*")} - before
        assert folder in Path(f"/proc/{pid}/cgroup").read_text()

        end(process)

        process.wait(timeout=20)
    assert not Path(f"/proc/{pid}").exists()
    assert not Path("/tmp", folder).exists()
    assert folder not in Path("/proc/mounts").read_text()
    groups = machine.run("find", "/sys/fs/cgroup", "-name", "canvas-live-events-guest*")
    assert groups == ""


def test_processes_end_with_their_script(machine: Guest) -> None:
    """Even if its script is killed outright, no process of the guest lives on."""
    with subprocess.Popen(
        [str(SCRIPT), "60"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        pid = int(process.stdout.readline().removeprefix("guest "))

        process.kill()

        process.wait(timeout=20)
        end = time.monotonic() + 20
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < end
            time.sleep(0.05)

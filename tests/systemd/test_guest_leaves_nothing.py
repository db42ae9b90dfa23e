"""The guest of the other tests is thrown away whole, however its end came."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.systemd.conftest import Guest

pytestmark = [pytest.mark.systemd, pytest.mark.xdist_group("guest")]

SCRIPT = Path(__file__).parent / "guest.sh"


def close(process: subprocess.Popen[str]) -> None:
    """The tests are done, or were killed: either way their end of the pipe is closed."""
    assert process.stdin
    process.stdin.close()


def with_cgroups(script: str) -> str:
    """Run a script where this machine's cgroups are mounted at /mnt, for this script alone."""
    script = f"mount -t cgroup2 guest /mnt && {script}"
    command = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", script]
    return subprocess.check_output(command, text=True)


def folder_of(process: subprocess.Popen[str]) -> str:
    """The name of a guest's folder. Other guests may be up: only its script sees its mounts."""
    mounts = Path(f"/proc/{process.pid}/mounts").read_text()
    (folder,) = set(re.findall(r"/tmp/(canvas-live-events-guest\.\w+)", mounts))
    return str(folder)


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
    with subprocess.Popen(
        [str(SCRIPT), "60"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        pid = int(process.stdout.readline().removeprefix("guest "))
        folder = folder_of(process)
        assert folder in with_cgroups("ls /mnt")

        end(process)

        process.wait(timeout=120)
    assert not Path(f"/proc/{pid}").exists()
    assert not Path("/tmp", folder).exists()
    assert folder not in Path("/proc/mounts").read_text()
    assert folder not in with_cgroups("ls /mnt")


def test_processes_end_with_their_script(machine: Guest) -> None:
    """Even if its script is killed outright, no process of the guest lives on."""
    with subprocess.Popen(
        [str(SCRIPT), "60"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("guest ")
        folder = folder_of(process)

        process.kill()

        process.wait(timeout=120)
    events = f"cat /mnt/{folder}/cgroup.events"
    eventually(lambda: "populated 1" not in with_cgroups(events), "its processes have ended")
    assert folder not in Path("/proc/mounts").read_text()
    # What no script is left to remove; the next guest would, too.
    with_cgroups(f"find /mnt/{folder} -depth -type d -exec rmdir {{}} +")
    Path("/tmp", folder).rmdir()

"""A guest with a real systemd, the consumer installed in it as the README says, and a queue."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
NAME = "canvas-live-events-consumer"
UNIT = f"{NAME}.service"
#: The guest ends by itself after this time, even if the tests hang.
LIMIT_SECONDS = 3600
#: Where the interpreter and the packages that run the tests are found in the guest.
PYTHON, PACKAGES = "/opt/python", "/opt/packages"
GUEST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Guest:
    """The running guest: commands in it, and its files as seen from here."""

    #: The one access key that the guest's queue accepts.
    key_id, secret = "AKIAGUESTGUESTGUEST1", "guest/secret+that/is/nowhere/else0000000"

    def __init__(self, process: subprocess.Popen[str], pid: int) -> None:
        self.process = process
        self.pid = pid
        self.root = Path(f"/proc/{pid}/root")
        self.marked_at = 0.0

    def mark(self) -> None:
        """From here on `journal` begins."""
        self.marked_at = time.time()

    def run(self, *command: str, check: bool = True, given: str = "") -> str:
        """Run a command as the guest's root, with `given` on its standard input; what it wrote."""
        done = subprocess.run(
            ["nsenter", "--target", str(self.pid), "--all", "--", *command],
            env={"PATH": GUEST_PATH, "SYSTEMD_PAGER": "", "LC_ALL": "C.UTF-8"},
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def start(self, *units: str) -> None:
        """Start units and wait as systemctl does; fail with the journal's end if one fails."""
        said = self.run("systemctl", "start", *units, check=False)
        for unit in units:
            if self.show("ActiveState", unit) != "active":
                pytest.fail(said + self.tail(unit))

    def show(self, prop: str, unit: str = UNIT) -> str:
        """One property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={prop}", unit).strip()

    def path(self, name: str) -> Path:
        """A file of the guest."""
        return self.root / name.lstrip("/")

    def put(self, name: str, text: str, mode: int = 0o644) -> None:
        """Write a file in the guest."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def journal(self, unit: str = UNIT) -> list[dict[str, Any]]:
        """What the unit's processes wrote, and what systemd said of it."""
        self.run("journalctl", "--sync")
        since = f"--since=@{self.marked_at:.6f}"
        lines = self.run("journalctl", since, f"--unit={unit}", "--output=json").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of the consumer's log with this event."""
        lines = [str(entry.get("MESSAGE")) for entry in self.journal()]
        return [json.loads(line) for line in lines if f'"event": "{event}"' in line]

    def tail(self, unit: str = f"{NAME}*") -> str:
        """The end of the journal, to be read by a person."""
        return "\n".join(str(entry.get("MESSAGE")) for entry in self.journal(unit)[-15:])

    def until(self, condition: Callable[[], object], what: str, seconds: float = 120) -> None:
        """Wait until `condition` holds; fail with the journal's end if it does not in time."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                pytest.fail(f"not within {seconds} s: {what}\n{self.tail()}")
            time.sleep(0.05)

    def until_fed(self, seconds: float, unit: str = UNIT) -> None:
        """Wait until the process has fed its watchdog for longer than that since its start."""

        def fed() -> bool:
            last, start = (
                int(self.show(f"{name}TimestampMonotonic", unit))
                for name in ("Watchdog", "ActiveEnter")
            )
            return last - start > seconds * 1_000_000

        self.until(fed, "the watchdog is fed")

    def requests(self) -> list[str]:
        """What the queue was asked so far."""
        return self.path("/run/queue/requests").read_text().splitlines()

    def has_deleted(self, name: str) -> bool:
        """True once the message is deleted: it was handled."""
        return self.path(f"/run/queue/deleted/{name}").exists()

    def send(self, name: str, body: str) -> None:
        """Put a message in the queue."""
        self.put(f"/run/queue/{name}", body)
        self.path(f"/run/queue/{name}").rename(self.path(f"/run/queue/inbox/{name}"))


def _missing() -> str:
    """Why a guest cannot be booted here; "" if it seems possible."""
    if os.geteuid() != 0:
        return "only root can boot a guest"
    if not Path("/lib/systemd/systemd").exists():
        return "systemd is not installed"
    tools = [tool for tool in ("unshare", "nsenter", "setpriv", "bash") if not shutil.which(tool)]
    return f"not installed: {', '.join(tools)}" if tools else ""


def _binds() -> list[str]:
    """The folders of this interpreter and of its packages, at their places in the guest."""
    binds = [f"{sysconfig.get_path('purelib')}:{PACKAGES}/pure"]
    if sysconfig.get_path("platlib") != sysconfig.get_path("purelib"):
        binds.append(f"{sysconfig.get_path('platlib')}:{PACKAGES}/plat")
    return [*binds, f"{sys.base_prefix}:{PYTHON}"]


def _install_program(guest: Guest) -> None:
    """What `python3 -m venv` and `pip install` would leave, from what runs the tests."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    venv = f"/opt/{NAME}/.venv"
    interpreter = f"{PYTHON}/bin/{version}"
    library = guest.path(f"{venv}/lib/{version}/site-packages")
    guest.put(f"{venv}/pyvenv.cfg", f"home = {PYTHON}/bin\n")
    guest.path(f"{venv}/bin").mkdir()
    guest.path(f"{venv}/bin/python").symlink_to(interpreter)
    library.mkdir(parents=True)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "consumer", library / "consumer", ignore=ignore)
    (library / "packages.pth").write_text(f"{PACKAGES}/pure\n{PACKAGES}/plat\n")
    guest.put(
        f"{venv}/bin/consume",
        f"#!{venv}/bin/python\nfrom consumer.cli.main import main\nmain()\n",
        0o755,
    )
    guest.run("chmod", "-R", "a+rX", f"/opt/{NAME}")
    guest.put("/etc/ld.so.conf.d/guest-python.conf", f"{PYTHON}/lib\n")
    guest.run("ldconfig")


def _install_surroundings(guest: Guest) -> None:
    """A queue that the guest's consumers talk to, and other people's files."""
    guest.put("/opt/queue_double.py", (HERE / "queue_double.py").read_text())
    guest.put("/home/teacher/notes", "grades")
    guest.put("/var/lib/other/data", "not ours")
    guest.put("/var/lib/private/other/data", "not ours")
    guest.path("/var/lib/private").chmod(0o700)
    command = f"/opt/{NAME}/.venv/bin/python /opt/queue_double.py /run/queue"
    unit = f"[Service]\nExecStart={command} {guest.key_id} {guest.secret}\n"
    guest.put("/etc/systemd/system/queue.service", unit)
    guest.run("systemctl", "daemon-reload")
    guest.run("systemctl", "start", "queue.service")
    guest.until(lambda: guest.path("/run/queue/mode").exists(), "the queue is up")


@contextmanager
def booted_guest() -> Iterator[Guest]:
    """A guest with the program installed and nothing set up; skips where there can be none."""
    reason = _missing()
    if reason:
        pytest.skip(f"no guest: {reason}")
    process = subprocess.Popen(
        [str(HERE / "guest.sh"), str(LIMIT_SECONDS), *_binds()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        answer = process.stdout.readline().strip()
        if not answer.startswith("guest "):
            pytest.skip(answer or "no guest: its script ended without a word")
        guest = Guest(process, int(answer.split()[1]))
        guest.until(
            lambda: "running" in guest.run("systemctl", "is-system-running", check=False).split(),
            "the guest is up",
        )
        _install_program(guest)
        _install_surroundings(guest)
        yield guest
    finally:
        process.stdin.close()
        process.wait(timeout=120)
        process.stdout.close()


@pytest.fixture(name="machine", scope="session")
def _machine() -> Iterator[Guest]:
    """One guest for many tests, with units and credentials in place."""
    with booted_guest() as guest:
        units = (PROJECT / "systemd").glob("canvas-*.s*")  # services and sockets
        for unit in units:
            guest.put(f"/etc/systemd/system/{unit.name}", unit.read_text())
        guest.put(f"/etc/credstore/{NAME}.aws_access_key_id", guest.key_id + "\n", 0o600)
        guest.put(f"/etc/credstore/{NAME}.aws_secret_access_key", guest.secret + "\n", 0o600)
        guest.path("/etc/credstore").chmod(0o700)
        handlers = (HERE / "guest_handlers.py").read_text()
        guest.put(f"/etc/{NAME}/guest_handlers.py", handlers)
        yield guest


@pytest.fixture(name="bare_machine")
def _bare_machine() -> Iterator[Guest]:
    """A guest of one's own, for a test that installs and removes things."""
    with booted_guest() as guest:
        yield guest

"""Handlers that run in the guest's consumer: one takes its time, one looks what it can reach."""

from __future__ import annotations

import json
import mmap
import os
import resource
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

STATE = Path(os.environ.get("STATE_DIRECTORY", "."))
FORBIDDEN = {
    "write /etc": lambda: Path("/etc/written").write_text("x"),
    "write /usr": lambda: Path("/usr/written").write_text("x"),
    "write /opt": lambda: Path("/opt/canvas-live-events-consumer/written").write_text("x"),
    "write /var/lib": lambda: Path("/var/lib/written").write_text("x"),
    "write /var/lib/other": lambda: Path("/var/lib/other/written").write_text("x"),
    "write /var/log": lambda: Path("/var/log/written").write_text("x"),
    "write /run": lambda: Path("/run/written").write_text("x"),
    "write /run/queue": lambda: Path("/run/queue/mode").write_text("x"),
    "write the program": lambda: _append(Path(os.__file__)),
    "write a credential": lambda: _append(_credential("aws_access_key_id")),
    "read /root": lambda: _names("/root"),
    "read /home": lambda: _read("/home/teacher/notes"),
    "read /etc/shadow": lambda: _read("/etc/shadow"),
    "read /etc/credstore": lambda: _names("/etc/credstore"),
    "read another's state": lambda: _read("/var/lib/private/other/data"),
    "see process 1": lambda: _read("/proc/1/status"),
    "see the kernel": lambda: _read("/proc/kallsyms"),
    "raw packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "become root": lambda: os.setuid(0),
    "change root": lambda: os.chroot("/tmp"),
    "writable code": lambda: mmap.mmap(-1, 4096, prot=7),
}  # fmt: skip


def slow(event: Any, context: Any) -> None:
    """Say that it began, wait until the test lets it go on, say that it ended."""
    (STATE / "began").touch()
    until = time.monotonic() + 300
    while not (STATE / "go").exists() and time.monotonic() < until:
        time.sleep(0.05)
    (STATE / "ended").touch()


def look(event: Any, context: Any) -> None:
    """Write down what is possible from inside the sandbox."""
    status = dict(line.split(":\t", 1) for line in _read("/proc/self/status").splitlines())
    findings = {
        "allowed": sorted(name for name, attempt in FORBIDDEN.items() if _succeeds(attempt)),
        "processes": [int(name) for name in _names("/proc") if name.isdigit()],
        "pid": os.getpid(),
        "uid": os.getuid(),
        "capabilities": [status[f"Cap{kind}"] for kind in ("Eff", "Prm", "Inh", "Bnd", "Amb")],
        "no_new_privileges": status["NoNewPrivs"],
        "seccomp": status["Seccomp"],
        "core_bytes": resource.getrlimit(resource.RLIMIT_CORE),
        "umask": status["Umask"],
        "credentials": {
            path.name: f"{path.stat().st_mode & 0o777:o}"
            for path in Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nowhere")).glob("*")
        },
        "credential_owner": _credential("aws_access_key_id").stat().st_uid,
        "temporary": _names("/tmp"),
        "localhost": [entry[4][0] for entry in socket.getaddrinfo("localhost", 80)],
    }
    (STATE / "found.part").write_text(json.dumps(findings))
    (STATE / "found.part").rename(STATE / "found")


def _credential(name: str) -> Path:
    return Path(os.environ["CREDENTIALS_DIRECTORY"]) / name


def _append(path: Path) -> None:
    path.open("a").close()


def _names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def _read(path: str) -> str:
    return Path(path).read_text()


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, ValueError):
        return False
    return True

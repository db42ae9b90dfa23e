"""The service manager's side of the process: what systemd is told, over its notification socket."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# systemd ignores a datagram of more than 4096 bytes as a whole, READY=1 included.
_MAX_STATUS_BYTES = 2048


class Notifier:
    """Tells systemd how the service is doing; says nothing when not run by systemd.

    Args:
        environ: where systemd left NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.

    Every method sends one datagram without waiting and may be called from any thread. None raises:
    a failed send must not stop the work. True means that systemd has the datagram; False that it
    does not (not run by systemd, socket gone, or its queue is full): what matters is said again.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._watchdog_seconds = _watchdog_seconds(environ) if self._address else None

    @property
    def active(self) -> bool:
        """True if there is a systemd that listens."""
        return bool(self._address)

    @property
    def watchdog_interval_seconds(self) -> float | None:
        """How often to call `watchdog` at least: half of WatchdogSec=; None when it is off."""
        return None if self._watchdog_seconds is None else self._watchdog_seconds / 2

    def ready(self, status: str = "") -> bool:
        """Start-up is finished: `systemctl start` returns now."""
        return self._send(*(["READY=1"] + ([_status(status)] if status else [])))

    def status(self, text: str) -> bool:
        """The line that `systemctl status` shows; newlines become spaces, a long one is cut."""
        return self._send(_status(text))

    def stopping(self, status: str = "") -> bool:
        """The service has begun to stop."""
        return self._send(*(["STOPPING=1"] + ([_status(status)] if status else [])))

    def watchdog(self) -> bool:
        """There was progress: systemd starts counting WatchdogSec= anew."""
        return self._send("WATCHDOG=1")

    def extend_timeout(self, seconds: float) -> bool:
        """Do not time out the start or stop that is under way within the next `seconds`."""
        return self._send(f"EXTEND_TIMEOUT_USEC={max(1, int(seconds * 1_000_000))}")

    def _send(self, *assignments: str) -> bool:
        if not self._address:
            return False
        payload = "\n".join(assignments).encode("utf-8", "replace")
        try:
            # A socket per datagram: it outlives nothing, so a restarted systemd is found again.
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.setblocking(False)
                return channel.sendto(payload, self._address) == len(payload)
        except (OSError, ValueError):
            return False


def _address(notify_socket: str) -> str:
    """The socket's address: a path, or "@name" for the abstract name space; "" for any other."""
    if notify_socket.startswith("@") and len(notify_socket) > 1:
        return "\0" + notify_socket[1:]
    return notify_socket if notify_socket.startswith("/") else ""


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    """WATCHDOG_USEC in seconds, if it is a number above 0 and meant for this process."""
    try:
        microseconds = int(environ.get("WATCHDOG_USEC", "0"))
        owner = int(environ.get("WATCHDOG_PID") or os.getpid())
    except ValueError:
        return None
    return microseconds / 1_000_000 if microseconds > 0 and owner == os.getpid() else None


def _status(text: str) -> str:
    """One printable line: systemd refuses what is not UTF-8, and a newline would begin a field."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return "STATUS=" + line.encode("utf-8", "replace")[:_MAX_STATUS_BYTES].decode("utf-8", "ignore")

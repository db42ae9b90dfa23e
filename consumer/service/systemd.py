"""The service manager's side of the process: reports to systemd's notification socket."""

import os
import socket
from collections.abc import Mapping

# systemd ignores a datagram of more than 4096 bytes as a whole, READY=1 included.
_MAX_STATUS_BYTES = 2048


class Notifier:
    """Reports to systemd how the service is doing; does nothing when not run by systemd.

    Args:
        environ: where systemd left NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.

    Every method sends one datagram without waiting, may be called from any thread, and never
    raises. True means that systemd has the datagram.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        if address[:1] == "@" and address != "@":  # a name in the abstract namespace
            address = "\0" + address[1:]
        self._address = address
        #: True if there is a systemd that listens.
        self.active = address[:1] in ("/", "\0")
        #: How often to call `watchdog` at least: half of WatchdogSec=; None when it is off.
        self.watchdog_interval_seconds = _watchdog_interval(environ) if self.active else None

    def ready(self, status: str) -> bool:
        """Start-up, or a reload, is finished: `systemctl start` returns now."""
        return self._send("READY=1", _status(status))

    def reloading(self, status: str, now: float) -> bool:
        """A reload has begun, `Clock.monotonic()` being `now`; `ready` ends it."""
        return self._send("RELOADING=1", f"MONOTONIC_USEC={int(now * 1_000_000)}", _status(status))

    def status(self, text: str) -> bool:
        """The line that `systemctl status` shows; newlines become spaces, a long one is cut."""
        return self._send(_status(text))

    def stopping(self, status: str) -> bool:
        """The service has begun to stop."""
        return self._send("STOPPING=1", _status(status))

    def watchdog(self) -> bool:
        """There was progress: systemd starts counting WatchdogSec= anew."""
        return self._send("WATCHDOG=1")

    def extend_timeout(self, seconds: float) -> bool:
        """Do not time out the current start or stop within the next `seconds`."""
        return self._send(f"EXTEND_TIMEOUT_USEC={max(1, int(seconds * 1_000_000))}")

    def _send(self, *assignments: str) -> bool:
        if not self.active:
            return False
        payload = "\n".join(assignments).encode("utf-8", "replace")
        try:
            # A socket per datagram, so that a restarted systemd is found again.
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.setblocking(False)
                return channel.sendto(payload, self._address) == len(payload)
        except (OSError, ValueError):
            return False


def _watchdog_interval(environ: Mapping[str, str]) -> float | None:
    """Half of WATCHDOG_USEC in seconds, if it is above 0 and meant for this process."""
    try:
        microseconds = int(environ.get("WATCHDOG_USEC", "0"))
        owner = int(environ.get("WATCHDOG_PID") or os.getpid())
    except ValueError:
        return None
    return microseconds / 2_000_000 if microseconds > 0 and owner == os.getpid() else None


def _status(text: str) -> str:
    """One printable line: systemd refuses what is not UTF-8, and a newline would begin a field."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return "STATUS=" + line.encode("utf-8", "replace")[:_MAX_STATUS_BYTES].decode("utf-8", "ignore")

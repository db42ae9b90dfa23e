"""Opens the sockets that the daemon listens on: a TCP port, or a Unix socket in the file system."""

import errno
import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from consumer.directories import user_name
from consumer.errors import ConfigurationError

#: How many connections may wait for the server's thread.
BACKLOG: Final = 16
#: systemd passes sockets from this one on.
_FIRST_FD: Final = 3

_WHY: Final = {
    errno.EADDRINUSE: "another process listens there: stop it, or choose another port",
    errno.EADDRNOTAVAIL: "this is not an address of this machine",
    errno.EAFNOSUPPORT: "this machine has no IPv6",
}


def listen_tcp(host: str, port: int) -> socket.socket:
    """Listen on an IP address of this machine: "::" is all of them, "0.0.0.0" all of IPv4.

    Raises: `ConfigurationError`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(
            (host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both
        )
    except OSError as error:
        why = _WHY.get(error.errno or 0) or _strerror(error)
        if error.errno in (errno.EACCES, errno.EPERM):
            user = user_name(os.geteuid())
            why = f"{user} may not listen on this port: choose one above 1023"
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise ConfigurationError(f"can't listen on {place}: {why}") from error


def listen_unix(path: Path) -> socket.socket:
    """Listen at a path: only the owner may connect.

    A socket that a process has left there is replaced, one in use is not.

    Raises: `ConfigurationError`.
    """
    listener = socket.socket(socket.AF_UNIX)
    try:
        _remove_stale(path)
        listener.bind(os.fspath(path))
        # Before `listen` no process can connect, whatever the umask.
        path.chmod(0o600)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        why = _strerror(error)
        if "too long" in str(error):
            why = "the path is too long: a socket's path has at most 107 bytes"
        elif error.errno == errno.EADDRINUSE:
            why = "another process listens there"
        elif error.errno == errno.EEXIST:
            why = "there is a file of this name, which is not a socket"
        raise ConfigurationError(f"can't listen on {path}: {why}") from error
    return listener


def _remove_stale(path: Path) -> None:
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise FileExistsError(errno.EEXIST, "")
    if _answers(path):
        raise OSError(errno.EADDRINUSE, "")
    path.unlink()


def _answers(path: Path) -> bool:
    """True if a process listens there. Raises `OSError` if that can't be found out."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            return False
        except BlockingIOError:  # its backlog is full
            return True
        return True


def _strerror(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def inherited(environ: Mapping[str, str]) -> list[socket.socket]:
    """The listening sockets that systemd has passed to this process (socket activation).

    Args:
        environ: where systemd left LISTEN_PID and LISTEN_FDS.
    """
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    listeners = []
    for descriptor in range(_FIRST_FD, _FIRST_FD + int(environ.get("LISTEN_FDS", "0"))):
        os.set_inheritable(descriptor, False)
        listeners.append(socket.socket(fileno=descriptor))
    return listeners

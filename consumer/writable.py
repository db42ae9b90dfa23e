"""Whether this process can write where it is configured to: found by trying, leaving nothing."""

from __future__ import annotations

import errno
import os
import pwd
import tempfile
from typing import TYPE_CHECKING, Final

from consumer.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

#: These stay until somebody acts. A full or failing disk may recover: it is no fault of the
#: configuration, and the messages stay in the queue meanwhile.
_LASTING: Final = frozenset(
    {
        errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.ELOOP,
        errno.ENAMETOOLONG, errno.EOPNOTSUPP,
    }
)  # fmt: skip


def check_writable(path: Path, what: str, key: str) -> None:
    """Raise ConfigurationError unless files can be made in a directory, or a file be written.

    Of a directory that is not there yet, the nearest one above it is tried: it is to be made in it.
    What is tried is removed again.

    Args:
        what: what it is for, such as "the state directory".
        key: the setting that chooses another one.
    """
    there = _nearest(path.absolute())
    try:
        if there.is_dir():
            tempfile.TemporaryDirectory(prefix=".canvas-live-events-", dir=there).cleanup()
        elif there != path.absolute() or not there.is_file():
            raise _error(errno.ENOTDIR)
        elif not os.access(there, os.R_OK | os.W_OK):
            raise _error(errno.EACCES)
    except OSError as error:
        if error.errno in _LASTING:
            raise ConfigurationError(_sentence(path, there, error, what, key)) from error


def _nearest(path: Path) -> Path:
    return next(p for p in (path, *path.parents) if os.path.lexists(p))


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _sentence(path: Path, there: Path, error: OSError, what: str, key: str) -> str:
    fault = f"{os.strerror(error.errno or 0)} ({errno.errorcode[error.errno or 0]})"
    place = str(path) if there == path.absolute() else f"{path}, in {there}"
    status = there.lstat()
    user = user_name(os.geteuid())
    owner = f"{there} belongs to {user_name(status.st_uid)} with mode {status.st_mode & 0o7777:04o}"
    if error.errno == errno.EROFS:
        remedy = f"mount it writable (in a systemd unit: ReadWritePaths=), or set {key}"
    elif error.errno not in {errno.EACCES, errno.EPERM}:
        remedy = f"set {key}"
    elif there == path.absolute():
        remedy = f"run `chown -R {user} {there}` as root, or set {key}"
    else:
        remedy = f"run `install -d -o {user} {path.absolute()}` as root, or set {key}"
    return (
        f"{what} can't be written: {place}: {fault}; {owner}, and this process runs as {user}: "
        f"{remedy} to a directory that {user} can write"
    )


def user_name(uid: int) -> str:
    """The name of a user; "user N" of one that has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"

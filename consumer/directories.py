"""The directories that the service writes to: made private, and checked by trying."""

import errno
import os
import pwd
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from consumer.errors import ConfigurationError

#: What was handled and is not deleted yet, in the state directory.
LEDGER_FILE: Final = "ledger.sqlite3"
#: Errors that last until an operator acts. A full or failing disk may recover: that is not an error
#: of the configuration, and the messages stay in the queue meanwhile.
_LASTING: Final = frozenset(
    {
        errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.ELOOP,
        errno.ENAMETOOLONG, errno.EOPNOTSUPP,
    }
)  # fmt: skip


def make_private_directory(path: Path) -> list[Path]:
    """Make it and its missing parents with mode 0700. An existing one stays as it is.

    Returns: what was made, the outer ones first. Raises: `OSError`.
    """
    made: list[Path] = []
    if not path.is_dir():
        if path.parent != path:
            made = make_private_directory(path.parent)
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            if not path.is_dir():
                raise
        else:
            made.append(path)
    return made


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable, unless the file system has no such operation."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(fd)


def check_directories(state: Path | None, quarantine: Path | None, *, make: bool = True) -> None:
    """Check the state directory with the ledger's files, and the quarantine's, if there is one.

    Args:
        state: None leaves it out, and what is in it: the service has another one.
        quarantine: relative to the state directory, or absolute.
        make: make the directories that are missing.

    Raises: `ConfigurationError` with a line for each directory that can't be written.
    """
    errors: list[str] = []
    if state is not None:
        ledger = (state / f"{LEDGER_FILE}{suffix}" for suffix in ("", "-wal", "-shm"))
        files = [path.absolute() for path in ledger if os.path.lexists(path)]
        errors += _errors("state_directory", "the state directory", [state, *files], make=make)
        quarantine = quarantine and state / quarantine
    if quarantine is not None and (state is not None or quarantine.is_absolute()):
        errors += _errors("quarantine.directory", "the quarantine", [quarantine], make=make)
    if errors:
        raise ConfigurationError("\n".join(errors))


def _errors(key: str, what: str, paths: list[Path], *, make: bool) -> list[str]:
    """The error of a directory, or of the files in it that follow it in the list."""
    directory = paths[0].absolute()
    try:
        for path in (directory, *paths[1:]):
            check_writable(path, what, key)
        if make:
            with suppress(OSError):  # a full disk, which may pass
                make_private_directory(directory)
    except ConfigurationError as error:
        return [f"{key}: {error}"]
    except ValueError:  # of what can't be a file name
        return [f"{key}: {directory} is not a path"]
    return []


def check_writable(path: Path, what: str, key: str) -> None:
    """Raise `ConfigurationError` unless files can be made in the directory, or the file written.

    For a missing directory the nearest existing parent is tried. Nothing is left behind.

    Args:
        what: what it is for, such as "the state directory".
        key: the setting that chooses another one.
    """
    path = path.absolute()
    there = next(p for p in (path, *path.parents) if os.path.lexists(p))
    try:
        if there.is_dir():
            tempfile.TemporaryDirectory(prefix=".canvas-live-events-", dir=there).cleanup()
        elif there != path or not there.is_file():
            raise _error(errno.ENOTDIR)
        elif not os.access(there, os.R_OK | os.W_OK):
            raise _error(errno.EACCES)
    except OSError as error:
        if error.errno in _LASTING:
            raise ConfigurationError(_sentence(path, there, error.errno, what, key)) from error


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _sentence(path: Path, there: Path, number: int, what: str, key: str) -> str:
    place = str(path) if there == path else f"{path}, in {there}"
    status = there.lstat()
    user = user_name(os.geteuid())
    owner = f"{there} belongs to {user_name(status.st_uid)} with mode {status.st_mode & 0o7777:04o}"
    remedy = f"set {key}"
    if number == errno.EROFS:
        remedy = f"mount it writable (in a systemd unit: ReadWritePaths=), or {remedy}"
    elif number in (errno.EACCES, errno.EPERM):
        command = f"chown -R {user} {there}" if there == path else f"install -d -o {user} {path}"
        remedy = f"run `{command}` as root, or {remedy}"
    return (
        f"{what} can't be written: {place}: {os.strerror(number)} ({errno.errorcode[number]}); "
        f"{owner}, and this process runs as {user}: "
        f"{remedy} to a directory that {user} can write"
    )


def user_name(uid: int) -> str:
    """The name of a user; "user N" if it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"

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
#: The control socket, in the runtime directory of a systemd unit, else in the state directory.
CONTROL_SOCKET: Final = "control.sock"
#: Errors that last until an operator acts. A full or failing disk may recover.
_LASTING: Final = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.ELOOP,
    errno.ENAMETOOLONG, errno.EOPNOTSUPP,
)  # fmt: skip
#: Of the users that systemd makes for DynamicUser=: they exist only while their unit runs.
_DYNAMIC_USERS: Final = range(61_184, 65_520)
#: Where this process sees which file systems are mounted.
_MOUNTS: Final = Path("/proc/self/mountinfo")


def is_hidden(path: Path) -> bool:
    """True if this process may not see whether it is there, as below /home in a systemd unit."""
    try:
        path.lstat()
    except (OSError, ValueError) as error:
        return isinstance(error, PermissionError)
    return False


def make_private_directory(path: Path) -> list[Path]:
    """Make it and its missing parents with mode 0700. An existing one stays as it is.

    Returns: what was made, the outer ones first. Raises: `OSError`.
    """
    missing = [p for p in (path, *path.parents) if not p.is_dir()]
    for directory in reversed(missing):
        directory.mkdir(mode=0o700, exist_ok=True)
    return missing[::-1]


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


def replace_file(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file as a whole, durably: a crash leaves the old one or the new one.

    Also where others can write: a link that one of them has put there is not followed.
    Raises: `OSError`.
    """
    # A name of its own, because another process may replace the same file; exclusive, 0600.
    fd, name = tempfile.mkstemp(".unfinished", f"{path.name}.", path.absolute().parent)
    unfinished = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(fd, mode)
            os.fsync(fd)
        unfinished.rename(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink()
        raise
    with suppress(PermissionError):  # a shared directory that this user may write, but not read
        sync_directory(path.absolute().parent)


def check_directories(state: Path | None, quarantine: Path | None, *, make: bool = True) -> None:
    """Check the state directory with the ledger's files, and the quarantine's, if there is one.

    Args:
        state: None leaves it out, and what is in it: the service has another one.
        quarantine: relative to the state directory, or absolute.
        make: make the directories that are missing.

    Raises: `ConfigurationError` with a line for each directory that can't be written.
    """
    places: list[tuple[str, str, Path, list[Path]]] = []
    if state is not None:
        ledger = (state / f"{LEDGER_FILE}{suffix}" for suffix in ("", "-wal", "-shm"))
        files = [path for path in ledger if os.path.lexists(path)]
        places.append(("state_directory", "the state directory", state, files))
        quarantine = quarantine and state / quarantine
    if quarantine is not None and (state is not None or quarantine.is_absolute()):
        places.append(("quarantine.directory", "the quarantine", quarantine, []))
    errors: list[str] = []
    for key, what, directory, files in places:
        try:
            for path in (directory, *files):
                check_writable(path, what, key)
            if make:
                with suppress(OSError):  # a full disk, which may pass
                    make_private_directory(directory)
        except ConfigurationError as error:
            errors.append(f"{key}: {error}")
        except ValueError:  # of what can't be a file name
            errors.append(f"{key}: {directory.absolute()} is not a path")
    if errors:
        raise ConfigurationError("\n".join(errors))


def check_writable(path: Path, what: str, key: str) -> None:
    """Raise `ConfigurationError` unless files can be made in the directory, or the file written.

    For a missing directory the nearest existing parent is tried. Nothing is left behind.

    Args:
        what: what it is for, such as "the state directory".
        key: the setting that chooses another one.
    """
    path = path.absolute()
    there = next(p for p in (path, *path.parents) if os.path.lexists(p))
    if _ends_with_the_unit(there):
        raise ConfigurationError(
            f"{what} would be lost: {path} is in a directory that systemd deletes when the unit "
            f"stops (PrivateTmp=): set {key} to a path outside it"
        )
    try:
        if there.is_dir():
            tempfile.TemporaryDirectory(prefix=".canvas-live-events-", dir=there).cleanup()
        elif there != path or not there.is_file():
            raise NotADirectoryError(errno.ENOTDIR, "")
        elif not os.access(there, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, "")
    except OSError as error:
        if error.errno in _LASTING:
            raise ConfigurationError(_sentence(path, there, error.errno, what, key)) from error


def _ends_with_the_unit(path: Path) -> bool:
    """True below the /tmp and /var/tmp of a unit with PrivateTmp=, if this is its main process."""
    if os.environ.get("SYSTEMD_EXEC_PID") != str(os.getpid()):
        return False  # what a unit has started, such as a session, may end before it
    try:
        mounts = [line.split() for line in _MOUNTS.read_text().splitlines()]
    except OSError:
        return False
    private = [fields[4] for fields in mounts if "/systemd-private-" in fields[3]]
    return any(Path(os.path.realpath(path)).is_relative_to(place) for place in private)


def _sentence(path: Path, there: Path, number: int, what: str, key: str) -> str:
    place = str(path) if there == path else f"{path}, in {there}"
    status = there.lstat()
    user = user_name(os.geteuid())
    owner = f"{there} belongs to {user_name(status.st_uid)} with mode {status.st_mode & 0o7777:04o}"
    remedy = f"set {key}"
    if number == errno.EROFS:
        remedy = f"mount it writable (in a systemd unit: ReadWritePaths={there}), or {remedy}"
    elif number in (errno.EACCES, errno.EPERM):
        remedy = f"{_permission(path, there, status.st_mode)}, or {remedy}"
    return (
        f"{what} can't be written: {place}: {os.strerror(number)} ({errno.errorcode[number]}); "
        f"{owner}, and this process runs as {user}: "
        f"{remedy} to a path that {user} can write"
    )


def _permission(path: Path, there: Path, mode: int) -> str:
    if there.is_dir() and not mode & 0o7777:  # what systemd puts in place of /home
        return f"show it to the daemon (in a systemd unit: ProtectHome= hides {there})"
    uid = os.geteuid()
    user = user_name(uid).removeprefix("user ")
    command = f"chown -R {user} {there}" if there == path else f"install -d -o {user} {path}"
    if uid not in _DYNAMIC_USERS:
        return f"run `{command}` as root"
    return f"run `useradd --system --user-group {user} && {command}` as root, with the unit stopped"


def user_name(uid: int) -> str:
    """The name of a user; "user N" if it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"

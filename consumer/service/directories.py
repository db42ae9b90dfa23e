"""Whether the service's directories can be written: shown at the start, not by the first event."""

from __future__ import annotations

import errno
import os
import pwd
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from consumer.errors import ConfigurationError
from consumer.ledger.database import FILE_NAME
from consumer.private import make_private_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.config import Settings

#: A disk that is full or breaks is no mistake in the configuration, and may pass.
_MAY_PASS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENFILE, errno.EMFILE)


def check_directories(settings: Settings, *, keep: bool = True) -> None:
    """Make the state directory and that of the quarantine, and write to them.

    Args:
        keep: False removes again what was made.

    Raises: `ConfigurationError` with a line for each that can't be written.
    """
    faults = [
        fault
        for key, directory in _directories(settings)
        if (fault := _fault(key, directory, keep=keep))
    ]
    if faults:
        raise ConfigurationError("\n".join(faults))


def _directories(settings: Settings) -> Iterator[tuple[str, Path]]:
    state = settings.state_directory.absolute()
    yield "state_directory", state
    if settings.quarantine.directory is not None:
        yield "quarantine.directory", state / settings.quarantine.directory


def _fault(key: str, directory: Path, *, keep: bool) -> str:
    made: list[Path] = []
    try:
        made = make_private_directory(directory)
        with tempfile.TemporaryFile(dir=directory):
            pass
        for name in (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"):
            with suppress(FileNotFoundError):
                os.close(os.open(directory / name, os.O_RDWR))
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in _MAY_PASS:
            return ""
        return _sentence(key, directory, error)
    finally:
        for folder in reversed([] if keep else made):
            with suppress(OSError):
                folder.rmdir()
    return ""


def _sentence(key: str, directory: Path, error: OSError | ValueError) -> str:
    reason = getattr(error, "strerror", None) or "not a file name"
    at = getattr(error, "filename", None)
    # The file that was refused; of a temporary one only its folder means anything.
    place = Path(os.fsdecode(at)) if at else directory
    place = place if place.name.startswith(FILE_NAME) else directory
    owner = _owner(place)
    return (
        f"{key}: {place} can't be written by user {_user(os.geteuid())}: {reason}{owner}; give it "
        f"to that user (chown), or set {key} to a directory that is theirs"
    )


def _owner(path: Path) -> str:
    """Of the path, or of what there is of it."""
    for there in (path, *path.parents):
        with suppress(OSError, ValueError):
            status = there.stat()
            name = "it" if there == path else str(there)
            mode = f"{status.st_mode & 0o7777:04o}"
            return f" ({name} belongs to {_user(status.st_uid)}, mode {mode})"
    return ""


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)

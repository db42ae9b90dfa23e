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
from consumer.private import LEDGER_FILE, make_private_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.config.models import Settings

#: A disk that is full or breaks is no mistake in the configuration, and may pass.
_MAY_PASS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENFILE, errno.EMFILE)


def check_directories(
    settings: Settings, *, keep: bool = True, state_is_given: bool = True
) -> None:
    """Make the state directory and that of the quarantine, and write to them.

    Args:
        keep: False removes again what was made.
        state_is_given: False leaves the state directory out, and what lies in it: the service has
            another one.

    Raises: `ConfigurationError` with a line for each that can't be written.
    """
    faults = [
        fault
        for key, directory in _directories(settings, state_is_given=state_is_given)
        if (fault := _fault(key, directory, keep=keep))
    ]
    if faults:
        raise ConfigurationError("\n".join(faults))


def _directories(settings: Settings, *, state_is_given: bool) -> Iterator[tuple[str, Path]]:
    state, quarantine = settings.state_directory.absolute(), settings.quarantine.directory
    if state_is_given:
        yield "state_directory", state
    if quarantine is not None and (state_is_given or quarantine.is_absolute()):
        yield "quarantine.directory", state / quarantine


def _fault(key: str, directory: Path, *, keep: bool) -> str:
    made: list[Path] = []
    try:
        made = make_private_directory(directory)
        with tempfile.TemporaryFile(dir=directory):
            pass
        for name in (LEDGER_FILE, f"{LEDGER_FILE}-wal", f"{LEDGER_FILE}-shm"):
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
    place = place if place.name.startswith(LEDGER_FILE) else directory
    owner = _owner(place)
    return (
        f"{key}: {place} can't be written by user {user_name(os.geteuid())}: {reason}{owner}; "
        f"give it to that user (chown), or set {key} to a directory that is theirs"
    )


def _owner(path: Path) -> str:
    """Of the path, or of what there is of it."""
    for there in (path, *path.parents):
        with suppress(OSError, ValueError):
            status = there.stat()
            name = "it" if there == path else str(there)
            mode = f"{status.st_mode & 0o7777:04o}"
            return f" ({name} belongs to {user_name(status.st_uid)}, mode {mode})"
    return ""


def user_name(number: int) -> str:
    """Of a user id; the number itself if it has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)

"""Whether the service's directories can be written: shown at the start, not by the first event."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from consumer.errors import ConfigurationError
from consumer.private import LEDGER_FILE, make_private_directory
from consumer.writable import check_writable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumer.config.models import Settings


def check_directories(
    settings: Settings, *, make: bool = True, state_is_given: bool = True
) -> None:
    """Check the state directory, that of the quarantine, and the ledger's files.

    Args:
        make: make the directories that are missing.
        state_is_given: False leaves the state directory out, and what lies in it: the service has
            another one.

    Raises: `ConfigurationError` with a line for each directory that can't be written.
    """
    faults: list[str] = []
    for key, what, paths in _places(settings, state_is_given=state_is_given):
        try:
            for path in paths:
                check_writable(path, what, key)
            if make:
                with suppress(OSError):  # a full disk, which may pass
                    make_private_directory(paths[0])
        except (ConfigurationError, ValueError) as error:
            # ValueError: what can be no file name.
            reason = error if isinstance(error, ConfigurationError) else f"{paths[0]} is no path"
            faults.append(f"{key}: {reason}")
    if faults:
        raise ConfigurationError("\n".join(faults))


def _places(settings: Settings, *, state_is_given: bool) -> Iterator[tuple[str, str, list[Path]]]:
    """The key, what it is for, and the directory with the files in it that are there."""
    state, quarantine = settings.state_directory.absolute(), settings.quarantine.directory
    if state_is_given:
        ledger = (state / f"{LEDGER_FILE}{suffix}" for suffix in ("", "-wal", "-shm"))
        there = [path for path in ledger if os.path.lexists(path)]  # False where it is locked
        yield "state_directory", "the state directory", [state, *there]
    if quarantine is not None and (state_is_given or quarantine.is_absolute()):
        yield "quarantine.directory", "the quarantine", [state / quarantine]

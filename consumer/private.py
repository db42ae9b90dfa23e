"""Directories that only their owner may enter: what lies in them is personal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

#: What was handled and not deleted yet, in the state directory.
LEDGER_FILE: Final = "ledger.sqlite3"


def make_private_directory(path: Path) -> list[Path]:
    """Make it, and what is missing above it, with mode 0700. One that is there stays as it is.

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

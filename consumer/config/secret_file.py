"""A file that holds one secret and nothing else."""

import os
from pathlib import Path
from typing import Final

#: Where systemd puts what LoadCredential= gives; there only while the service runs.
SYSTEMD_CREDENTIALS: Final = Path("/run/credentials")


def read_secret(path: Path) -> str:
    """The secret. Raises: `OSError`; `ValueError` that says what is wrong with the file."""
    with path.open("rb") as file:
        secret = file.read(65_536).decode("utf-8", "replace").rstrip()
    if "\ufffd" in secret:
        raise ValueError("not text; the file must hold the secret and nothing else")
    if not secret:
        raise ValueError("is empty; it must hold the secret")
    if len(secret.split()) != 1 or secret[0].isspace():
        raise ValueError("holds more than one word; it must hold the secret and nothing else")
    return secret


def why_unreadable(path: Path, error: OSError) -> str:
    """In words for an operator, with what a systemd unit needs."""
    reason = os.strerror(error.errno or 0)
    if path.is_relative_to(SYSTEMD_CREDENTIALS) and isinstance(error, FileNotFoundError):
        return f"{reason}: it is there while the unit runs, if the unit has LoadCredential= for it"
    if isinstance(error, PermissionError):
        return f"{reason}: in a systemd unit, LoadCredential= passes it to the daemon"
    return reason

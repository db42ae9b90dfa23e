"""A file that holds one secret and nothing else."""

from pathlib import Path


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

"""Reads secrets from their files, and warns of secrets that other users could read."""

from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from consumer.config.fields import SECRETS
from consumer.config.layers import Given, Layer, Sources
from consumer.config.models import AwsSettings
from consumer.config.problems import Problems, dotted, looks_secret
from consumer.config.yaml_file import Document

#: Where systemd puts what LoadCredential= gives; there only while the service runs.
_SYSTEMD_CREDENTIALS: Final = Path("/run/credentials")
_MAX_BYTES: Final = 65_536


def read_secret_files(aws: AwsSettings, sources: Sources, *, outside_service: bool) -> Layer:
    """The secrets of all files that are given, by their keys in the section; errors are reported.

    With `outside_service` a credential of systemd that is not there now is only a warning.
    """
    secrets: Layer = {}
    for key in (secret.removeprefix("aws.") for secret in SECRETS):
        path: Path | None = getattr(aws, f"{key}_file")
        if path is None:
            continue
        try:
            secrets[key] = Given(SecretStr(_read(path)), str(path))
        except (OSError, ValueError) as error:
            absent = isinstance(error, FileNotFoundError | PermissionError)
            if outside_service and absent and path.is_relative_to(_SYSTEMD_CREDENTIALS):
                text = f"{path}: can be read only in the running service; not checked"
                sources.warn(f"aws.{key}_file", text)
            else:
                sources.add(f"aws.{key}_file", f"{path}: {_reason(error)}")
    return secrets


def _read(path: Path) -> str:
    """The secret. Raises: `OSError`; `ValueError` that says what is wrong with the file."""
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES)
    secret = content.decode("utf-8").rstrip()
    if not secret:
        raise ValueError("is empty; it must hold the secret")
    if len(secret.split()) != 1 or secret[0].isspace():
        raise ValueError("holds more than one word; it must hold the secret and nothing else")
    return secret


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not text; the file must hold the secret and nothing else"
    if isinstance(error, OSError):
        return f"can't be read: {error.strerror}"
    return str(error)  # of `_read`, or "embedded null byte"


def warn_of_readable_secrets(document: Document, problems: Problems) -> None:
    """Warn if there is a secret in a configuration file that others than its owner can read.

    The document must be without errors.
    """
    if document.mode is None or not document.mode & 0o077:
        return
    tree: Any = document.values
    secrets = [
        path
        for path in document.lines
        if looks_secret(path) and isinstance(value := reduce(getitem, path, tree), str) and value
    ]
    if secrets:
        text = (
            f"a secret in a file that others can read; chmod 600 {document.name}, or take "
            f"it from a file ({secrets[0][-1]}_file) or the environment"
        )
        problems.warn(document.where(secrets[0]), ", ".join(map(dotted, secrets)), text)

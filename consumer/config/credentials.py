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


def read_secret_files(aws: AwsSettings, sources: Sources, *, outside_service: bool) -> Layer:
    """The secrets of all files that are given, by key in the section; errors are reported."""
    secrets: Layer = {}
    for key in (secret.removeprefix("aws.") for secret in SECRETS):
        path: Path | None = getattr(aws, f"{key}_file")
        if path is None:
            continue
        try:
            secrets[key] = Given(SecretStr(_read(path)), str(path))
        except OSError as error:
            absent = isinstance(error, FileNotFoundError | PermissionError)
            if outside_service and absent and path.is_relative_to(_SYSTEMD_CREDENTIALS):
                text = f"{path}: can be read only in the running service; not checked"
                sources.warn(f"aws.{key}_file", text)
            else:
                sources.add(f"aws.{key}_file", f"{path}: can't be read: {error.strerror}")
        except ValueError as error:
            sources.add(f"aws.{key}_file", f"{path}: {error}")
    return secrets


def _read(path: Path) -> str:
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

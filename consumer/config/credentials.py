"""Reads secrets from their files, and looks who else could read a secret in the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from consumer.config.fields import SECRETS
from consumer.config.problems import dotted, looks_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.config.models import AwsSettings
    from consumer.config.problems import KeyPath, Problems
    from consumer.config.yaml_file import Document

#: Where systemd puts what LoadCredential= gives; there only while the service runs.
_SYSTEMD_CREDENTIALS: Final = Path("/run/credentials")
_MAX_BYTES: Final = 65_536


def read_secret_files(
    aws: AwsSettings, where: Callable[[str], str], problems: Problems, *, outside_service: bool
) -> AwsSettings:
    """The same settings with each secret in place of its file; faults go to `problems`.

    With `outside_service` a credential of systemd that is not there now is only a warning.
    """
    secrets: dict[str, SecretStr] = {}
    for key in SECRETS:
        name = key.partition(".")[2]
        path: Path | None = getattr(aws, f"{name}_file")
        if path is None:
            continue
        file_key = f"{key}_file"
        if outside_service and path.is_relative_to(_SYSTEMD_CREDENTIALS) and not _exists(path):
            text = f"{path}: can be read only in the running service; not checked"
            problems.warn(where(file_key), file_key, text)
            continue
        secret, fault = _read(path)
        if fault:
            problems.add(where(file_key), file_key, f"{path}: {fault}")
        else:
            secrets[name] = SecretStr(secret)
    return aws.model_copy(update=secrets)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a folder in between may not be entered
        return False


def _read(path: Path) -> tuple[str, str]:
    """The secret, or what is wrong with its file."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES)
        secret = content.decode("utf-8").rstrip()
    except UnicodeDecodeError:
        return "", "not text; the file must hold the secret and nothing else"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        return "", f"can't be read: {reason}"
    if not secret:
        return "", "is empty; it must hold the secret"
    if len(secret.split()) != 1 or secret[0].isspace():
        return "", "holds more than one word; it must hold the secret and nothing else"
    return secret, ""


def warn_of_readable_secrets(document: Document, problems: Problems) -> None:
    """Warn if there is a secret in a configuration file that others than its owner can read."""
    if document.mode is None or not document.mode & 0o077:
        return
    paths = [p for p in document.lines if looks_secret(p) and _is_text(document, p)]
    if paths:
        text = (
            f"a secret in a file that others can read; chmod 600 {document.name}, or take "
            f"it from a file ({paths[0][-1]}_file) or the environment"
        )
        problems.warn(document.where(paths[0]), ", ".join(map(dotted, paths)), text)


def _is_text(document: Document, path: KeyPath) -> bool:
    value: object = document.values
    for part in path:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return False
    return isinstance(value, str) and bool(value)

"""Secrets from files, and secrets that others can read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from consumer.config import load
from consumer.config.secret_file import why_unreadable

if TYPE_CHECKING:
    from tests.config.conftest import FaultsOf, LoadText

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events"


def _text(directory: Path) -> str:
    return (
        f"queue: {{url: '{URL}'}}\n"
        f"aws:\n  access_key_id_file: {directory}/id\n  secret_access_key_file: {directory}/key\n"
    )


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b" \n\n"])
def test_secrets_are_read_from_files(load_text: LoadText, tmp_path: Path, ending: bytes) -> None:
    """The content is the secret, without what editors put behind it; the origin is the file."""
    (tmp_path / "id").write_bytes(b"AKIAEXAMPLE" + ending)
    (tmp_path / "key").write_bytes(b"a/b+c=" + ending)

    loaded = load_text(_text(tmp_path))

    aws = loaded.settings.aws
    assert aws.access_key_id is not None
    assert aws.access_key_id.get_secret_value() == "AKIAEXAMPLE"
    assert aws.secret_access_key is not None
    assert aws.secret_access_key.get_secret_value() == "a/b+c="
    assert loaded.origins["aws.access_key_id"] == f"{tmp_path}/id"
    assert loaded.warnings == ()


def test_the_token_is_read_from_its_file(load_text: LoadText, tmp_path: Path) -> None:
    """Temporary credentials have three parts."""
    for name in ("id", "key", "token"):
        (tmp_path / name).write_text(f"the-{name}\n")

    loaded = load_text(_text(tmp_path) + f"  session_token_file: {tmp_path}/token\n")

    assert loaded.settings.aws.session_token is not None
    assert loaded.settings.aws.session_token.get_secret_value() == "the-token"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "can't be read: No such file or directory"),
        (b"", "is empty; it must hold the secret"),
        (b"\n \n", "is empty; it must hold the secret"),
        (b"one\ntwo\n", "holds more than one word"),
        (b"AWS_KEY = sesame", "holds more than one word"),
        (b" sesame", "holds more than one word"),
        (b"\xff\xfe\x00", "not text"),
    ],
)
def test_a_faulty_secret_file_is_explained(
    faults_of: FaultsOf, tmp_path: Path, content: bytes | None, fault: str
) -> None:
    """The error names line, key and file, and nothing of the content."""
    (tmp_path / "id").write_text("AKIAEXAMPLE")
    if content is not None:
        (tmp_path / "key").write_bytes(content)

    (line,) = faults_of(_text(tmp_path))

    assert line.startswith(f"FILE:4: aws.secret_access_key_file: {tmp_path}/key: {fault}")
    assert "sesame" not in line


def test_a_directory_is_not_a_secret_file(faults_of: FaultsOf, tmp_path: Path) -> None:
    """The error has the system's reason."""
    (tmp_path / "id").write_text("AKIAEXAMPLE")
    (tmp_path / "key").mkdir()

    (line,) = faults_of(_text(tmp_path))

    assert line.endswith("key: can't be read: Is a directory")


SYSTEMD = """\
queue: {url: "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events"}
aws:
  access_key_id_file: /run/credentials/no-such.service/id
  secret_access_key_file: /run/credentials/no-such.service/key
"""


def test_credentials_of_systemd_are_there_only_in_the_service(
    load_text: LoadText, faults_of: FaultsOf
) -> None:
    """Outside of the service, to check a file, that is a warning; for a run it is an error."""
    warnings = load_text(SYSTEMD, outside_service=True).warnings
    faults = faults_of(SYSTEMD)

    assert [True] * 2 == ["can be read only in the running service" in line for line in warnings]
    assert [True] * 2 == ["can't be read: No such file" in line for line in faults]


def test_what_a_systemd_unit_needs_for_a_file_is_explained() -> None:
    """The line of the unit, but only where it would help."""
    missing, refused = FileNotFoundError(2, ""), PermissionError(13, "")
    credential, file = Path("/run/credentials/a.service/key"), Path("/etc/credstore/key")

    assert why_unreadable(file, missing) == "No such file or directory"
    assert why_unreadable(credential, missing).endswith("if the unit has LoadCredential= for it")
    assert why_unreadable(file, refused) == (
        "Permission denied: in a systemd unit, LoadCredential= passes it to the daemon"
    )


def test_other_secret_files_must_be_there_also_for_a_check(
    faults_of: FaultsOf, tmp_path: Path
) -> None:
    """What is not systemd's is an error everywhere."""
    lines = faults_of(_text(tmp_path), outside_service=True)

    assert len(lines) == 2


INLINE = f"""\
queue: {{url: "{URL}"}}
aws:
  access_key_id: id
  secret_access_key: sesame
"""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o610])
def test_a_secret_that_others_can_read_draws_a_warning(tmp_path: Path, mode: int) -> None:
    """The warning has the keys and the remedy, and not the secret."""
    path = tmp_path / "config.yaml"
    path.write_text(INLINE)
    path.chmod(mode)

    (warning,) = load(path, environ={}, overrides={}).warnings

    assert warning.startswith(f"{path}:3: aws.access_key_id, aws.secret_access_key: a secret in a ")
    assert f"chmod 600 {path}" in warning
    assert "sesame" not in warning


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_secret_that_only_the_owner_can_read_is_fine(tmp_path: Path, mode: int) -> None:
    """No warning without a reason."""
    path = tmp_path / "config.yaml"
    path.write_text(INLINE)
    path.chmod(mode)

    assert load(path, environ={}, overrides={}).warnings == ()


def test_a_file_without_secrets_may_be_read_by_all(tmp_path: Path) -> None:
    """Names of files are not secret, nor is a key without a value."""
    (tmp_path / "id").write_text("AKIAEXAMPLE")
    (tmp_path / "key").write_text("sesame")
    path = tmp_path / "config.yaml"
    path.write_text(_text(tmp_path) + "  session_token:\n")
    path.chmod(0o644)

    assert load(path, environ={}, overrides={}).warnings == ()


def test_a_handlers_password_that_others_can_read_draws_a_warning(tmp_path: Path) -> None:
    """Options that are called like a secret count, too."""
    path = tmp_path / "config.yaml"
    path.write_text("handlers:\n  - name: a\n    kafka: {servers: x, sasl_password: sesame}\n")
    path.chmod(0o644)

    (warning,) = load(path, environ={}, overrides={}).warnings

    assert "handlers[0].kafka.sasl_password: a secret in a file" in warning
    assert "sesame" not in warning


def test_a_secret_variable_that_others_can_read_draws_a_warning(tmp_path: Path) -> None:
    """There is no variable with _file; null takes the daemon's own value."""
    path = tmp_path / "config.yaml"
    program = "{run: [cat], mode: batch, environment: {API_TOKEN: sesame}}"
    path.write_text(f"handlers: [{{name: c, command: {program}}}]\n")
    path.chmod(0o644)

    (warning,) = load(path, environ={}, overrides={}).warnings

    assert "environment.API_TOKEN: a secret in a file" in warning
    assert "; give null and set it for the daemon; or chmod 600 " in warning


def test_a_secret_in_the_place_of_its_file_is_not_shown(faults_of: FaultsOf) -> None:
    """As it would be if someone wrote the key itself into `secret_access_key_file`."""
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    aws = f"{{access_key_id: AKIAEXAMPLE, secret_access_key_file: {secret}}}"
    text = f"queue: {{url: '{URL}'}}\naws: {aws}\n"

    (line,) = faults_of(text)

    assert "secret_access_key_file: (not shown): can't be read" in line
    assert secret not in line

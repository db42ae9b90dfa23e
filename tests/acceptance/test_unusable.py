"""Files that can't be read or written are reported at the start, with exit code 78.

The processes have no capabilities, so file modes also apply to root.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from consumer import errors
from consumer.errors import EXIT_INTERRUPTED
from tests.cases import for_each
from tests.processes import environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.scripted_queue import Script
    from tests.processes import Consume

    Start = Callable[..., Consume]

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-prod"
DOCUMENTED = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}

pytestmark = pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root reads and writes everything"
)


def run(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `consume` as a user to whom file modes apply."""
    limited = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*limited, sys.executable, "-m", "consumer", *arguments],
        cwd=folder,
        env=environment(folder, environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(name="locked")
def _locked(tmp_path: Path) -> Path:
    """A folder without access, with a file in it; and a file that is not readable."""
    folder = tmp_path / "locked"
    folder.mkdir()
    for file in (folder / "file", tmp_path / "unreadable"):
        file.write_text("CANARY\n")
    (tmp_path / "unreadable").chmod(0)
    (tmp_path / "binary").write_bytes(b"queue: \xff\xfe")
    (tmp_path / "broken").write_text("queue: {\n")
    folder.chmod(0)
    return folder


@for_each("name", ["absent", "unreadable", "locked", "locked/file", "binary", "broken", ".", "a\0"])
@for_each("command", [("--config",), ("config", "check"), ("config", "show", "--config")])
def test_a_configuration_that_cannot_be_read(
    name: str, command: tuple[str, ...], tmp_path: Path, locked: Path
) -> None:
    """Absent, forbidden, a directory, not text, not YAML: one sentence, and 78."""
    del locked
    if "\0" in name:
        return  # not possible as an argument of a process
    done = run(tmp_path, *command, name)

    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith("consume: error: ")
    assert name in done.stderr


def test_a_key_file_in_a_folder_without_access(tmp_path: Path, locked: Path) -> None:
    """The daemon and the check name the key and the file."""
    key = {"CONSUMER_AWS__ACCESS_KEY_ID_FILE": str(locked / "file")}
    (tmp_path / "config.yaml").write_text(f"queue: {{url: '{URL}'}}\n")
    for command in (("--config",), ("config", "check")):
        done = run(tmp_path, *command, "config.yaml", **key)

        assert done.returncode == 78
        assert f"{locked}/file: can't be read: Permission denied" in done.stderr


@for_each(
    "variable, expected",
    [
        ("AWS_CONFIG_FILE", "no AWS credentials were found"),
        ("AWS_SHARED_CREDENTIALS_FILE", "no AWS credentials were found"),
        ("AWS_CONFIG_FILE", "the AWS profile that is configured does not exist"),
    ],
)
def test_a_file_of_the_aws_sdk_that_cannot_be_read(
    variable: str, expected: str, tmp_path: Path, locked: Path
) -> None:
    """The daemon names it; botocore ignores it silently."""
    environ = {
        "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", variable: str(locked / "file"),
        "CONSUMER_ENGINE__FATAL_GRACE_SECONDS": "0",
        **({"AWS_PROFILE": "x"} if "profile" in expected else {}),
    }  # fmt: skip
    done = run(tmp_path, "--queue-url", URL, **environ)

    assert done.returncode == 77
    assert expected in done.stderr
    assert f"'{locked}/file' can't be read: Permission denied" in done.stderr


@for_each(
    "case",
    [
        ("/proc/x", "", "state directory can't be written: /proc/x"),
        (
            "{folder}/locked",
            "",
            "state directory can't be written: {folder}/locked",
        ),
        (
            "{folder}/locked/x/y",
            "",
            "state directory can't be written: {folder}/locked/x/y",
        ),
        (
            "{folder}/unreadable",
            "",
            "state directory can't be written: {folder}/unreadable",
        ),
        (
            "{folder}/unreadable/x",
            "",
            "state directory can't be written: {folder}/unreadable/x",
        ),
        (
            "{folder}/state",
            "{folder}/locked/x",
            "quarantine can't be written: {folder}/locked/x",
        ),
        (
            "{folder}/other",
            "",
            "state directory can't be written: {folder}/other/ledger.sqlite3",
        ),
    ],
)
def test_a_directory_that_cannot_be_written(
    case: tuple[str, str, str], tmp_path: Path, locked: Path, script: Script
) -> None:
    """Reported at the start, not with the first event: path, user, owner and remedy."""
    del locked
    state, quarantine, expected = case
    (tmp_path / "other").mkdir(exist_ok=True)
    (tmp_path / "other" / "ledger.sqlite3").touch(mode=0o400)
    environ = {"CONSUMER_STATE_DIRECTORY": state.format(folder=tmp_path)}
    if quarantine:
        environ["CONSUMER_QUARANTINE__DIRECTORY"] = quarantine.format(folder=tmp_path)

    done = run(tmp_path, "--queue-url", script.queue_url, "--drain", **environ)

    assert done.returncode == 78
    assert expected.format(folder=tmp_path) in done.stderr
    assert "belongs to" in done.stderr
    assert re.search("set (state_directory|quarantine.directory) to", done.stderr)
    assert not script.asked


def test_only_the_owner_has_access_to_directories(
    consume: Start, script: Script, tmp_path: Path
) -> None:
    """Also to parents that are created, with any umask."""
    environ = {
        "CONSUMER_STATE_DIRECTORY": str(tmp_path / "new" / "state"),
        "CONSUMER_QUARANTINE__DIRECTORY": str(tmp_path / "poison" / "all"),
    }
    before = os.umask(0)
    try:
        assert consume("--queue-url", script.queue_url, "--drain", **environ).end() == 0
    finally:
        os.umask(before)

    made = ("new", "new/state", "poison", "poison/all")
    assert {0o700} == {(tmp_path / name).stat().st_mode & 0o777 for name in made}


@for_each(
    "arguments, code",
    [
        (("--nonsense",), 78),
        (("nonsense",), 78),
        (("--max-messages", "0"), 78),
        (("--queue-url",), 78),
        (("--handler", "ends"), 78),
        ((), 78),
        (("--version",), 0),
        (("--help",), 0),
        (("decode",), 2),
        (("decode", "absent"), 1),
        (("config",), 2),
        (("config", "check"), 2),
        (("events", "show", "absent"), 2),
        (("sample", "--nonsense"), 2),
        (("drift", "absent"), 1),
    ],
)
def test_every_exit_code_is_documented(
    arguments: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    """The daemon ends with those of its contract; only other commands end with 1 or 2."""
    (tmp_path / "ends.py").write_text("raise SystemExit(3)\n")
    if "ends" in arguments:
        arguments = ("--queue-url", URL, "--handler", "ends:registry")

    done = run(tmp_path, *arguments)

    assert done.returncode == code
    assert code in DOCUMENTED | {1, 2, EXIT_INTERRUPTED}

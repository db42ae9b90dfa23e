"""Credentials that are late, missing or broken are waited for and named; there is no prompt."""

from __future__ import annotations

import os
import pty
import signal
import socket
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.metadata_service import metadata_service
from tests.cases import for_each
from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.acceptance.metadata_service import MetadataService
    from tests.acceptance.scripted_queue import Script
    from tests.processes import Consume

    Start = Callable[..., Consume]

NO_KEY = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
#: Long enough for one more attempt.
SHORT = {"CONSUMER_ENGINE__FATAL_GRACE_SECONDS": "2"}
ROLE = "arn:aws:iam::123456789012:role/canvas"


@pytest.fixture(name="metadata")
def _metadata() -> Iterator[MetadataService]:
    with metadata_service() as service:
        yield service


def last_error(run: Consume) -> str:
    """Why it stopped; also checks that no secret is in the log."""
    assert "CANARY" not in run.stderr()
    assert "Traceback" not in run.stderr()
    return str(run.log("stopped")[-1]["error"])


def aws_config(folder: Path, text: str) -> dict[str, str]:
    """The AWS configuration file of a process, and a profile in it that is used."""
    (folder / "aws-config").write_text(f"[profile x]\n{text}\n")
    return {**NO_KEY, "AWS_CONFIG_FILE": str(folder / "aws-config"), "AWS_PROFILE": "x"}


def _runs(process: int) -> bool:
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())  # empty: it waits for its parent
    except FileNotFoundError:
        return False


@for_each("status", [503, 404, 500, None])
def test_a_metadata_service_that_is_not_ready_is_waited_for(
    status: int | None, script: Script, metadata: MetadataService, consume: Start
) -> None:
    """It fails, has no role yet, or does not answer (None): each attempt is logged until it works.

    botocore only reports that it found no credentials, and caches that.
    """
    metadata.status = status or 200
    if status is None:
        metadata.answering.clear()
    run = consume("--queue-url", script.queue_url, "--drain", **metadata.environ)
    eventually(lambda: len(run.log("credentials_not_ready")) >= 2, "two attempts have failed")

    metadata.status = 200
    metadata.answering.set()

    assert run.end() == 0
    assert "the metadata service" in run.log("credentials_not_ready")[0]["reason"]
    assert run.log("ready")


def test_a_metadata_service_that_fails_may_recover(
    script: Script, metadata: MetadataService, consume: Start
) -> None:
    """Exit code 75, so that systemd restarts it; the same if a role is assumed with it."""
    metadata.status = 503
    for extra in ({}, {"CONSUMER_AWS__ROLE_ARN": ROLE}):
        run = consume("--queue-url", script.queue_url, **metadata.environ, **SHORT, **extra)

        assert run.end() == 75
        assert "gave none (HTTP status 503)" in last_error(run)


def test_the_metadata_service_is_asked_without_a_proxy(
    script: Script, metadata: MetadataService, consume: Start
) -> None:
    """It is an address of the machine itself, which a proxy can't reach."""
    proxy = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    run = consume("--queue-url", script.queue_url, **metadata.environ, **SHORT, **proxy)

    assert run.end() == 75  # the call to the queue goes through it
    assert "the proxy 127.0.0.1:9" in last_error(run)
    assert len(metadata.asked) >= 3


def test_no_source_of_credentials(script: Script, consume: Start) -> None:
    """Exit code 77 after the grace period: no service could still provide them."""
    run = consume("--queue-url", script.queue_url, **NO_KEY, **SHORT)

    assert run.end() == 77
    assert len(run.log("credentials_not_ready")) == 1
    assert "no AWS credentials were found" in last_error(run)


def test_credentials_that_appear_later_are_found(
    script: Script, consume: Start, tmp_path: Path
) -> None:
    """Files of the AWS SDK are read again at each attempt, although botocore caches them."""
    run = consume("--queue-url", script.queue_url, "--drain", **NO_KEY)
    run.until("credentials_not_ready")

    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = AKIALATE\naws_secret_access_key = CANARY\n"
    )

    assert run.end() == 0


def test_a_containers_endpoint_is_waited_for(
    script: Script, metadata: MetadataService, consume: Start
) -> None:
    """That of ECS and EKS; the endpoint and its answer are named."""
    metadata.status = 503
    environ = {**NO_KEY, "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{metadata.url}/credentials"}
    run = consume("--queue-url", script.queue_url, "--drain", **environ)
    first = run.until("credentials_not_ready")["reason"]
    lasting = consume("--queue-url", script.queue_url, **environ, **SHORT)
    assert lasting.end() == 75
    assert last_error(lasting) == first

    metadata.status = 200

    assert run.end() == 0
    host = metadata.url.removeprefix("http://")
    assert f"the container's credential endpoint {host} gave no credentials (HTTP status 503)" in (
        first
    )


def test_credentials_that_expire_are_an_outage(
    script: Script, metadata: MetadataService, consume: Start
) -> None:
    """A refresh that fails is tried again, for as long as it takes."""
    metadata.good_for = timedelta(seconds=3)
    environ = {**NO_KEY, "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{metadata.url}/credentials"}
    run = consume("--queue-url", script.queue_url, **environ, **SHORT)
    run.until("ready")
    metadata.status = 503
    eventually(lambda: len(run.log("receive_failed")) >= 2, "receives fail")

    metadata.good_for, metadata.status = timedelta(hours=6), 200
    run.until("receive_recovered")
    run.signal(signal.SIGTERM)

    assert run.end() == 0
    assert "the container's credential endpoint" in run.log("receive_failed")[-1]["reason"]


@for_each(
    "case",
    [
        (
            "credential_process = /no/such/program --password CANARY",
            77,
            "credential_process of profile x: '/no/such/program' can't be run: No such file",
        ),
        (
            "credential_process = /etc/passwd",
            77,
            "credential_process of profile x: '/etc/passwd' can't be run: Permission denied",
        ),
        (
            "credential_process = sh -c 'echo CANARY >&2; exit 3'",
            75,
            "credential_process of profile x failed with exit code 3: run it by hand",
        ),
        ("credential_process = echo CANARY", 75, "credential_process of profile x gave no cred"),
        ("credential_process = 'unbalanced", 77, "credential_process of profile x: it can't be"),
        (
            f"web_identity_token_file = /no/such/token\nrole_arn = {ROLE}",
            77,
            "of profile x: the file '/no/such/token' can't be read: No such file",
        ),
        (
            f"web_identity_token_file = /proc/self/environ\nrole_arn = {ROLE}",
            75,
            "the web identity",
        ),
        (
            f"source_profile = y\nrole_arn = {ROLE}\n[profile y]\ncredential_process = /no/such",
            77,
            "credential_process of profile y: '/no/such' can't be run",
        ),
        (f"source_profile = absent\nrole_arn = {ROLE}", 77, "the role of profile x: the AWS conf"),
    ],
)
def test_a_profile_without_credentials_is_named(
    case: tuple[str, int, str], script: Script, consume: Start, tmp_path: Path
) -> None:
    """With its source and file; the exit code says whether a person must act."""
    config, code, expected = case
    environ = aws_config(tmp_path, config)
    sts = {"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9", "AWS_REGION": "us-east-1"}
    sts["AWS_MAX_ATTEMPTS"] = "1"  # botocore's own attempts may take longer than all of ours
    run = consume("--queue-url", script.queue_url, **environ, **sts, **SHORT)

    assert run.end() == code
    assert expected in last_error(run)
    assert run.log("credentials_not_ready")


@for_each("tty", [False, True])
def test_there_is_no_prompt_for_an_mfa_code(
    tty: bool, script: Script, consume: Start, tmp_path: Path
) -> None:
    """It ends at once with a sentence, also on a terminal."""
    text = f"source_profile = y\nrole_arn = {ROLE}\nmfa_serial = arn:aws:iam::1:mfa/CANARY\n"
    text += "[profile y]\naws_access_key_id = AKIA\naws_secret_access_key = CANARY"
    master, slave = pty.openpty()
    run = consume("--queue-url", script.queue_url, **aws_config(tmp_path, text))

    assert run.end() == 77
    assert "needs a code of an MFA device" in last_error(run)
    assert run.log("credentials_not_ready") == []
    os.close(master if tty else slave)


def test_a_program_that_hangs_is_logged_and_stops_nothing(
    script: Script, consume: Start, tmp_path: Path
) -> None:
    """After some seconds a line names it; a stop ends both at once."""
    pid = tmp_path / "pid"
    config = f"credential_process = sh -c 'echo $$ > {pid}; read answer; sleep 600'"
    run = consume("--queue-url", script.queue_url, **aws_config(tmp_path, config))
    slow = run.until("credentials_slow")

    run.signal(signal.SIGTERM)

    assert run.end(seconds=30) == 0
    assert slow["reason"] == "still looking for AWS credentials (credential_process of profile x)"
    assert slow["seconds"] <= 5
    last = run.log()[-1]
    assert ("stopped", "signal", 0) == (last["event"], last["reason"], last["exit_code"])
    eventually(lambda: not _runs(int(pid.read_text())), "the program has ended")


def test_an_unreachable_sts_is_a_transient_failure(script: Script, consume: Start) -> None:
    """Exit code 75, so that systemd restarts it."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        sts = {"AWS_ENDPOINT_URL_STS": f"http://127.0.0.1:{unused.getsockname()[1]}"}
        role = {"CONSUMER_AWS__ROLE_ARN": ROLE, "AWS_REGION": "us-east-1"}
        run = consume("--queue-url", script.queue_url, **sts, **role, **SHORT)

        assert run.end() == 75
    assert "the role of aws.role_arn: 127.0.0.1" in last_error(run)
    assert "the connection was refused" in last_error(run)

"""A start that fails says why in a sentence, and with its exit code."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.scripted_queue import failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.scripted_queue import Script
    from tests.moto_queues import Moto
    from tests.processes import Consume

    Start = Callable[..., Consume]

AWS = "https://sqs.us-east-1.amazonaws.com/123456789012"
URL = f"{AWS}/canvas-live-events-prod"
NO_KEY = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("engine: {workers: many}", ("config.yaml:1: engine.workers", "many", "whole number")),
        ("\nqueue:\n  connect_timeout_seconds: 61", ("config.yaml:3:", "connect_timeout_s", "60")),
        ("aws: {access_key_id: CANARY-KEY}", ("config.yaml:1: aws.access_key_id", "missing")),
    ],
)
def test_a_mistake_in_the_configuration_is_reported_with_file_key_and_value(
    consume: Start, tmp_path: Path, content: str, expected: tuple[str, ...]
) -> None:
    """And with the allowed values; without a traceback or a secret. Exit code 78."""
    (tmp_path / "config.yaml").write_text(content + "\n")

    run = consume("--config", "config.yaml", "--queue-url", URL)

    assert run.end() == 78
    error = run.stderr()
    for part in expected:
        assert part in error
    assert error.startswith("consume: error: ")
    assert "Traceback" not in error
    assert "CANARY" not in error
    assert run.stdout() == ""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "no queue is given; set queue.url"),
        (("--queue-url", "canvas-live-events-prod"), "must be a valid URL"),
        (("--queue-url", f"{URL}.fifo"), "FIFO"),
        (("--queue-url", f"{AWS}/grades"), "canvas-live-events"),
        (("--queue-url", URL, "--region", "eu-west-1"), "us-east-1"),
        (("--queue-url", URL, "--handler", "no_such_module:registry"), "no_such_module"),
    ],
)
def test_a_start_that_can_never_work_is_refused(
    consume: Start, arguments: tuple[str, ...], expected: str
) -> None:
    """Before any call to AWS: exit code 78, and a sentence that says why."""
    run = consume(*arguments)

    assert run.end() == 78
    assert expected in run.stderr()
    assert "Traceback" not in run.stderr()


def test_a_wrong_option_is_a_usage_error(consume: Start) -> None:
    """From click, with the exit code of the configuration."""
    run = consume("--queue", URL)

    assert run.end() == 78
    assert "No such option" in run.stderr()


@pytest.mark.parametrize("option", ["--queue-url", "--queue-name"])
def test_a_queue_that_does_not_exist(moto: Moto, consume: Start, option: str) -> None:
    """Exit code 69, at once; and it is not created."""
    name = "canvas-live-events-absent"
    queue = name if option == "--queue-name" else f"{moto.endpoint}/123456789012/{name}"
    run = consume(option, queue, "--endpoint-url", moto.endpoint, "--region", "us-east-1")

    assert run.end() == 69
    last = run.log()[-1]
    assert ("stopped", 69) == (last["event"], last["exit_code"])
    assert name in last["error"]
    again = consume(option, queue, "--endpoint-url", moto.endpoint, "--region", "us-east-1")
    assert again.end() == 69


def test_no_credentials(consume: Start) -> None:
    """Exit code 77, and what to do, without a request: it can't be signed."""
    run = consume("--queue-url", URL, **NO_KEY)

    assert run.end() == 77
    assert "credentials" in run.log("stopped")[0]["error"]
    assert "Traceback" not in run.stderr()


def test_a_profile_that_does_not_exist(consume: Start) -> None:
    """Exit code 77, with the profile's name."""
    run = consume("--queue-url", URL, "--profile", "absent")

    assert run.end() == 77
    assert "profile" in run.log("stopped")[0]["error"]


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("InvalidClientTokenId", 77),
        ("AccessDeniedException", 0),
        ("QueueDoesNotExist", 69),
        ("ServiceUnavailable", 75),
    ],
)
def test_the_first_answer_of_the_queue_decides(
    script: Script, consume: Start, code: str, exit_code: int
) -> None:
    """Each refusal has its exit code; only the permission to read attributes is not needed.

    The texts of AWS name users and keys, so they are not shown.
    """
    script.answers["GetQueueAttributes"] = failure(code)
    run = consume(
        "--queue-url", script.queue_url, "--drain", CONSUMER_ENGINE__FATAL_GRACE_SECONDS="0"
    )

    assert run.end() == exit_code
    assert run.log("stopped")[0]["exit_code"] == exit_code
    assert "CANARY" not in run.stderr()


def test_a_refused_receive_ends_it(script: Script, consume: Start) -> None:
    """Allowed to look, but not to receive: exit code 77, and which permission is missing."""
    script.answers["ReceiveMessage"] = failure("AccessDeniedException")
    run = consume("--queue-url", script.queue_url)

    assert run.end() == 77
    assert "sqs:ReceiveMessage" in run.log("stopped")[0]["error"]
    assert run.log("ready") == []


def test_a_queue_that_cannot_be_reached_is_tried_again(consume: Start) -> None:
    """For `engine.fatal_grace_seconds`, with growing pauses; then exit code 75, for a restart."""
    with socket.socket() as unused:  # bound, but not listening: the connection is refused
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/123456789012/canvas-live-events-x"
        run = consume("--queue-url", url, CONSUMER_ENGINE__FATAL_GRACE_SECONDS="2")

        assert run.end() == 75
    attempts = run.log("queue_check_failed")
    assert [1] == [attempt["next_attempt_seconds"] for attempt in attempts]
    assert run.log("stopped")[0]["exit_code"] == 75
    assert "Traceback" not in run.stderr()


def test_a_network_that_comes_up_late_is_waited_for(script: Script, consume: Start) -> None:
    """A failed first call does not fail the start."""
    script.answers["GetQueueAttributes"] = failure("ServiceUnavailable", status=503)
    run = consume("--queue-url", script.queue_url, "--drain")
    run.until("queue_check_failed")

    del script.answers["GetQueueAttributes"]

    assert run.end() == 0
    assert run.log("ready")


def test_credentials_from_files(script: Script, consume: Start, tmp_path: Path) -> None:
    """Key and secret each in a file, as with systemd. Without the secret: 78."""
    (tmp_path / "key").write_text("AKIAIOSFODNN7EXAMPLE\n")
    (tmp_path / "secret").write_text("wJalrXUtnFEMI/K7MDENG\n")
    files = {"CONSUMER_AWS__ACCESS_KEY_ID_FILE": str(tmp_path / "key")}
    half = consume("--queue-url", script.queue_url, "--drain", **NO_KEY, **files)
    files["CONSUMER_AWS__SECRET_ACCESS_KEY_FILE"] = str(tmp_path / "secret")
    whole = consume(
        "--queue-url", script.queue_url, "--drain", "--region", "us-east-1", **NO_KEY, **files
    )

    assert half.end() == 78
    assert "aws.secret_access_key is missing" in half.stderr()
    assert whole.end() == 0

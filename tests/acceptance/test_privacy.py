"""No personal data and no secret gets into the log, at any level."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from consumer.events.samples import sample_message
from consumer.testing import canvas_body
from tests.acceptance.conftest import archived
from tests.acceptance.scripted_queue import failure
from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from consumer.messages import Format
    from tests.acceptance.scripted_queue import Script
    from tests.moto_queues import Moto
    from tests.processes import Consume

    Start = Callable[..., Consume]

KEY = "AKIACANARYCANARY0001"
SECRET = "canary+secret/wJalrXUtnFEMI0001"
TOKEN = "canary-session-token-0001"
BROKEN_HANDLER = """
def broken(event):
    raise ValueError(f"CANARY-{event.body}")
"""


def test_both_formats_are_handled_and_undecodable_messages_become_dead_letters(
    moto: Moto, consume: Start, tmp_path: Path
) -> None:
    """Canvas and Caliper from one queue; the daemon never deletes an undecodable body.

    Every line of the log is JSON, even at debug, and contains nothing of the messages.
    """
    queue, dead = moto.with_dead_letters(max_receive_count=1)
    forms: tuple[Format, ...] = ("canvas", "caliper")
    for form in forms:
        queue.send([sample_message("grade_change", form).body], event_name="grade_change")
    url = "https://canvas.example.edu/files/1?access_token=CANARY-TOKEN&verifier=CANARY-VERIFIER"
    queue.send([canvas_body("logged_in", body={"redirect_url": url}, user_login="CANARY-LOGIN")])
    queue.send(["CANARY-UNDECODABLE"])
    (tmp_path / "my_handlers.py").write_text(BROKEN_HANDLER)
    (tmp_path / "config.yaml").write_text(
        f"handlers:\n- {{name: archive, archive: {{directory: {tmp_path / 'archive'}}}}}\n"
        "- {name: log, log: {}}\n"
        "- {name: broken, events: [logged_in], python: {target: 'my_handlers:broken'}}\n"
    )

    run = consume(
        "-c", "config.yaml", "--queue-url", queue.url, "--drain", "--log-level", "debug",
        "--log-format", "json", CONSUMER_QUEUE__WAIT_TIME_SECONDS="2",
        CONSUMER_ENGINE__RETRY_MAX_SECONDS="1", CONSUMER_ENGINE__RETRY_BASE_SECONDS="1",
    )  # fmt: skip

    assert run.end() == 0
    assert run.log("drained")[0]["put_off"] == 2
    # SQS moves them when they would be delivered again.
    eventually(lambda: not queue.take_all() and dead.counts() == (2, 0), "both are dead letters")
    assert "CANARY-UNDECODABLE" in dead.take_all()
    assert len(run.log("undecodable")) == len(run.log("handler_failed")) == 1
    formats = sorted(line["format"] for line in run.log("event"))
    assert ["caliper", "canvas", "canvas"] == formats
    said = run.stderr()
    addresses = ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:")
    for private in ("CANARY", "@example.edu", *addresses, "Mozilla", "ReceiptHandle"):
        assert private not in said
    lines = archived(tmp_path / "archive")
    assert sorted(["grade_change", "grade_change", "logged_in"]) == sorted(
        line["event_name"] for line in lines
    )
    kept = json.dumps(lines)
    assert "CANARY-LOGIN" in kept  # the archive is the payload...
    assert "CANARY-TOKEN" not in kept  # ... but for the secrets in URLs
    assert "CANARY-VERIFIER" not in kept


@pytest.mark.parametrize(
    ("source", "refused"),
    [("environment", False), ("file", False), ("configuration", False), ("file", True)],
)
def test_credentials_are_never_shown(
    script: Script, consume: Start, tmp_path: Path, source: str, refused: bool
) -> None:
    """No key, secret or token is in the output, at debug and when they are refused."""
    if refused:
        script.answers["GetQueueAttributes"] = failure("InvalidClientTokenId", status=403)
    named = {"access_key_id": KEY, "secret_access_key": SECRET, "session_token": TOKEN}
    environ = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    options: tuple[str, ...] = ()
    for name, value in named.items():
        if source == "environment":
            environ[f"CONSUMER_AWS__{name.upper()}"] = value
        elif source == "file":
            (tmp_path / name).write_text(value)
            environ[f"CONSUMER_AWS__{name.upper()}_FILE"] = str(tmp_path / name)
    if source == "configuration":
        (tmp_path / "config.yaml").write_text(json.dumps({"aws": named}))
        options = ("-c", "config.yaml")

    run = consume(
        *options, "--queue-url", script.queue_url, "--region", "us-east-1", "--drain",
        "--log-level", "debug", **environ,
    )  # fmt: skip

    assert run.end() == (77 if refused else 0)
    assert run.log("stopped")
    for secret in (KEY, SECRET, TOKEN):
        assert secret not in run.stdout() + run.stderr()
        assert secret[-12:] not in run.stderr()

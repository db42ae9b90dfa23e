"""No personal data and no secret gets into the log, at any level."""

from __future__ import annotations

import http.client
import json
import re
import signal
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from consumer.events.samples import sample_message
from consumer.testing import canvas_body
from tests.acceptance.conftest import archived
from tests.acceptance.scripted_queue import failure
from tests.acceptance.test_monitored import free_port
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


def get(port: int, path: str) -> str:
    """An answer with its headers, whatever its status."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as client:
        client.request("GET", path)
        answer = client.getresponse()
        return f"{answer.headers}{answer.read().decode()}"


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


def test_what_operators_are_shown_has_no_secret_and_nothing_of_people(
    moto: Moto, consume: Start, tmp_path: Path
) -> None:
    """Status page, metrics, every command that looks on, at debug; only --body shows payloads.

    Files are private to the owner, but for the metrics, which node_exporter reads.
    """
    queue, dead = moto.with_dead_letters(max_receive_count=5)
    url = "https://canvas.example.edu/files/1?access_token=CANARY-TOKEN&verifier=CANARY-VERIFIER"
    person = {"redirect_url": url, "name": "CANARY-NAME", "email": "canary@example.edu"}
    private = canvas_body(
        "logged_in", body=person, user_login="CANARY-LOGIN", client_ip="192.0.2.9"
    )
    dead.send([private, "CANARY-UNDECODABLE"])
    (tmp_path / "my_handlers.py").write_text(BROKEN_HANDLER)
    (tmp_path / "config.yaml").write_text(
        "handlers:\n- {name: log, log: {}}\n"
        "- {name: broken, events: [logged_in], python: {target: 'my_handlers:broken'}}\n"
        f"quarantine: {{directory: {tmp_path / 'quarantine'}}}\n"
    )
    port, ping = free_port(), tmp_path / "ping_url"
    ping.write_text(f"http://127.0.0.1:{port}/CANARY-PING\n")
    environ = {
        "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN,
        "CONSUMER_QUEUE__URL": queue.url, "CONSUMER_PING__URL_FILE": str(ping),
        "CONSUMER_METRICS__LISTEN": f"127.0.0.1:{port}",
        "CONSUMER_METRICS__TEXTFILE": str(tmp_path / "metrics.prom"),
        "CONSUMER_LOGGING__LEVEL": "debug",
    }  # fmt: skip

    def ask(*arguments: str) -> str:
        command = consume(arguments[0], *arguments[1:], **environ)
        assert command.end() in (0, 1), command.stderr()
        return command.stdout() + command.stderr()

    run = consume("-c", "config.yaml", **environ)
    run.until("ready")
    tap = consume("tap", "--json", **environ)
    tap_one = consume("tap", "--body", "--json", "--events", "logged_in", "--count", "1", **environ)
    eventually(lambda: all("connected" in t.stderr() for t in (tap, tap_one)), "both look on")
    queue.send([private, "CANARY-UNDECODABLE", sample_message("grade_change", "caliper").body])
    eventually(lambda: run.log("handler_failed") and run.log("quarantined"), "both have failed")
    run.until("ping_failed")
    shown = [get(port, path) for path in ("/", "/status", "/metrics", "/healthz", "/readyz", "/x")]
    shown += [ask("status"), ask("status", "--json"), ask("pause"), ask("resume")]
    config = ("-c", "config.yaml")
    for command in (
        ("check",), ("check", "--json"), ("peek", "--dlq"), ("peek", "--dlq", "--json"),
        ("dlq", "list"), ("dlq", "list", "--json"), ("queue", "iam"),
    ):  # fmt: skip
        shown.append(ask(*command, *config))
    shown.append(ask("replay", str(tmp_path / "quarantine"), *config, "--log-level", "debug",
                     "--position", "position.json", "--failures", "failures.jsonl"))  # fmt: skip
    ask("dlq", "export", "export.jsonl", *config)
    assert tap_one.end() == 0
    bodies = [tap_one.stdout(), ask("peek", "--dlq", "--body", *config)]
    run.signal(signal.SIGTERM)
    assert run.end() == tap.end() == 0
    shown += [run.stderr(), tap.stdout(), (tmp_path / "metrics.prom").read_text()]

    receipt_handle = re.compile(r"[a-z]{100}")
    secrets = ("CANARY-TOKEN", "CANARY-VERIFIER", "CANARY-PING", KEY, SECRET, TOKEN)
    for text in (*shown, *bodies):
        assert text
        assert not receipt_handle.search(text)
        for secret in secrets:
            assert secret not in text
    for text in shown:
        for canary in ("CANARY", "canary@", "192.0.2.", "Mozilla", "@example.edu"):
            assert canary not in text
    assert all("CANARY-NAME" in text for text in bodies)
    ours = [tmp_path / name for name in ("state", "quarantine", "position.json", "failures.jsonl")]
    for path in (*ours, *ours[0].rglob("*"), *ours[1].rglob("*"), tmp_path / "export.jsonl"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert (tmp_path / "metrics.prom").stat().st_mode & 0o777 == 0o644

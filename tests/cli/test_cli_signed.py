"""Signed events in files: verified with --jwks, as the daemon does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner, Result

from consumer.cli.main import main
from consumer.clock import SystemClock
from consumer.queues.quarantine import DirectoryQuarantine
from consumer.testing import canvas_body, make_message
from tests.signatures.signing import jwk, jwks, private_key, signed

if TYPE_CHECKING:
    from pathlib import Path

EVENT = canvas_body("grade_change").encode()


def decode(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["decode", *map(str, words)])


def test_signed_events_are_decoded_with_the_keys(tmp_path: Path) -> None:
    """Also those in the quarantine; a forged one, and one with an unknown key, are faults."""
    keys, file = tmp_path / "keys.json", tmp_path / "signed.jwt"
    keys.write_bytes(jwks(jwk("k1")))
    file.write_text(signed(EVENT) + "\n")
    quarantine = DirectoryQuarantine(tmp_path / "quarantine", clock=SystemClock())
    quarantine.put(make_message(signed(EVENT, "k9")), "unknown key")
    quarantine.put(make_message(signed(EVENT, key=private_key(3)), message_id="m2"), "forged")
    kept = sorted((tmp_path / "quarantine").rglob("*.json"))

    shown = decode("--json", "--jwks", keys, file)
    refused = decode("--jwks", keys, *kept)

    assert 0 == shown.exit_code, shown.stderr
    assert "grade_change" == json.loads(shown.stdout)["event_name"]
    assert 1 == refused.exit_code
    assert "its signing key is not known" in refused.stderr
    assert "whose signature is wrong" in refused.stderr


def test_without_keys_the_reason_names_the_setting(tmp_path: Path) -> None:
    """It says what it is."""
    (tmp_path / "signed.jwt").write_text(signed(EVENT))

    shown = decode(tmp_path / "signed.jwt")

    assert 1 == shown.exit_code
    assert "a signed event (JWT)" in shown.stderr
    assert "queue.signed: {mode: accepted}" in shown.stderr


def test_keys_that_can_not_be_read_are_wrong_usage(tmp_path: Path) -> None:
    """With the reason."""
    (tmp_path / "keys.json").write_text("{}")

    for place, reason in (
        (tmp_path / "none", "No such file"),
        (tmp_path / "keys.json", "not a JWKS"),
        ("http://127.0.0.1:1/jwks", "Connection refused"),
        ("http://keys.example.edu/jwks", "must begin with https://"),
    ):
        shown = decode("--jwks", place, tmp_path / "keys.json")
        assert 2 == shown.exit_code
        assert reason in shown.stderr


def test_a_replay_verifies_as_configured_and_logs_to_standard_error(tmp_path: Path) -> None:
    """An address without an answer is a warning there; standard output has one JSON document."""
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps({"MessageId": "m1", "Body": signed(EVENT)}))
    config, keys = tmp_path / "config.yaml", tmp_path / "keys.json"
    keys.write_bytes(jwks(jwk("k1")))
    words = ("replay", str(kept), "-c", str(config), "--handler", "log", "--dry-run", "--json")

    for place, count in ((f"jwks_file: {keys}", 1), ("jwks_url: 'http://127.0.0.1:1/jwks'", 0)):
        config.write_text(f"queue: {{signed: {{mode: required, {place}}}}}\n")
        shown = CliRunner().invoke(main, words)
        routes = json.loads(shown.stdout)
        assert ({"log": {"grade_change": 1}} if count else {}) == routes["handlers"]
        assert (1 - count) == routes["not_events"] == shown.exit_code
        assert bool(count) != ("signing_keys_failed" in shown.stderr)

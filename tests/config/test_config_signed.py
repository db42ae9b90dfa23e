"""`queue.signed`, a section in a section: read, checked and shown like all others."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from consumer.cli.main import main
from tests.cases import for_each

if TYPE_CHECKING:
    import pytest

    from tests.config.conftest import FaultsOf, LoadText

URL = "https://keys.example.edu/jwks"
QUEUE = "queue:\n  name: canvas-live-events\naws: {region: eu-west-1}\n"


@for_each(
    "text, mode",
    [
        ("queue: {signed: {mode: off}}", "off"),  # which YAML reads as false
        ("queue: {signed: {mode: 'off'}}", "off"),
        ("queue: {signed: {mode: Required}}", "required"),
        ("queue:\n  signed:\n    mode: accepted", "accepted"),
        ("queue:\n  signed:\n", "off"),
        ("queue: {signed: {}}", "off"),
        ("queue:\n", "off"),
    ],
)
def test_the_section_is_read(load_text: LoadText, text: str, mode: str) -> None:
    """All its lines may be commented out."""
    assert mode == load_text(text).settings.queue.signed.mode


def test_each_layer_wins_over_the_one_below(load_text: LoadText, tmp_path: Path) -> None:
    """Key by key; a file of keys and an address for them replace each other."""
    text = f"queue:\n  signed:\n    mode: accepted\n    jwks_url: {URL}\n"
    environ = {
        "CONSUMER_QUEUE__SIGNED__JWKS_FILE": "/keys.json",
        "CONSUMER_QUEUE__SIGNED__MODE": "required",
    }

    below = load_text(text)
    above = load_text(text, environ)

    assert URL == below.settings.queue.signed.jwks_url
    assert f"{tmp_path / 'config.yaml'}:4" == below.origins["queue.signed.jwks_url"]
    signed = above.settings.queue.signed
    assert ("required", None, Path("/keys.json")) == (
        signed.mode,
        signed.jwks_url,
        signed.jwks_file,
    )
    assert "environment CONSUMER_QUEUE__SIGNED__MODE" == above.origins["queue.signed.mode"]
    assert "default" == above.origins["queue.signed.jwks_url"]


@for_each(
    "text, fault",
    [
        ("queue: {signed: required}", 'signed: "required": must be a mapping'),
        ("queue: {signed: true}", "signed: true: must be a mapping"),
        (
            "queue: {signed: {mode: maybe}}",
            'signed.mode: "maybe": must be one of off, accepted, re',
        ),
        ("queue: {signed: {mode: true}}", "signed.mode: true: must be one of off, accepted, re"),
        ("queue: {signed: {modus: off}}", "signed.modus: unknown key; did you mean mode?"),
        ("queue: {signed: {jwks: x}}", "signed.jwks: unknown key; did you mean jwks_"),
        ("queue: {signed: {'mode:off'}}", "signed.mode: put a space after the colon"),
        ("queue: {signd: {mode: off}}", "signd: unknown key; did you mean signed?"),
        ("queue: {mode: required}", "mode: unknown key; did you mean queue.signed.mode?"),
        ("queue: {signed: {jwks_url: null, mode: null}}", "signed.mode: null: must be one of"),
        ("queue: {signed: {jwks_url: nonsense}}", 'signed.jwks_url: "nonsense": must be a valid'),
        ("queue: {signed: {jwks_url: 'https://u:p@h/'}}", "signed.jwks_url: (not shown): must be"),
        ("queue: {signed: {jwks_url: 'http://h/'}}", 'signed.jwks_url: "http://h/": must begin'),
        ("queue: {signed: {jwks_url: 'https://h/${X}'}}", "signed.jwks_url: "),
        ("queue: {signed: {jwks_file: ~/x}}", 'signed.jwks_file: "~/x": must be a whole path'),
        (
            f"queue: {{signed: {{jwks_url: '{URL}', jwks_file: /x}}}}",
            "signed.jwks_file: queue.signed.jwks_url is given, too",
        ),
        ("queue: {signed: {mode: required}, unwrap: [sns]}", "unwrap: must be empty with queue.si"),
    ],
)
def test_errors_have_their_place(faults_of: FaultsOf, text: str, fault: str) -> None:
    """As those of any key."""
    (line,) = faults_of(text)

    assert line.startswith(f"FILE:1: queue.{fault}")


def test_an_unknown_variable_has_a_hint(faults_of: FaultsOf) -> None:
    """The section in the section is part of its name."""
    (line,) = faults_of("", {"CONSUMER_QUEUE__SIGNED__MOD": "off"})

    assert "did you mean CONSUMER_QUEUE__SIGNED__MODE?" in line


def test_keys_on_this_machine_need_no_tls(load_text: LoadText) -> None:
    """As for tests."""
    text = "queue: {signed: {jwks_url: 'http://127.0.0.1:8000/jwks'}}"

    assert load_text(text).settings.queue.signed.jwks_url == "http://127.0.0.1:8000/jwks"


def test_what_is_shown_can_be_used_again(load_text: LoadText, tmp_path: Path) -> None:
    """`config show` writes the section as the file has it."""
    file = tmp_path / "shown.yaml"
    file.write_text(
        f"{QUEUE}  \nunmatched: delete\n".replace("\naws", "\n  signed: {mode: required}\naws")
    )
    shown = CliRunner().invoke(main, ["config", "show", "--config", str(file)])

    again = load_text(shown.stdout)

    assert f'  signed:\n    mode: "required"  # {file}:3\n' in shown.stdout
    assert "required" == again.settings.queue.signed.mode


def test_the_check_shows_where_keys_are_and_finds_a_missing_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the daemon is started."""
    file = tmp_path / "config.yaml"
    file.write_text(QUEUE.replace("\naws", "\n  signed: {mode: required}\naws"))

    good = CliRunner().invoke(main, ["config", "check", str(file)])
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.rsa", None)
    bad = CliRunner().invoke(main, ["config", "check", str(file)])

    assert 0 == good.exit_code, good.stderr
    assert "required; the keys are those in https://8axpcl50e4.execute-api" in good.stdout
    assert 78 == bad.exit_code
    assert f"{file}:3: queue.signed.mode: " in bad.stderr
    assert "pip install 'canvas-live-events-consumer[signed]'" in bad.stderr


def test_the_schema_has_the_section() -> None:
    """With each key in it."""
    schema = json.loads(CliRunner().invoke(main, ["config", "schema"]).stdout)

    signed = schema["properties"]["queue"]["properties"]["signed"]
    assert {"mode", "jwks_url", "jwks_file"} == signed["properties"].keys()
    assert ["null", "object"] == signed["type"]
    assert not signed["additionalProperties"]

"""The effective configuration: every value with its origin, secrets masked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from consumer.config import Effective, HandlerSettings, Settings, effective
from consumer.config.loading import MASK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.config.conftest import LoadText

TEXT = """\
queue: {url: "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events"}
aws: {access_key_id: sesame, secret_access_key: sesame}
handlers:
  - name: a
    retry: {base_seconds: 1}
    kafka:
      servers: [one, two]
      sasl: {user: x, password: sesame, retries: 3}
      url: https://user:sesame@example.com/x
      api_token: 12
"""


def test_every_setting_is_there(load_text: LoadText) -> None:
    """No key of any section is left out."""
    tree = effective(load_text(TEXT))

    assert set(tree) == set(Settings.model_fields)
    assert set(tree["queue"]) == set(type(Settings().queue).model_fields)
    assert set(tree["handlers"][0]) == set(HandlerSettings.model_fields) - {
        "type", "options",
    } | {"kafka"}  # fmt: skip


def test_values_have_their_origins(load_text: LoadText, tmp_path: Path) -> None:
    """Next to each value is where it came from."""
    file = tmp_path / "config.yaml"
    tree = effective(load_text(TEXT, {"CONSUMER_ENGINE__WORKERS": "3"}))

    assert tree["engine"]["workers"] == Effective(3, "environment CONSUMER_ENGINE__WORKERS")
    assert tree["engine"]["max_pollers"] == Effective(12, "default")
    assert tree["aws"]["region"] == Effective("us-east-1", "queue.url")
    assert tree["handlers"][0]["retry"]["base_seconds"] == Effective(1.0, f"{file}:5")
    assert tree["handlers"][0]["retry"]["max_seconds"] == Effective(900, "default")
    assert tree["handlers"][0]["kafka"]["servers"] == Effective(["one", "two"], f"{file}:7")


def test_variables_of_a_program_are_masked(load_text: LoadText) -> None:
    """Whatever their names: null, which is the daemon's own value, is no secret."""
    url = "https://sqs.us-east-1.amazonaws.com/1/canvas-live-events"
    program = "{run: [cat, -u], mode: batch, environment: {DSN: sesame, PORT: 80, OURS: null}}"
    text = f"queue: {{url: {url}}}\nhandlers: [{{name: c, command: {program}}}]\n"

    command = effective(load_text(text))["handlers"][0]["command"]

    assert command["environment"].value == {"DSN": MASK, "PORT": MASK, "OURS": None}
    assert command["run"].value == ["cat", "-u"]


def test_secrets_are_masked(load_text: LoadText) -> None:
    """Ours, and options of handlers that are named or look like one."""
    tree = effective(load_text(TEXT))

    kafka = tree["handlers"][0]["kafka"]
    assert tree["aws"]["secret_access_key"].value == MASK
    assert tree["aws"]["session_token"].value is None
    assert kafka["sasl"].value == {"user": "x", "password": MASK, "retries": 3}
    assert kafka["url"].value == MASK
    assert kafka["api_token"].value == MASK
    assert "sesame" not in json.dumps(tree, default=repr)


def test_secrets_of_webhooks_are_masked(load_text: LoadText) -> None:
    """The URL as a whole, the token, and headers that are named like a secret."""
    tree = effective(
        load_text("""\
handlers:
  - name: chat
    http:
      url: https://hooks.slack.com/services/T0/B0/sesame
      token: sesame
      token_type: Bearer
      signing_secret: whsec_sesame
      second_signing_secret: whsec_sesame
      headers: {X-Api-Key: sesame, Authorization: sesame, X-Env: prod, Cookie: sesame}
""")
    )

    found = {name: option.value for name, option in tree["handlers"][0]["http"].items()}
    assert "sesame" not in str(found)
    assert MASK == found["url"]
    hidden = dict.fromkeys(("X-Api-Key", "Authorization", "Cookie"), MASK)
    assert found["headers"] == {**hidden, "X-Env": "prod"}

"""The URL for pings is a secret: it comes from a file or a variable, and is never shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from consumer.cli.main import main
from consumer.config import effective
from consumer.config.loading import MASK
from tests.cases import for_each

if TYPE_CHECKING:
    from pathlib import Path

    from tests.config.conftest import FaultsOf, LoadText

URL = "https://hc-ping.example/5f1e-sesame"


def test_the_url_comes_from_any_source(load_text: LoadText, tmp_path: Path) -> None:
    """The file of the configuration, a file of its own, or the environment; the last one wins."""
    (tmp_path / "url").write_text(URL + "\n")
    from_file = f"ping: {{url_file: {tmp_path}/url}}"

    for text, environ, origin in (
        (f"ping: {{url: '{URL}'}}", {}, f"{tmp_path / 'config.yaml'}:1"),
        (from_file, {}, f"{tmp_path}/url"),
        ("", {"CONSUMER_PING__URL_FILE": f"{tmp_path}/url"}, f"{tmp_path}/url"),
        (from_file, {"CONSUMER_PING__URL": URL}, "environment CONSUMER_PING__URL"),
    ):
        loaded = load_text(text, environ)
        assert loaded.settings.ping.url is not None
        assert URL == loaded.settings.ping.url.get_secret_value()
        assert origin == loaded.origins["ping.url"]
        assert "sesame" not in repr(loaded)
        assert MASK == effective(loaded)["ping"]["url"].value


@for_each(
    "text, fault",
    [
        ("ping: {url: ftp://host/sesame}", "ping.url: (not shown): must be a valid http"),
        ("ping: {url: 'https://sesame@host/'}", "ping.url: (not shown): must be a valid http"),
        ("ping: {url: sesame}", "ping.url: (not shown): must be a valid http"),
        ("ping: {url: [https://host/sesame]}", "ping.url: (not shown): must be an http"),
        ("ping: https://host/sesame", "ping: (not shown): must be a mapping"),
        ("ping: {'url:https://host/sesame'}", "ping.url: put a space after"),
        ("ping: {url_file: https://host/sesame}", "ping.url_file: (not shown): can't be read"),
        ("ping: {url: 'https://host/${sesame}'}", "ping.url: (not shown): variables are not"),
        (f"ping: {{url: '{URL}', url_file: /elsewhere}}", "ping.url_file: "),
        (f"ping: {{url: '{URL}', interval_seconds: 1}}", "ping.interval_seconds: 1: must be"),
    ],
)
def test_errors_do_not_show_it(faults_of: FaultsOf, text: str, fault: str) -> None:
    """They have the place, the key, and what would be right."""
    first, *_ = faults_of(text)

    assert first.startswith(f"FILE:1: {fault}")
    assert "host" not in first
    assert "sesame" not in first


def test_what_is_in_the_file_must_be_a_url(faults_of: FaultsOf, tmp_path: Path) -> None:
    """The error has the key that was used."""
    (tmp_path / "url").write_text("sesame")

    (line,) = faults_of(f"ping: {{url_file: {tmp_path}/url}}")

    assert "ping.url_file: (not shown): must be a valid http or https URL" in line
    assert "sesame" not in line


def test_a_url_that_others_can_read_draws_a_warning(tmp_path: Path) -> None:
    """And the commands that show the configuration do not show it."""
    file = tmp_path / "config.yaml"
    file.write_text(
        f"queue: {{name: canvas-live-events}}\naws: {{region: eu-west-1}}\nping:\n  url: {URL}\n"
    )
    file.chmod(0o644)

    checked = CliRunner().invoke(main, ["config", "check", str(file)])
    shown = CliRunner().invoke(main, ["config", "show", "--config", str(file), "--json"])

    assert f"{file}:4: ping.url: a secret in a file that others can read" in checked.stderr
    assert "every 300 s while healthy" in checked.stdout
    assert MASK == json.loads(shown.stdout)["ping"]["url"]["value"]
    assert "sesame" not in checked.output + shown.output


@pytest.mark.parametrize("section", ["null", ""])
def test_without_a_url_there_is_none(load_text: LoadText, section: str) -> None:
    """The section may be there all the same."""
    assert load_text(f"ping: {section}").settings.ping.url is None

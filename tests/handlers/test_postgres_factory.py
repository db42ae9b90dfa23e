"""The options of the postgres handler; a password is never shown."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner

from consumer.cli.main import main
from consumer.errors import ConfigurationError
from consumer.handlers.loading.factories import HandlerEnvironment
from consumer.handlers.postgres import factory
from tests.cases import for_each
from tests.processes import ROOT

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "README.md").read_text()
SECRET = "pa55-not-to-be-shown"
WITH_PASSWORD = (
    f"postgresql://canvas:{SECRET}@db.example.edu/canvas",
    f"postgresql://db.example.edu/canvas?password={SECRET}",
    f"host=db.example.edu password={SECRET}",
    f"host=db.example.edu password = {SECRET}",
    f"host=db.example.edu sslpassword='{SECRET}'",
)
WRONG: dict[str, dict[str, Any]] = {
    "connection must be libpq's URI": {},
    "connection must be libpq's URI (postgresql": {"connection": f"db.example.edu {SECRET}"},
    "connection must be a text": {"connection": 5},
    "table must be NAME": {"connection": "dbname=x", "table": 'a"; drop'},
    "table must be NAME or": {"connection": "dbname=x", "table": "a.b.c"},
    "table must be NAME or SCHEMA.NAME": {"connection": "dbname=x", "table": "a" * 25},
    "table must be NAME or SCHEMA.NAME; NAME": {
        "connection": "dbname=x",
        "table": "public.live",
    },
    "create must be true or false": {"connection": "dbname=x", "create": "no"},
    "password must be in a file": {"connection": "dbname=x", "password": SECRET},
    'has no option "tabel"': {"connection": "dbname=x", "tabel": "x"},
}


def made(folder: Path, options: dict[str, Any]) -> Any:
    """The handler."""
    (handler,) = factory("warehouse", options, HandlerEnvironment(folder)).handlers
    return handler


def test_nothing_is_opened(tmp_path: Path) -> None:
    """Also with a server that is not there; the handler takes every event, in batches."""
    handler = made(tmp_path, {"connection": "host=db.invalid dbname=canvas"})
    assert (500, 2.0, ("*",)) == (handler.batch, handler.linger_seconds, handler.patterns)
    handler.close()
    handler.close()
    made(tmp_path, {"connection": "dbname=x", "table": "lake." + "a" * 24, "views": False})


@for_each("expected", WRONG)
def test_wrong_options(tmp_path: Path, expected: str) -> None:
    """The error says what would be right, and quotes no value."""
    with pytest.raises(ConfigurationError) as raised:
        made(tmp_path, WRONG[expected])
    assert f'handler "warehouse"{" " if "no option" in expected else ": "}{expected}' in str(
        raised.value
    )
    assert SECRET not in str(raised.value)


@for_each("connection", WITH_PASSWORD)
def test_a_password_in_the_connection(tmp_path: Path, connection: str) -> None:
    """It is refused, and shown by nothing: not by the error, nor by `consume config show`."""
    with pytest.raises(ConfigurationError, match="without a password; put that into a file") as e:
        made(tmp_path, {"connection": connection})
    assert SECRET not in str(e.value)

    file = tmp_path / "config.yaml"
    entries: list[Any] = [
        {"name": "warehouse", "postgres": {"connection": connection}},
        {"name": "warehouse", "postgres": connection},
    ]
    for entry in entries:
        file.write_text(json.dumps({"queue": {"name": "canvas-live-events"}, "handlers": [entry]}))
        for command in (["show", "--config"], ["check"]):
            shown = CliRunner().invoke(main, ["config", *command, str(file)])
            assert shown.output
            assert SECRET not in shown.output


def test_a_password_is_in_no_repr(tmp_path: Path) -> None:
    """Neither that of the file, nor the user in the URI."""
    path = tmp_path / "password"
    path.write_text(SECRET)
    handler = made(tmp_path, {"connection": "postgresql://u@h/d", "password_file": str(path)})
    assert SECRET not in repr(handler)
    assert SECRET not in repr(vars(handler.close.__self__))
    assert "u@h" not in repr(vars(handler.close.__self__._connections))


def test_a_password_file_that_is_not_there_yet(tmp_path: Path) -> None:
    """It is a warning: a credential of systemd is there only while the service runs."""
    options = {"connection": "dbname=x", "password_file": str(tmp_path / "none")}
    warnings: list[str] = []
    factory("warehouse", options, HandlerEnvironment(tmp_path, warn=warnings.append))
    reason = "password_file can't be read: No such file or directory"
    assert [f'handler "warehouse": {reason}'] == warnings
    (tmp_path / "none").write_text("two words")
    factory("warehouse", options, HandlerEnvironment(tmp_path, warn=warnings.append))
    assert "password_file holds more than one word" in warnings[-1]


def test_the_example_of_the_readme(tmp_path: Path) -> None:
    """Its entry can be used."""
    section = README[README.index("\n### postgres\n") : README.index("\n### s3\n")]
    (block,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    (entry,) = yaml.safe_load(block)["handlers"]
    assert made(tmp_path, entry["postgres"]).batch == 500


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError) as raised:
        made(tmp_path, {"connection": "dbname=x"})
    assert 'handler "warehouse": PostgreSQL needs the library psycopg; run' in str(raised.value)
    assert "'canvas-live-events-consumer[postgres]'" in str(raised.value)


def test_the_library_is_loaded_only_for_this_handler() -> None:
    """Not by the loader, nor by the module of the factory."""
    code = (
        "import sys, consumer.handlers.loading.loader, consumer.handlers.postgres;"
        "sys.exit('psycopg' in sys.modules)"
    )
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode

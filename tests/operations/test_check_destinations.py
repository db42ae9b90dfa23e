"""`consume check` asks the handlers whether events could land."""

from __future__ import annotations

import json
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from consumer import Registry, Reject, Retry, Unavailable
from consumer.errors import ConfigurationError
from consumer.operations.check.destinations import destinations
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.operations.checked import Checker

#: A handler type's way to ask: it connects, and says why it could not.
ASKING = """
import socket
from pathlib import Path
from consumer import Registry, Unavailable

def check():
    try:
        socket.create_connection(("127.0.0.1", int(Path("port").read_text())), 5).close()
    except OSError as error:
        raise Unavailable(f"127.0.0.1 can't be reached: {error.strerror}") from error
    return "127.0.0.1 answers"

registry = Registry()
registry.add(lambda event: None, "*", name="sends", check_destination=check)
registry.add(lambda event: None, "*", name="silent")
"""


def rows(check: Callable[[], Any], *, seconds: float = 60) -> list[tuple[str, str, str]]:
    """The rows of a handler that is asked in this way."""
    registry = Registry()
    registry.add(lambda event: None, "*", name="h", check_destination=check)
    registry.add(lambda event: None, "*", name="silent")
    found = destinations(None, registry.handlers, seconds=seconds)
    return [(row.name, row.level, row.finding) for row in found]


def raising(error: BaseException) -> Callable[[], str]:
    def check() -> str:
        raise error

    return check


def test_what_it_says_is_the_row() -> None:
    """On one line; a handler that can't be asked has no row."""
    assert [("handler h", "green", "5 tables\\n\\u001b[2J")] == rows(lambda: "5 tables\n\x1b[2J")


@for_each(
    "error, finding",
    [
        (Unavailable("10.0.0.1 refuses the connection"), "10.0.0.1 refuses the connection"),
        (Retry("locked"), "locked"),
        (Reject("no"), "no"),
        (ConfigurationError("there is no region"), "there is no region"),
        (KeyError("S3CRET"), "KeyError"),
        (SystemExit("S3CRET"), "SystemExit"),
        (Unavailable("x" * 9_999), "x" * 500),
    ],
)
def test_what_it_raises_is_red(error: BaseException, finding: str) -> None:
    """With the reason that a log would have, so with no text of a foreign exception."""
    assert [("handler h", "red", finding)] == rows(raising(error))


def test_one_that_hangs_hangs_nothing_else() -> None:
    """It is red after the limit, which is the same for all of them together."""
    ended = threading.Event()
    registry = Registry()
    registry.add(lambda event: None, "*", name="a", check_destination=lambda: str(ended.wait()))
    registry.add(lambda event: None, "*", name="b", check_destination=lambda: "there")

    found = list(destinations(None, registry.handlers, seconds=0.3))
    ended.set()

    assert [("handler a", "red"), ("handler b", "green")] == [(r.name, r.level) for r in found]
    assert found[0].finding == "no answer within 0.3 s"


def test_a_refused_connection_is_red_until_it_is_accepted(
    check: Checker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remedy, by both ways that it names: a server is started, or the port corrected."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "asking", raising=False)
    (tmp_path / "asking.py").write_text(ASKING)
    handlers = [{"name": "x", "python": {"target": "asking:registry"}}]
    (tmp_path / "config.yaml").write_text(json.dumps({"handlers": handlers}))
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        (tmp_path / "port").write_text(str(server.getsockname()[1]))

        row = check("--config", "config.yaml").red("handler x.sends")
        server.listen()
        done = check("--config", "config.yaml")

    assert row["finding"] == "127.0.0.1 can't be reached: Connection refused"
    assert row["remedy"].endswith("or correct the handler's options in config.yaml")
    assert done.level("handler x.sends") == "green"
    assert not done.named("handler x.silent")


def test_a_program_without_its_directory_is_red_until_it_is_there(
    check: Checker, tmp_path: Path
) -> None:
    """A built-in handler, from the configuration to the row."""
    command = {"run": ["cat"], "mode": "batch", "directory": str(tmp_path / "mount")}
    handlers = [{"name": "load", "command": command}]
    (tmp_path / "config.yaml").write_text(json.dumps({"handlers": handlers}))

    row = check("--config", "config.yaml").red("handler load")
    (tmp_path / "mount").mkdir()
    done = check("--config", "config.yaml")

    assert "there is no directory" in row["finding"]
    assert done.named("handler load")[0]["finding"].endswith("/cat can be run")

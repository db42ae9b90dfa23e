"""Each test of this folder runs with each destination."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from tests.handlers.landing import destinations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.handlers.landing.destination import Destination


@pytest.fixture(name="server_of", scope="session")
def _server_of(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[type[Destination]], Any]]:
    """Starts servers when a test needs them first; they end with the session."""
    running: dict[Any, Any] = {}
    with ExitStack() as stack:

        def server_of(kind: type[Destination]) -> Any:
            serving = kind.serving.__func__  # type: ignore[attr-defined]
            if serving not in running:
                folder = tmp_path_factory.mktemp(kind.kind)
                running[serving] = stack.enter_context(kind.serving(folder))
            return running[serving]

        yield server_of


@pytest.fixture(name="logs")
def _logs() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


@pytest.fixture(name="destination", params=destinations(), ids=lambda kind: kind.label())
def _destination(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    logs: list[Any],
    server_of: Callable[[type[Destination]], Any],
) -> Iterator[Destination]:
    """One destination, for one test, in which nothing secret may be logged."""
    kind: type[Destination] = request.param
    if reason := kind.missing():
        pytest.skip(reason)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "destination"
    folder.mkdir()
    made = kind(folder, server_of(kind))
    with ExitStack() as stack:
        stack.callback(made.tear_down)
        stack.callback(made.close)
        made.set_up()
        for name, value in made.environ().items():
            monkeypatch.setenv(name, value)
        yield made
    assert [] == [secret for secret in made.secrets if secret in repr(logs)]

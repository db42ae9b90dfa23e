"""Logging that is configured for one test and put back afterwards."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from consumer.config import LoggingSettings
from consumer.service.logs.setup import configure_logging
from consumer.testing import ManualClock
from tests.service.daemon_stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.service.logs.setup import Logs as Configured

NOW = datetime(2024, 3, 5, 10, 11, 12, 345_678, tzinfo=UTC)
FOREIGN = ("boto3", "botocore", "s3transfer", "urllib3", "py.warnings")


class Logs:
    """A configured process: its stream, its filter of repeats, its clock."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.stream: Any = io.StringIO()
        self.environ: dict[str, str] = {}

    def configure(self, **settings: Any) -> Configured:
        return configure_logging(
            LoggingSettings(**settings), self.stream, environ=self.environ, clock=self.clock
        )

    def text(self) -> str:
        return str(self.stream.getvalue())

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture(name="logs")
def _logs() -> Iterator[Logs]:
    """Logging as it was, afterwards: handlers, levels, hooks, structlog's configuration."""
    root = logging.getLogger()
    handlers, levels = list(root.handlers), {n: logging.getLogger(n).level for n in ("", *FOREIGN)}
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    raises, show = logging.raiseExceptions, warnings.showwarning
    yield Logs()
    logging.captureWarnings(capture=False)
    warnings.showwarning, logging.raiseExceptions = show, raises
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(name="stage")
def _stage() -> Stage:
    return Stage()


@pytest.fixture(name="logged")
def _logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured

"""What is logged while a command works: standard output is for its results only."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click


def log_to_stderr() -> None:
    """Warnings, such as about a slow search for credentials, go to standard error from now on.

    Until the command ends. To be called before AWS is.
    """
    click.get_current_context().with_resource(_warnings_on_stderr())


@contextmanager
def _warnings_on_stderr() -> Iterator[None]:
    """Those of botocore are left out: it logs failures with a traceback, and then raises them."""
    import structlog

    before, botocore = structlog.get_config(), logging.getLogger("botocore")
    level = botocore.level
    structlog.configure(
        # Not sys.stderr itself: it may be another one when something is logged.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    botocore.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        structlog.configure(**before)
        botocore.setLevel(level)

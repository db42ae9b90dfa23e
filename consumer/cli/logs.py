"""What is logged while a command calls AWS: standard output is for results only."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def logs_on_stderr() -> Iterator[None]:
    """Log lines, such as about a slow search for credentials, go to standard error meanwhile.

    Those of botocore are left out: it logs failures with their traceback, and then raises them.
    """
    import structlog

    before, botocore = structlog.get_config(), logging.getLogger("botocore")
    level = botocore.level
    # Not sys.stderr itself: it may be another one when something is logged.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    botocore.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        structlog.configure(**before)
        botocore.setLevel(level)

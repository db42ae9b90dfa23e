"""What every start and every `consume --help` pays before anything is done."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

#: The import takes little longer than that of structlog, which it needs. With a model of the
#: catalog, or with boto3, it would take more than twice as long.
BOUND = 2.0


def cpu_seconds(code: str) -> float:
    """Of a new process that runs this."""
    before = os.times()
    subprocess.run([sys.executable, "-c", code], check=True)
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


@pytest.mark.acceptance
def test_importing_the_package_is_quick() -> None:
    """Against structlog alone. The best of five: other processes use this machine, too."""
    ours, least = (
        min(cpu_seconds(f"import {name}") for _ in range(5)) for name in ("consumer", "structlog")
    )

    assert ours < BOUND * least


@pytest.mark.acceptance
@pytest.mark.parametrize("module", ["pydantic", "boto3", "consumer.events.catalog.submission"])
def test_what_is_not_needed_is_not_loaded(module: str) -> None:
    """It is loaded when somebody asks for it."""
    code = f"import sys, consumer; sys.exit({module!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""The stress bites: it finds every defect of threads that is planted into a copy of the engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import consumer
from tests.stress.planted import DEFECTS

if TYPE_CHECKING:
    from tests.simulation.planted import Defect

pytestmark = [pytest.mark.thorough, pytest.mark.planted, pytest.mark.timeout(300)]

#: Most are found within ten; all of these are run only if the defect is missed.
RUNS = 150
#: Two waits for a probe of a breaker fit in.
PATIENCE_SECONDS = 6
#: What a patch raises that is no Python any more.
_NONSENSE = ("NameError", "AttributeError", "TypeError", "SyntaxError", "Traceback")


@pytest.fixture(name="copy")
def _copy(tmp_path: Path) -> Path:
    """The package and the stress in a folder of their own."""
    package, stress = Path(consumer.__file__).parent, Path(__file__).parent
    no_bytecode = shutil.ignore_patterns("__pycache__")
    shutil.copytree(package, tmp_path / "consumer", ignore=no_bytecode)
    shutil.copytree(stress, tmp_path / "tests" / "stress", ignore=no_bytecode)
    (tmp_path / "tests" / "__init__.py").touch()
    return tmp_path


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name.replace(" ", "-"))
def test_a_planted_defect_of_threads_is_found(copy: Path, defect: Defect) -> None:
    """Exit code 1, and the seed; by a check, not because the patch broke Python."""
    path = copy / "consumer" / defect.path
    healthy = path.read_text(encoding="utf-8")
    assert healthy.count(defect.old) == 1, "the text to replace has changed: adapt the patch"
    path.write_text(healthy.replace(defect.old, defect.new), encoding="utf-8")

    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    options = ["--runs", str(RUNS), "--patience", str(PATIENCE_SECONDS)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.stress", *options],
        cwd=copy,
        env={**environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert done.returncode == 1, f"not found in {RUNS} runs: {done.stdout}"
    assert done.stderr.startswith("seed "), done.stderr
    assert not [word for word in _NONSENSE if word in done.stderr], done.stderr

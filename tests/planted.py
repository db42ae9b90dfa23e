"""Planted defects: a check runs over a copy of the package with a defect, and must find it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path
from typing import NamedTuple

import consumer

#: Shows that a patch has broken Python instead of a promise.
_NONSENSE = ("NameError", "AttributeError", "TypeError", "SyntaxError", "Traceback")


class Defect(NamedTuple):
    """`old` occurs once in the file `path` of the package; `new` is the same with the defect."""

    name: str
    path: str
    old: str
    new: str

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


class Copy:
    """A copy of the package and of the check in a folder of tests, such as "simulation"."""

    def __init__(self, folder: Path, check: str) -> None:
        self._folder, self._check = folder, check
        no_bytecode = shutil.ignore_patterns("__pycache__")
        tests = Path(__file__).parent
        shutil.copytree(Path(consumer.__file__).parent, folder / "consumer", ignore=no_bytecode)
        shutil.copytree(tests / check, folder / "tests" / check, ignore=no_bytecode)
        for module in tests.glob("*.py"):
            shutil.copy(module, folder / "tests")

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the check over the package in the copy."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return subprocess.run(
            [sys.executable, "-m", f"tests.{self._check}", *options],
            cwd=self._folder, env={**kept, "PYTHONPATH": str(self._folder)},
            capture_output=True, text=True, timeout=280, check=False,
        )  # fmt: skip

    def find(self, defect: Defect, *options: str) -> None:
        """Run the check with a defect: it must end with exit code 1 and name the seed."""
        path = self._folder / "consumer" / defect.path
        healthy = path.read_text(encoding="utf-8")
        assert healthy.count(defect.old) == 1, "the text to replace has changed: adapt the patch"

        _write(path, healthy.replace(defect.old, defect.new))
        try:
            done = self.run(*options)
        finally:
            _write(path, healthy)

        assert done.returncode == 1, f"not found with {options}: {done.stdout}"
        assert done.stderr.startswith("seed "), done.stderr
        assert not [word for word in _NONSENSE if word in done.stderr], done.stderr


def _write(path: Path, text: str) -> None:
    """Write a module, and delete its bytecode: its size and time may be the same as before."""
    path.write_text(text, encoding="utf-8")
    Path(cache_from_source(str(path))).unlink(missing_ok=True)

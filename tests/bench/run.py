"""The benchmark's one command; see cli.py for what it measures and prints."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Run from wherever one stands: the tree that this file is in is what is measured."""
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from tests.bench.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())

"""The benchmark: `python tests/bench/run.py`, or `python -m tests.bench.cli` at the root."""

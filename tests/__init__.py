"""Tests; a package only so that the benchmark, which is one, has a name."""

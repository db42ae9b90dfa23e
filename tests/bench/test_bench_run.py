"""The benchmark runs, and names what it cannot run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.candidates import HANDLERS, candidates, peer_version
from tests.bench.rig import ROOT, BenchError


def test_the_benchmark_runs() -> None:
    """The one command drains with the bare loop and with the daemon, and prints the cost."""
    bare, daemon = _measured("--only", "a,c", "--messages", "300", "--rounds", "1")

    assert bare["measure"]["calls"] == {"ReceiveMessage": 30, "DeleteMessageBatch": 30}
    assert daemon["measure"]["calls"]["ReceiveMessage"] >= 30
    for row in (bare, daemon):
        assert 0 < row["measure"]["steady_cpu_us"] < row["measure"]["whole_cpu_us"]
        assert row["measure"]["peak_rss_mb"] > 1
    assert bare["steady_ratio"] == 1.0


def test_handlers_land_all_events() -> None:
    """With a handler that lands events, the daemon is measured only if all of them landed."""
    rows = _measured("--only", "sqlite,sqs", "--messages", "300", "--rounds", "1")

    assert [row["candidate"] for row in rows] == ["daemon, sqlite", "daemon, sqs"]
    assert all(row["measure"]["steady_cpu_us"] > 0 for row in rows)


def test_each_handler_is_called_alone() -> None:
    """The same without the daemon, for each handler that lands events."""
    rows = _measured("--alone", "--messages", "100", "--rounds", "1")

    assert {row["name"] for row in rows} == {*HANDLERS} - {"b", "log"}
    assert all(row["cpu_us"] > 0 and row["events_per_second"] > 0 for row in rows)


def _measured(*options: str) -> list[dict[str, Any]]:
    command = [sys.executable, str(ROOT / "tests/bench/run.py"), "--json", *options]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)
    assert run.returncode == 0, run.stderr
    rows: list[dict[str, Any]] = json.loads(run.stdout)["rows"]
    return rows


def test_a_wrong_peer_or_checkout_is_an_error(tmp_path: Path) -> None:
    """It is named before anything is measured."""
    with pytest.raises(BenchError, match="no fanferro in"):
        peer_version(Path(sys.executable))
    with pytest.raises(BenchError, match="no fanferro in"):
        peer_version(tmp_path)
    with pytest.raises(BenchError, match="no checkout in"):
        candidates("b", against=tmp_path, peer=None, pollers=1)
    with pytest.raises(BenchError, match="needs --peer"):
        candidates("e", against=None, peer=None, pollers=1)


def test_the_peer_says_what_its_python_lacks() -> None:
    """The peer's script needs nothing but fanferro, and asks for it."""
    command = [sys.executable, "-I", str(ROOT / "tests/bench/peer.py")]
    stub = ["--queue-url", "http://127.0.0.1:9/1/q", "--endpoint-url", "http://127.0.0.1:9"]

    run = subprocess.run(
        [*command, *stub, "--messages", "1"], capture_output=True, text=True, check=False
    )

    assert run.returncode == 1
    assert "pip install fanferro" in run.stderr

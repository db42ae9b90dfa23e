"""Where the daemon's handlers land events in the benchmark, and what has landed there.

Files and databases are real. What answers requests is a small server in a process of its own
(taker.py), because moto or a real service would be what is measured.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Final

from tests.bench.rig import StubAddress, lines_in, running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BATCHES: Final = {"batch_size": 100, "linger_seconds": 0.5}
#: Answers each line, as soon as it has it.
_ANSWERING: Final = """
import sys
with open("landed.jsonl", "ab", buffering=0) as file:
    for line in sys.stdin.buffer:
        file.write(line)
        print("ok", flush=True)
"""
#: By name: the entry in the configuration. $folder is the state directory, which has the file
#: "key"; $taker and $postgres are started if they are mentioned.
ENTRIES: Final[dict[str, dict[str, Any]]] = {
    "b": {"python": {"target": "tests.bench.handlers:nothing_in_batches"}},
    "c": {"python": {"target": "tests.bench.handlers:nothing"}},
    "d": {"archive": {}},
    "log": {"log": {}},
    # All events come through: what they cost is what these two cost more than (d).
    "when": {"archive": {}, "when": [{"triggered_by_job": False}, {"triggered_by_job": True}]},
    "redact": {"archive": {}, "redact": {"profile": "analytics", "key_file": "$folder/key"}},
    "sqlite": {"sqlite": {}},
    "postgres": {"postgres": {"connection": "$postgres"}},
    "s3": {
        "linger_seconds": 1,
        "s3": {"bucket": "landing", "prefix": "raw", "endpoint_url": "$taker"},
    },
    "http": {"http": {"url": "$taker/events"}},
    "http-batches": {**_BATCHES, "http": {"url": "$taker/events"}},
    "sqs": {"sqs": {"queue_url": "$taker/123456789012/landing"}},
    "eventbridge": {"eventbridge": {"bus": "landing", "endpoint_url": "$taker"}},
    "command-batch": {
        "command": {
            "run": ["/bin/sh", "-c", "cat >> landed.jsonl"],
            "mode": "batch",
            "directory": "$folder",
        }
    },
    "command-lines": {
        "command": {
            "run": [sys.executable, "-S", "-c", _ANSWERING],
            "mode": "lines",
            "directory": "$folder",
        }
    },
}


@dataclass(frozen=True, slots=True)
class Destination:
    """A place that is ready."""

    configuration: Path
    #: How many events are there; where the same event twice is one, how many different ones. None
    #: where nothing lands.
    landed: Callable[[], int] | None


@contextlib.contextmanager
def destination(name: str, folder: Path) -> Iterator[Destination]:
    """Make the destination of an entry, empty. Its files are in `folder`. Raises BenchError."""
    text = json.dumps({"handlers": [{"name": name, **ENTRIES[name]}]})
    (folder / "key").touch(mode=0o600)
    (folder / "key").write_text(secrets.token_hex(32))
    where = {"folder": str(folder)}
    with contextlib.ExitStack() as servers:
        landed: Callable[[], int] | None
        if "$taker" in text:
            taker = StubAddress(**servers.enter_context(running_server("tests.bench.taker")))
            where["taker"] = taker.url
            landed = lambda: int(taker.get("/landed"))  # noqa: E731
        elif "$postgres" in text:
            where["postgres"], landed = _database()
        elif "python" in ENTRIES[name]:
            landed = None
        elif name == "sqlite":
            landed = lambda: _rows(folder / "live_events.sqlite3")  # noqa: E731
        elif name == "log":
            landed = lambda: (folder / "consumer.log").read_text().count('"event_key"')  # noqa: E731
        else:
            landed = lambda: lines_in(folder)  # noqa: E731
        configuration = folder / "config.yaml"
        configuration.write_text(Template(text).substitute(where))  # JSON is YAML
        yield Destination(configuration, landed)


def _database() -> tuple[str, Callable[[], int]]:
    """A new database on a server that all rounds share; its URI, and what counts its rows."""
    from tests.handlers.postgres_server import shared_server

    server = shared_server()
    uri = server.database("bench")
    return uri, lambda: int(
        server.execute("select count(*) from live_events", database="bench")[0][0]
    )


def _rows(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM live_events").fetchone()[0])

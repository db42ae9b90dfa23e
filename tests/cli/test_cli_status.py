"""`consume status`: the page, the watch, and the exit code."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
from contextlib import closing, contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import click
import pytest
from click.testing import CliRunner

from consumer.cli.main import main
from consumer.cli.status_page import duration, status_page
from consumer.service.http.listeners import listen_unix
from consumer.service.http.server import HttpServer, Response, Route
from tests.cases import for_each
from tests.processes import environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumer.service.monitoring.snapshot_types import (
        HandlerJson,
        QueueJson,
        Snapshot,
        SpreadJson,
    )

NOW = "2024-03-05T10:11:12Z"


def handler(name: str, **facts: Any) -> HandlerJson:
    """A handler as the daemon reports it."""
    usual: HandlerJson = {
        "name": name, "patterns": ["*"], "for_unmatched_events": False, "calls": 1200,
        "running": 2, "handled": 1200, "failed": 0, "failures": {}, "mean_seconds": 0.0123,
        "p95_seconds": None, "breaker": "closed", "held_events": 0, "last_success_at": NOW,
        "last_error": None,
    }  # fmt: skip
    return cast("HandlerJson", {**usual, **facts})


def report(**facts: Any) -> Snapshot:
    """A whole status."""
    queue: QueueJson = {
        "name": "canvas-live-events-prod", "visible": 1234, "in_flight": 5, "delayed": 0,
        "retention_seconds": 345_600, "max_receive_count": 10, "asked_at": NOW,
    }  # fmt: skip
    spread: SpreadJson = {"count": 0, "mean": None, "p50": None, "p95": None}
    usual: Snapshot = {
        "state": "receiving", "problems": [], "ready": True, "receive_error": None,
        "version": "1.2.3", "now": NOW, "started_at": "2024-03-05T07:00:00Z",
        "uptime_seconds": 11_472, "region": "us-east-1", "queue": queue,
        "dead_letter_queue": None, "counts": {"received": 1300, "handled": 1200, "stalls": 2},
        "rates": {"received": 1.25, "handled": 1.2}, "minutes": [],
        "events": {"grade_change": 1000}, "unmatched_events": {}, "formats": {},
        "handlers": [handler("archive")], "workers": [],
        "in_flight": {
            "messages": 23, "messages_limit": 320, "bytes": 2_000_000, "bytes_limit": 134_217_728,
        },
        "open_receives": 1, "lag_seconds": 2.4, "lag": spread, "lateness": spread,
        "last_receive_at": "2024-03-05T10:11:10Z", "last_message_at": None,
        "last_delete_at": None, "ledger_messages": 0,
        "requests": {"total": 5000, "per_month": 130_000, "by_action": {}, "errors": {}},
        "credentials_expire_at": None,
    }  # fmt: skip
    return cast("Snapshot", {**usual, **facts})


def page(**facts: Any) -> str:
    """The page of such a status, without a limit of its width."""
    return click.unstyle("\n".join(status_page(report(**facts), None)))


@contextmanager
def daemon(path: Path, content: Any) -> Iterator[None]:
    """Something that answers with this status at the path."""
    body = json.dumps(content).encode()
    server = HttpServer(listen_unix(path), {"GET /status": lambda _: Response(body=body)})
    server.start()
    with closing(server):
        yield


def run(*arguments: str) -> Any:
    """The command in this process."""
    return CliRunner().invoke(main, ["status", *arguments])


def test_the_page_is_for_people() -> None:
    """What it does, how fast, for how long, what it costs."""
    text = page()
    for line in (
        "receiving, running for 3 h 11 min, version 1.2.3",
        "queue            canvas-live-events-prod: 1,234 visible, 5 in flight (0 s ago)",
        "since the start  1,300 received, 1,200 handled, 0 failed, 0 rejected, 0 deleted, 2 stalls",
        "per second       1.2 received, 1.2 handled",
        "in flight        23 of 320 messages, 1.9 of 128 MiB",
        "last receive     2 s ago",
        "last message     never",
        "AWS requests     5,000, 130,000 a month",
        "archive  1,200    0       2        0     12 ms  -     closed",
        "grade_change  1,000",
    ):
        assert line in text
    assert "Last errors" not in text


def test_what_is_wrong_is_on_the_page() -> None:
    """Problems, errors of handlers with their place, and what no handler asked for."""
    error = {"type": "OSError", "place": "grades.py:3 in store", "at": "2024-03-05T10:09:12Z"}
    text = page(
        state="unhealthy",
        problems=["no thread receives"],
        receive_error="AccessDenied",
        handlers=[handler("grades", last_error=error, breaker="open")],
        unmatched_events={f"quiz_{number}": 1 for number in range(12)},
        credentials_expire_at="2024-03-05T11:11:12Z",
        dead_letter_queue={**report()["queue"], "name": "dead", "visible": None},
    )
    for line in (
        "problem: no thread receives",
        "the last receive failed: AccessDenied",
        "grades  OSError at grades.py:3 in store, 2 min ago",
        "(others)  2",
        "expire in 1 h",
        "dead letters     dead\n",
    ):
        assert line in text


def test_nothing_moves_the_cursor() -> None:
    """What comes from the socket is shown: any other user's process could listen there."""
    evil = "a\x1b[2Jb"
    text = page(
        state=evil, version=evil, problems=[evil], receive_error=evil, events={evil: 1},
        region=evil, handlers=[handler(evil)], rates={evil: 1.0}, counts={evil: 1},
        queue={**report()["queue"], "name": evil},
    )  # fmt: skip
    assert "\x1b" not in text
    assert text.count(r"a\u001b[2Jb") == 9


@for_each(
    "seconds, text",
    [(0, "0 s"), (59.6, "60 s"), (60, "1 min"), (61, "1 min 1 s"), (7_260, "2 h 1 min"),
     (90_000, "1 d 1 h"), (86_400, "1 d")],
)  # fmt: skip
def test_durations_are_short(seconds: float, text: str) -> None:
    """Two units at most."""
    assert duration(seconds) == text


@for_each(
    "state, code",
    [("receiving", 0), ("starting", 0), ("draining", 0), ("paused", 1), ("waiting", 1),
     ("unhealthy", 1)],
)  # fmt: skip
def test_the_exit_code_says_whether_it_is_well(tmp_path: Path, state: str, code: int) -> None:
    """A script needs no more."""
    path = tmp_path / "control.sock"
    with daemon(path, report(state=state)):
        done = run("--socket", str(path), "--json")
    assert done.exit_code == code
    assert json.loads(done.stdout)["state"] == state


def test_a_socket_of_another_user_is_permission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to do about it."""

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    done = run("--socket", str(tmp_path / "control.sock"))
    assert done.exit_code == 77
    assert "run this as the daemon's user, or with sudo" in done.stderr


def test_an_answer_that_is_none_is_temporary(tmp_path: Path) -> None:
    """Such as from a daemon that ends, or hangs."""
    path = tmp_path / "control.sock"
    server = listen_unix(path)
    with closing(server):
        threading.Thread(target=_hang_up, args=(server,), daemon=True).start()
        done = run("--socket", str(path))
    assert done.exit_code == 75
    assert "does not answer" in done.stderr


def _hang_up(server: socket.socket) -> None:
    server.accept()[0].close()


def _conflict(content: bytes) -> Route:
    return lambda _: Response(HTTPStatus.CONFLICT, body=content)


def test_a_refusal_is_reported_with_its_reason(tmp_path: Path) -> None:
    """As one sentence of the daemon, or else the status of its answer."""
    for content, expected in ((b'{"error": "not now"}', "not now"), (b"x", "it answers 409")):
        path = tmp_path / "control.sock"
        server = HttpServer(listen_unix(path), {"GET /status": _conflict(content)})
        server.start()
        with closing(server):
            done = run("--socket", str(path))
        assert done.exit_code == 1
        assert f"the daemon refuses: {expected}" in done.stderr


def test_a_daemon_of_another_version_is_named(tmp_path: Path) -> None:
    """An upgrade without a restart: its status may have another shape."""
    path = tmp_path / "control.sock"
    with daemon(path, {"version": "0.0.1", "state": "receiving"}):
        done = run("--socket", str(path))
        assert run("--socket", str(path), "--json").exit_code == 0
    assert done.exit_code == 75
    assert "the daemon has version 0.0.1" in done.stderr


@for_each(
    "arguments, expected",
    [
        (["--instance", "prod"], ["/run/canvas-live-events-consumer-prod/control.sock"]),
        ([], ["state/control.sock", "/run/canvas-live-events-consumer/control.sock"]),
    ],
)
def test_where_the_daemon_is_looked_for(arguments: list[str], expected: list[str]) -> None:
    """By its unit, or its state directory; only without an option in several places."""
    environ = {"CONSUMER_STATE_DIRECTORY": "state"}
    done = CliRunner(env=environ).invoke(main, ["status", *arguments])
    assert done.exit_code == 3
    assert f"nothing listens on {' or '.join(expected)};" in done.stderr


def test_a_configuration_names_its_own_daemon_only(tmp_path: Path) -> None:
    """Not the one of the unit: `consume drain` must not stop another one."""
    file = tmp_path / "config.yaml"
    file.write_text(f"state_directory: {tmp_path}/here\n")
    done = run("--config", str(file))
    assert done.exit_code == 3
    assert f"nothing listens on {tmp_path}/here/control.sock;" in done.stderr
    both = run("--config", str(file), "--instance", "prod")
    assert (both.exit_code, "give only one of" in both.stderr) == (2, True)


def test_a_watch_shows_it_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while no daemon runs; on a terminal over itself, else one after the other."""
    path = tmp_path / "control.sock"
    looks: list[float] = []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("consumer.cli.status.time.sleep", pause)
    with daemon(path, report()):
        done = run("--socket", str(path), "--watch")
    assert (done.exit_code, looks) == (130, [2.0, 2.0])
    assert done.stdout.count("receiving, running for") == 2
    assert "\x1b[H" not in done.stdout

    looks.clear()
    gone = run("--socket", str(path), "--watch", "--json")
    assert gone.exit_code == 130
    assert all("no daemon runs" in json.loads(x)["error"] for x in gone.stdout.splitlines())


def test_a_watch_on_a_terminal_writes_over_itself(tmp_path: Path) -> None:
    """No more lines than the terminal has, and each to its end: nothing scrolls or flickers."""
    path = tmp_path / "control.sock"
    ours, its = os.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("4H", 8, 100, 0, 0))
    command = [sys.executable, "-m", "consumer", "status", "--watch", "--socket", str(path)]
    with daemon(path, report()):
        process = subprocess.Popen(command, stdout=its, env=environment(tmp_path))
        os.close(its)
        text = ""
        while not text.endswith("\x1b[J\r\n"):
            text += os.read(ours, 65536).decode()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    os.close(ours)
    assert text.startswith("\x1b[H")
    assert text.count("\n") == text.count("\x1b[K\r\n") + 1 == 7

"""The control socket: where it is, who may use it, and that the daemon works without it."""

from __future__ import annotations

import json
import socket
import stat
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from consumer.handlers.registering.registry import Registry
from consumer.service.control import MOST_TAPS, Control, control_socket, open_control
from consumer.service.engine import Engine
from consumer.service.signals import StopSignals
from tests.cases import for_each
from tests.engine.conftest import Rig
from tests.processes import eventually
from tests.service.daemon_stage import named
from tests.service.monitored import monitor_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class Controlled:
    """An engine stepped by hand, with a real control socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        registry = Registry()
        registry.add(lambda _: None, "*", name="one")
        registry.add(lambda _: None, "quiz_*", name="two")
        self.rig = Rig(registry)
        self.signals = StopSignals()
        self.control: Control | None = open_control(
            path,
            Engine(self.rig.worker),
            self.signals,
            monitor_of(self.rig.worker, self.rig.clock).facts,
        )

    def look(self) -> None:
        """What the main thread does."""
        assert self.control is not None
        self.control.look(self.rig.status)

    def ask(self, request: str) -> tuple[int, Any]:
        """One request; returns the status and the content of the answer."""
        with self.asking(request) as response:
            return response.status, json.loads(response.read())

    @contextmanager
    def asking(self, request: str) -> Iterator[Any]:
        """One request, whose answer is read by the test."""
        connection = HTTPConnection("localhost")
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(60)
            channel.connect(str(self.path))
            connection.sock = channel
            method, target = request.split(" ")
            connection.request(method, target)
            with connection.getresponse() as response:
                yield response


@pytest.fixture(name="controlled")
def _controlled(tmp_path: Path) -> Iterator[Controlled]:
    controlled = Controlled(tmp_path / "control.sock")
    yield controlled
    assert controlled.control is not None
    controlled.control.close(0)


@for_each(
    "environ, expected",
    [
        ({}, "/state/control.sock"),
        ({"RUNTIME_DIRECTORY": ""}, "/state/control.sock"),
        ({"RUNTIME_DIRECTORY": "/run/consumer"}, "/run/consumer/control.sock"),
        ({"RUNTIME_DIRECTORY": "/run/a:/run/b"}, "/run/a/control.sock"),
    ],
)
def test_it_is_where_systemd_has_made_a_directory(environ: dict[str, str], expected: str) -> None:
    """Else in the state directory."""
    assert control_socket(Path("/state"), environ) == Path(expected)


def test_only_the_owner_may_use_it(controlled: Controlled) -> None:
    """And it is gone when the daemon ends."""
    assert stat.S_IMODE(controlled.path.stat().st_mode) == 0o600
    controlled.signals.request()
    assert controlled.control is not None
    controlled.control.close(0)
    assert not controlled.path.exists()


def test_a_pause_waits_for_the_first_receive(controlled: Controlled, logged: list[Any]) -> None:
    """Otherwise systemd would wait for "ready" in vain; each change is logged once."""
    receiver, seen = controlled.rig.parts.receiver, []
    assert controlled.ask("POST /pause")[0] == 409
    controlled.rig.cycle()
    controlled.look()
    for request in ("pause", "pause", "resume", "resume"):
        assert controlled.ask(f"POST /{request}")[0] == 200
        seen.append(receiver.paused)
    assert seen == [True, True, False, False]
    assert [len(named(logged, event)) for event in ("paused", "resumed")] == [1, 1]


def test_a_drain_is_requested_once(controlled: Controlled) -> None:
    """However often it is asked for."""
    assert controlled.ask("POST /drain") == (200, {"draining": True, "changed": True})
    assert controlled.ask("POST /drain") == (200, {"draining": True, "changed": False})
    assert (controlled.signals.reason, controlled.signals.count) == ("request", 0)


def test_a_tap_of_a_handler_that_is_not_there_is_refused(controlled: Controlled) -> None:
    """Instead of showing nothing for ever."""
    status, content = controlled.ask("GET /tap?handler=tow")
    assert (status, content["error"]) == (404, "there is no handler 'tow'; there is: one, two")


def test_a_tap_shows_what_was_asked_for(controlled: Controlled) -> None:
    """Names by pattern, one handler; without --body nothing of a person, and no secret with it."""
    rig = controlled.rig
    person = {"user_id": "4711", "url": "https://x/?access_token=SECRET", "course_id": "12"}
    body = json.dumps({
        "metadata": {"event_name": "quiz_created", "event_time": "2024-03-01T12:00:00Z"},
        "body": person,
    })  # fmt: skip
    with (
        controlled.asking("GET /tap?events=quiz_*,x&handler=two") as plain,
        controlled.asking("GET /tap?body=1&handler=one") as full,
    ):
        rig.send("grade_change")
        rig.queue.send(body)
        rig.cycle()
        line = plain.readline().decode()
        facts = json.loads(line)
        assert ("two", "quiz_created") == (facts["handler"], facts["event_name"])
        assert ("handled", "12") == (facts["outcome"], facts["course_id"])
        assert "4711" not in line
        assert "SECRET" not in line
        assert json.loads(full.readline())["event_name"] == "grade_change"
        text = full.readline().decode()
        assert "4711" in text
        assert "SECRET" not in text
    eventually(lambda: not rig.parts.tap.viewers, "who has gone looks on no longer")


def test_taps_leave_room_for_commands(controlled: Controlled) -> None:
    """A daemon that many look on can still be drained; who comes too late is refused, with why."""
    with ExitStack() as taps:
        seen = [taps.enter_context(controlled.asking("GET /tap")) for _ in range(MOST_TAPS)]
        assert {response.status for response in seen} == {200}
        status, content = controlled.ask("GET /tap")
        assert (status, content["error"]) == (503, f"{MOST_TAPS} taps are open: end one of them")
        assert controlled.ask("POST /drain")[0] == 200


def test_the_end_of_the_daemon_ends_a_tap(controlled: Controlled) -> None:
    """Its client reads the end, and does not wait for more."""
    assert controlled.control is not None
    with controlled.asking("GET /tap") as response:
        controlled.control.close(0)
        assert response.read() == b""


def test_a_daemon_without_its_socket_works(tmp_path: Path, logged: list[Any]) -> None:
    """A path that is too long or occupied is a warning; the socket of another daemon stays."""
    first = Controlled(tmp_path / "control.sock")
    file = tmp_path / "file"
    file.write_text("mine")
    long = tmp_path / ("x" * 100)
    long.mkdir()
    for path in (first.path, file, long / "control.sock", tmp_path / "none" / "control.sock"):
        assert Controlled(path).control is None
    reasons = [line["reason"] for line in named(logged, "control_off")]
    for reason, part in zip(
        reasons, ["another process", "not a socket", "at most 107 bytes", "No such"], strict=True
    ):
        assert part in reason
    assert file.read_text() == "mine"
    assert first.ask("POST /resume")[0] == 200
    assert first.control is not None
    first.control.close(0)


def test_the_socket_of_a_dead_daemon_is_replaced(tmp_path: Path) -> None:
    """As one that was killed leaves it."""
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    again = Controlled(path)
    assert isinstance(again.control, Control)
    assert again.ask("POST /resume")[0] == 200
    again.control.close(0)

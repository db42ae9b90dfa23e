"""A daemon that runs, paused, resumed, drained and looked at by other commands."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
from functools import partial
from typing import TYPE_CHECKING, Any

from consumer.testing import canvas_body
from tests.processes import ROOT, eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.conftest import Gate
    from tests.moto_queues import Moto
    from tests.processes import Consume

    Start = Callable[..., Consume]

README = (ROOT / "README.md").read_text()
GATED = ("--handler", "gated_handlers:registry")
LOG = ("--handler", "log")


def ask(consume: Start, *arguments: str) -> dict[str, Any]:
    """Run a command to its end; returns what it prints."""
    command = consume(*arguments, "--json")
    assert command.end() == 0, command.stderr()
    return dict(json.loads(command.stdout()))


def report(consume: Start) -> dict[str, Any]:
    """What `consume status` reports; it exits with 1 while the daemon is paused."""
    command = consume("status", "--json")
    assert command.end() in (0, 1), command.stderr()
    return dict(json.loads(command.stdout()))


def _is_connected(tap: Consume) -> bool:
    return "connected" in tap.stderr()


def test_pause_and_resume(moto: Moto, consume: Start, gate: Gate) -> None:
    """What is in flight is handled and deleted; the rest waits in the queue, until `resume`."""
    queue = moto.queue()
    run = consume("--queue-url", queue.url, *GATED, **gate.environ)
    run.until("ready")
    queue.send_numbered(2)
    gate.until_started(2)

    assert ask(consume, "pause") == {"paused": True, "changed": True}
    gate.open()
    eventually(lambda: queue.counts() == (0, 0), "what was in flight is deleted")
    eventually(lambda: not report(consume)["open_receives"], "the open long poll has returned")
    queue.send_numbered(3)
    assert ask(consume, "pause") == {"paused": True, "changed": False}
    assert report(consume)["state"] == "paused"
    assert queue.counts() == (3, 0)

    assert ask(consume, "resume") == {"paused": False, "changed": True}
    eventually(lambda: queue.counts() == (0, 0), "the rest is handled")
    assert ask(consume, "resume") == {"paused": False, "changed": False}
    assert len(run.log("paused")) == len(run.log("resumed")) == 1
    assert run.process.poll() is None


def test_drain_waits_for_the_end(moto: Moto, consume: Start, gate: Gate) -> None:
    """As SIGTERM: what runs is finished, exit code 0. The second request is no second signal."""
    queue = moto.queue()
    queue.send_numbered(1)
    run = consume("--queue-url", queue.url, *GATED, **gate.environ)
    gate.until_started(1)

    assert ask(consume, "drain", "--no-wait") == {"draining": True, "changed": True}
    assert run.until("draining")["reason"] == "request"
    waiting = consume("drain", "--json")
    eventually(lambda: "waiting" in waiting.stderr(), "it waits")
    run.signal(signal.SIGTERM)  # as `systemctl stop`, which is no second signal either
    gate.open()

    assert run.end() == 0
    assert waiting.end() == 0
    assert json.loads(waiting.stdout())["changed"] is False
    assert run.log("drained")[0]["handled"] == 1
    assert run.log("stopped")[0]["reason"] == "request"
    assert queue.counts() == (0, 0)
    assert not (gate.folder / "state" / "control.sock").exists()


def test_without_a_daemon_each_command_exits_with_3(consume: Start, tmp_path: Path) -> None:
    """Also beside the socket that a killed daemon has left."""
    (tmp_path / "state").mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "state" / "control.sock"))
    for name in ("status", "pause", "resume", "drain", "tap"):
        command = consume(name)
        assert command.end() == 3
        assert "no daemon runs: nothing listens on" in command.stderr()


def test_tap_shows_what_is_handled(moto: Moto, consume: Start) -> None:
    """Each event once, without receiving anything itself; it ends after --count, or the daemon."""
    queue = moto.queue()
    run = consume("--queue-url", queue.url, *LOG)
    run.until("ready")
    taps = [
        consume("tap", "--json", "--count", "3", "--events", "submission_*"),
        consume("tap", "--handler", "log"),
        consume("tap", "--body", "--json"),
    ]
    eventually(lambda: all(map(_is_connected, taps)), "all are connected")

    queue.send_numbered(3)

    assert taps[0].end() == 0
    shown = [json.loads(line) for line in taps[0].stdout().splitlines()]
    assert [line["outcome"] for line in shown] == ["handled"] * 3
    assert {line["event_name"] for line in shown} == {"submission_created"}
    assert {line["submission_id"] for line in shown} == {"0", "1", "2"}
    eventually(lambda: taps[1].stdout().count("handled") == 3, "a line for each, for people")
    run.signal(signal.SIGTERM)
    assert [tap.end() for tap in taps[1:]] == [0, 0]
    assert "the daemon has ended" in taps[1].stderr()
    assert all("submission_id" in json.loads(x)["body"] for x in taps[2].stdout().splitlines())
    assert run.log("summary")[-1]["received"] == 3


def test_a_tap_that_never_reads_holds_nothing_up(
    moto: Moto, consume: Start, tmp_path: Path
) -> None:
    """Nor does one that is gone: all is handled, and what they miss is not kept."""
    queue = moto.queue()
    run = consume("--queue-url", queue.url, *LOG)
    run.until("ready")
    path = str(tmp_path / "state" / "control.sock")
    hung, gone = (socket.socket(socket.AF_UNIX) for _ in range(2))
    with hung, gone:
        for client in (hung, gone):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            client.connect(path)
            client.sendall(b"GET /tap?body=1 HTTP/1.1\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 200"
        gone.close()

        queue.send([canvas_body(body={"text": "x" * 50_000, "number": n}) for n in range(40)])
        eventually(lambda: queue.counts() == (0, 0), "all is handled and deleted")

        run.signal(signal.SIGTERM)
        assert run.end() == 0
    assert run.log("summary")[-1]["handled"] == 40


def test_the_commands_of_the_readme(moto: Moto, consume: Start, tmp_path: Path) -> None:
    """As they stand there, in the directory of a daemon with the default configuration."""
    blocks = re.findall(r"<!-- test: running -->\n```sh\n(.*?)```", README, re.DOTALL)
    *others, drain = sorted("".join(blocks).splitlines(), key=lambda line: "drain" in line)
    here = {"CONSUMER_STATE_DIRECTORY": "canvas-live-events"}
    queue = moto.queue()
    run = consume("--queue-url", queue.url, "--handler", "log", **here)
    run.until("ready")
    for words in map(shlex.split, [*others, "consume resume", drain]):
        if words[0] == "curl":
            if shutil.which("curl") is not None:
                done = subprocess.run(words, cwd=tmp_path, capture_output=True, check=True)
                assert json.loads(done.stdout)
            continue
        command = consume(*words[1:], **here)
        if words[1] == "tap":
            eventually(partial(_is_connected, command), "it is connected")
            queue.send_numbered(10)
        assert command.end() == 0, command.stderr()
        assert command.stdout()
    assert run.end() == 0


def test_an_idle_daemon_drains_at_once(moto: Moto, consume: Start) -> None:
    """A paused one has no long poll to wait for: the request wakes the main thread."""
    run = consume("--queue-url", moto.queue().url, *LOG)
    run.until("ready")
    ask(consume, "pause")
    eventually(lambda: not report(consume)["open_receives"], "the open long poll has returned")

    assert ask(consume, "drain")["draining"]
    assert run.process.poll() == 0

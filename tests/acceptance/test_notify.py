"""What the daemon sends to systemd over NOTIFY_SOCKET, in order."""

from __future__ import annotations

import signal
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.moto_queues import numbered
from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.acceptance.conftest import Gate
    from tests.acceptance.scripted_queue import Script
    from tests.bench.rig import StubAddress
    from tests.processes import Consume

    Start = Callable[..., Consume]


class Manager:
    """systemd's end: collects the datagrams, as its main loop would."""

    def __init__(self, path: Path) -> None:
        self.environ = {"NOTIFY_SOCKET": str(path)}
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while datagram := self._socket.recv(65536):
            self.heard.append(datagram.decode())

    def until(self, beginning: str) -> int:
        """Wait for a datagram; returns the position of the first."""
        eventually(lambda: self.count(beginning), f"systemd hears {beginning}: {self.heard}")
        return next(i for i, text in enumerate(self.heard) if text.startswith(beginning))

    def count(self, beginning: str) -> int:
        """How many datagrams begin so."""
        return sum(text.startswith(beginning) for text in list(self.heard))

    def close(self) -> None:
        """Stop listening: an empty datagram ends the thread."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(b"", self.environ["NOTIFY_SOCKET"])
        self._thread.join()
        self._socket.close()


@pytest.fixture(name="manager")
def _manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.close()


def test_ready_comes_after_the_first_receive_that_succeeded(
    script: Script, consume: Start, manager: Manager
) -> None:
    """The check of the queue and an open receive are not enough."""
    script.hold("ReceiveMessage")
    run = consume("--queue-url", script.queue_url, **manager.environ)
    eventually(lambda: script.asked["ReceiveMessage"], "the first receive is open")
    manager.until("STATUS=waiting for the first receive")
    assert manager.count("READY=1") == 0

    script.let_go("ReceiveMessage")

    manager.until("READY=1")
    run.signal(signal.SIGTERM)
    assert run.end() == 0
    assert manager.count("READY=1") == 1


def test_a_life_as_systemd_sees_it(
    stub: StubAddress, consume: Start, manager: Manager, gate: Gate
) -> None:
    """READY, then status and watchdog; STOPPING first when stopping, and more time while draining.

    The watchdog is fed while the drain lasts, too.
    """
    run = consume(
        "--queue-url", stub.queue_url, "--handler", "gated_handlers:registry",
        WATCHDOG_USEC="1000000", **manager.environ, **gate.environ,
    )  # fmt: skip
    ready = manager.until("READY=1")
    stub.post("/send", {"body": numbered(1)})
    gate.until_started(1)
    fed = manager.count("WATCHDOG=1")
    eventually(lambda: manager.count("WATCHDOG=1") > fed + 1, "the watchdog is fed")
    run.signal(signal.SIGTERM)
    extended = manager.until("EXTEND_TIMEOUT_USEC=")
    fed = manager.count("WATCHDOG=1")
    eventually(lambda: manager.count("WATCHDOG=1") > fed, "the watchdog is fed while draining")
    gate.open()

    assert run.end() == 0
    stopping = manager.until("STOPPING=1")
    assert ready < stopping < extended
    assert manager.count("STOPPING=1") == manager.count("READY=1") == 1
    before, after = manager.heard[:stopping], manager.heard[stopping:]
    assert not any(text.startswith("EXTEND_TIMEOUT_USEC") for text in before)
    assert any(text.startswith("STATUS=draining: 1 in flight") for text in after)
    # As long as the drain may last, and some more.
    assert 60_000_000 < int(manager.heard[extended].partition("=")[2]) < 90_000_000


def test_a_start_that_waits_for_the_network_says_so(consume: Start, manager: Manager) -> None:
    """The status line says so; a stop meanwhile is reported as a stop."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/123456789012/canvas-live-events-x"
        run = consume("--queue-url", url, **manager.environ)
        manager.until("STATUS=the queue can't be reached (")
        run.signal(signal.SIGTERM)
        assert run.end() == 0

    assert manager.heard[-1].startswith("STOPPING=1\nSTATUS=")
    assert manager.count("READY=1") == 0


def test_a_reload_has_a_beginning_and_an_end(
    script: Script, consume: Start, manager: Manager, tmp_path: Path
) -> None:
    """Also one that fails: without the end, systemd would wait for it."""
    config = tmp_path / "config.yaml"
    config.write_text(f"queue: {{url: '{script.queue_url}'}}")
    run = consume("--config", str(config), **manager.environ)
    manager.until("READY=1")

    reloads = [("unmatched: archive", "reloaded"), ("x", "reload_failed")]
    for count, (text, event) in enumerate(reloads, 1):
        config.write_text(f"queue: {{url: '{script.queue_url}'}}\n{text}")
        run.signal(signal.SIGHUP)
        run.until(event)
        eventually(lambda n=count: manager.count("READY=1") == n + 1, "systemd hears of its end")  # type: ignore[misc]

    kinds = [text.partition("=")[0] for text in manager.heard if text.startswith("RE")]
    assert ["READY", *["RELOADING", "READY"] * 2] == kinds
    began = next(text for text in manager.heard if text.startswith("RELOADING"))
    assert "MONOTONIC_USEC=" in began
    run.signal(signal.SIGTERM)
    assert run.end() == 0

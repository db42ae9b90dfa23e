"""What is said to systemd, seen from its end of the socket."""

from __future__ import annotations

import os
import socket
import uuid
from typing import TYPE_CHECKING

import pytest

from consumer.service.systemd import Notifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Manager:
    """systemd's end: a bound datagram socket."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        """All datagrams so far."""
        datagrams = []
        while True:
            try:
                datagrams.append(self.socket.recv(65536).decode("utf-8"))
            except BlockingIOError:
                return datagrams


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> str:
    return str(tmp_path / "notify")


@pytest.fixture(name="manager")
def _manager(path: str) -> Iterator[Manager]:
    manager = Manager(path)
    yield manager
    manager.socket.close()


@pytest.mark.parametrize(
    ("say", "datagram"),
    [
        (lambda n: n.ready("receiving"), "READY=1\nSTATUS=receiving"),
        (
            lambda n: n.reloading("reloading", 12.5),
            "RELOADING=1\nMONOTONIC_USEC=12500000\nSTATUS=reloading",
        ),
        (lambda n: n.status("5 in flight"), "STATUS=5 in flight"),
        (lambda n: n.stopping("draining"), "STOPPING=1\nSTATUS=draining"),
        (lambda n: n.watchdog(), "WATCHDOG=1"),
        (lambda n: n.extend_timeout(12.5), "EXTEND_TIMEOUT_USEC=12500000"),
        (lambda n: n.extend_timeout(-3), "EXTEND_TIMEOUT_USEC=1"),
    ],
)
def test_each_call_is_one_datagram(
    manager: Manager, path: str, say: Callable[[Notifier], bool], datagram: str
) -> None:
    """Each call sends one datagram of systemd's protocol, and returns True."""
    notifier = Notifier({"NOTIFY_SOCKET": path})

    sent = say(notifier)

    assert sent is True
    assert [datagram] == manager.heard()


def test_abstract_socket() -> None:
    """A NOTIFY_SOCKET that begins with @ is a name in the abstract name space."""
    name = f"notify-test-{uuid.uuid4()}"
    manager = Manager("\0" + name)

    Notifier({"NOTIFY_SOCKET": "@" + name}).watchdog()

    assert manager.heard() == ["WATCHDOG=1"]
    manager.socket.close()


def test_status_cannot_smuggle_a_field(manager: Manager, path: str) -> None:
    """A newline, NUL or escape in a status cannot begin another assignment or a colour."""
    Notifier({"NOTIFY_SOCKET": path}).status("a\nREADY=1\r\n\x00b\x1b[31m  c\t")

    assert manager.heard() == ["STATUS=a READY=1 b [31m c"]


def test_status_is_readable_and_short(manager: Manager, path: str) -> None:
    """A status of any length and with lone surrogates fits in a datagram that systemd accepts."""
    Notifier({"NOTIFY_SOCKET": path}).status("é\ud800" + "ü" * 5000)

    (datagram,) = manager.heard()
    assert datagram.startswith("STATUS=é")
    assert "ü" * 500 in datagram
    assert len(datagram.encode()) < 4096


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "@"},
        {"NOTIFY_SOCKET": "vsock:2:1234"},
        {"NOTIFY_SOCKET": "relative/path"},
    ],
)
def test_without_systemd_nothing_happens(environ: dict[str, str]) -> None:
    """Without a socket, or with one of another kind, every call returns False."""
    notifier = Notifier(environ | {"WATCHDOG_USEC": "1000000"})

    assert not notifier.active
    assert not notifier.ready("on")
    assert not notifier.watchdog()
    assert notifier.watchdog_interval_seconds is None


@pytest.mark.parametrize("address", ["/no/such/socket", "/" + "x" * 300, "/nul\0inside"])
def test_failed_send_never_raises(address: str) -> None:
    """A socket that is closed, too long or malformed costs only the datagram."""
    notifier = Notifier({"NOTIFY_SOCKET": address})

    assert notifier.active
    assert not notifier.ready("on")


def test_full_queue_never_blocks(manager: Manager, path: str) -> None:
    """When systemd does not read, calls return False at once, and work again once it reads."""
    notifier = Notifier({"NOTIFY_SOCKET": path})

    answers = [notifier.watchdog() for _ in range(2000)]

    assert answers[0] is True
    assert answers[-1] is False
    assert answers.count(True) == len(manager.heard())
    assert notifier.watchdog() is True


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "120000000"}, 60.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": str(os.getpid() + 1)}, None),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "me"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_watchdog_interval(environ: dict[str, str], seconds: float | None) -> None:
    """The interval is half of what systemd allows; None if it is off or meant for another."""
    notifier = Notifier({"NOTIFY_SOCKET": "/run/systemd/notify", **environ})

    assert seconds == notifier.watchdog_interval_seconds

"""Programs of the command handler in the shipped unit: stop, kill, reload, watchdog."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.systemd.conftest import Guest
    from tests.systemd.guest.conftest import Configure

    Run = Callable[..., None]

pytestmark = [pytest.mark.systemd, pytest.mark.xdist_group("guest")]

NAME = "canvas-live-events-consumer"
UNIT = f"{NAME}.service"
STATE = f"/var/lib/private/{NAME}"
PROCESSES = f"/sys/fs/cgroup/system.slice/{UNIT}/cgroup.procs"

#: Each notes that it began; how it goes on is up to the test.
PROGRAMS = {
    "waits": 'until [ -e "$STATE_DIRECTORY/go" ]; do sleep 0.1; done',
    "ignores-sigterm": "trap '' TERM; while :; do sleep 0.1; done",
    "is-killed-once": '[ -e "$STATE_DIRECTORY/go" ] || kill -KILL $$',
}


@pytest.fixture(name="run")
def _run(guest: Guest, configure: Configure) -> Iterator[Run]:
    """run(program, **sections): start the service with a program as its handler."""
    for name, text in PROGRAMS.items():
        script = f'#!/bin/sh\ncat > /dev/null\ntouch "$STATE_DIRECTORY/began"\n{text}\n'
        guest.put(f"/usr/local/bin/{name}", script, 0o755)

    def run(program: str, **sections: Any) -> None:
        command = {
            "mode": "batch",
            "run": [f"/usr/local/bin/{program}"],
            "environment": {"STATE_DIRECTORY": None},
        }
        entry = {"name": "program", "command": command, "linger_seconds": 0.1}
        configure(handlers=[entry], **sections)
        guest.start(UNIT)

    yield run
    for name in PROGRAMS:
        guest.path(f"/usr/local/bin/{name}").unlink()


def began(guest: Guest) -> bool:
    return guest.path(f"{STATE}/began").exists()


def processes(guest: Guest) -> int:
    """How many the unit has."""
    path = guest.path(PROCESSES)
    return len(path.read_text().splitlines()) if path.exists() else 0


def deliver_again(guest: Guest) -> None:
    """As SQS does when the visibility timeout has passed."""
    guest.path("/run/queue/flight/m1").rename(guest.path("/run/queue/inbox/m1"))


def test_a_stop_waits_for_a_program_and_so_does_the_watchdog(
    guest: Guest, run: Run, event: str
) -> None:
    """A program that is at work longer than WatchdogSec= is no stall, also in a drain."""
    guest.put(f"/etc/systemd/system/{UNIT}.d/watchdog.conf", "[Service]\nWatchdogSec=3\n")
    guest.run("systemctl", "daemon-reload")
    run("waits")
    guest.send("m1", event)
    guest.until(lambda: began(guest), "the program is at work")
    guest.until_fed(4)

    guest.run("systemctl", "stop", "--no-block", UNIT)
    guest.until(lambda: guest.show("StatusText").startswith("draining"), "it drains")
    time.sleep(4)  # longer than WatchdogSec=, and nothing may happen
    assert guest.show("ActiveState") == "deactivating"
    guest.put(f"{STATE}/go", "")

    guest.until(lambda: guest.show("ActiveState") == "inactive", "it stopped")
    shown = [guest.show(what) for what in ("Result", "ExecMainStatus", "NRestarts")]
    assert shown == ["success", "0", "0"]
    assert guest.has_deleted("m1")


def test_a_program_that_does_not_end_is_ended_by_a_stop(guest: Guest, run: Run, event: str) -> None:
    """In time, long before systemd would kill all; its event is back in the queue."""
    run("ignores-sigterm", engine={"drain_timeout_seconds": 1})
    guest.send("m1", event)
    guest.until(lambda: began(guest), "the program is at work")

    guest.run("systemctl", "stop", UNIT)

    assert [guest.show(what) for what in ("Result", "ExecMainStatus")] == ["success", "0"]
    assert processes(guest) == 0
    assert guest.path("/run/queue/inbox/m1").exists()
    lines = [str(entry["MESSAGE"]) for entry in guest.journal()]
    assert not [line for line in lines if "SIGKILL" in line or "Killing process" in line]


def test_after_a_kill_no_program_is_left_and_the_event_comes_again(
    guest: Guest, run: Run, event: str
) -> None:
    """Killed with all it has started, or alone: systemd ends the rest, and starts it again."""
    for number, who in enumerate(("all", "main"), 1):
        run("ignores-sigterm")
        guest.send("m1", event)
        guest.until(lambda: began(guest), "the program is at work")
        guest.path(f"{STATE}/began").unlink()

        guest.run("systemctl", "kill", f"--kill-who={who}", "--signal=KILL", UNIT)

        guest.until(lambda: guest.show("NRestarts") == "1", f"restart {number}")
        guest.until(lambda: guest.show("ActiveState") == "active", "it is up again")
        assert processes(guest) == 1
        deliver_again(guest)
        guest.until(lambda: began(guest), "the program got the event again")
        guest.run("systemctl", "kill", "--signal=KILL", UNIT)
        guest.run("systemctl", "stop", UNIT)
        guest.path(f"{STATE}/began").unlink()
        guest.path("/run/queue/flight/m1").unlink()


def test_a_program_that_is_killed_ends_alone(guest: Guest, run: Run, event: str) -> None:
    """As by the kernel when memory is short: the reason is logged, and the service goes on."""
    assert guest.show("OOMPolicy") == "continue"
    run("is-killed-once")
    guest.send("m1", event)
    guest.until(lambda: guest.logged("handler_retry"), "it has failed")
    (retry,) = guest.logged("handler_retry")
    assert retry["reason"] == "the program was ended by SIGKILL"
    assert [guest.show(what) for what in ("ActiveState", "NRestarts")] == ["active", "0"]
    assert not guest.has_deleted("m1")
    guest.run("systemctl", "stop", UNIT)
    guest.put(f"{STATE}/go", "")

    deliver_again(guest)
    guest.start(UNIT)

    guest.until(lambda: guest.has_deleted("m1"), "the event is handled")


def test_a_reload_replaces_a_program_that_waits_for_events(
    guest: Guest, configure: Configure, event: str
) -> None:
    """The old one ends with its input; the new one gets the next event."""
    script = 'while read -r line; do echo $$ >> "$STATE_DIRECTORY/$1"; echo ok; done'
    for name in ("old", "new"):
        command = {
            "mode": "lines",
            "run": ["sh", "-c", script, "sh", name],
            "environment": {"STATE_DIRECTORY": None},
        }
        configure(handlers=[{"name": "p", "command": command, "linger_seconds": 0.1}])
        guest.run("systemctl", "reload-or-restart", UNIT)
        guest.until(partial(guest.logged, "reloaded" if name == "new" else "ready"), "it is loaded")
        for message in (f"{name}1", f"{name}2"):
            guest.send(message, event)
            guest.until(partial(guest.has_deleted, message), "the event is handled")

    pids = {name: guest.path(f"{STATE}/{name}").read_text().split() for name in ("old", "new")}
    assert [len(set(numbers)) for numbers in pids.values()] == [1, 1]
    assert [len(numbers) for numbers in pids.values()] == [2, 2]
    guest.until(lambda: processes(guest) == 2, "the old one has ended")

"""The shipped unit under a real systemd: start, health, stop, and what it does about failures."""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.systemd.conftest import Guest
    from tests.systemd.guest.conftest import Configure

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.xdist_group("guest"),
    pytest.mark.usefixtures("configure"),
]

NAME = "canvas-live-events-consumer"
UNIT = f"{NAME}.service"
STATE = f"/var/lib/private/{NAME}"


def test_start_waits_for_the_first_receive(guest: Guest) -> None:
    """`systemctl start` returns once messages can be received, and not before."""
    guest.put("/run/queue/mode", "slow")

    guest.run("systemctl", "start", "--no-block", UNIT)

    guest.until(lambda: "ReceiveMessage signed" in guest.requests(), "a receive is under way")
    assert guest.show("ActiveState") == "activating"
    guest.put("/run/queue/mode", "ok")
    guest.until(lambda: guest.show("ActiveState") == "active", "it is ready")


def test_status_is_for_people(guest: Guest) -> None:
    """`systemctl status` shows in one line what the consumer is doing."""
    guest.start(UNIT)

    guest.until(lambda: "in flight" in guest.show("StatusText"), "a status with figures")

    text = guest.show("StatusText")
    assert text.startswith("receiving")
    assert text.isprintable()
    assert f'Status: "{text.partition(":")[0]}' in guest.run("systemctl", "status", UNIT)


def test_message_is_archived_in_the_state_directory_and_deleted(guest: Guest, event: str) -> None:
    """Out of the box an event ends in the archive of the state directory, then is deleted."""
    guest.start(UNIT)

    guest.send("m1", event)

    guest.until(lambda: guest.path("/run/queue/deleted/m1").exists(), "the message is deleted")
    archived = list(guest.path(STATE).rglob("*.jsonl"))
    assert any("21070000000000042" in path.read_text() for path in archived)
    assert {path.stat().st_mode & 0o077 for path in archived} == {0}
    assert guest.path(STATE).stat().st_mode & 0o777 == 0o700


def test_stalled_worker_is_killed_and_restarted(guest: Guest, event: str) -> None:
    """A process without progress is killed by the watchdog, started again, and works on."""
    guest.put(f"/etc/systemd/system/{UNIT}.d/watchdog.conf", "[Service]\nWatchdogSec=3\n")
    guest.run("systemctl", "daemon-reload")
    guest.start(UNIT)
    guest.until_fed(3)
    assert guest.show("NRestarts") == "0"
    stalled = guest.show("MainPID")

    guest.run("kill", f"-{signal.SIGSTOP}", stalled)

    guest.until(lambda: guest.show("NRestarts") == "1", "the watchdog bit")
    guest.until(lambda: guest.show("ActiveState") == "active", "it is up again")
    assert guest.show("MainPID") != stalled
    assert any("Watchdog timeout" in str(line["MESSAGE"]) for line in guest.journal())
    assert not list(guest.path("/").glob("core*"))
    guest.send("m1", event)
    guest.until(lambda: guest.path("/run/queue/deleted/m1").exists(), "it works on")


def test_stop_drains(guest: Guest, configure: Configure, event: str) -> None:
    """`systemctl stop` lets the handler finish and its message be deleted; then exit 0."""
    configure(handler="slow")
    guest.start(UNIT)
    guest.send("m1", event)
    guest.until(lambda: guest.path(f"{STATE}/began").exists(), "the handler began")

    guest.run("systemctl", "stop", "--no-block", UNIT)

    guest.until(lambda: guest.show("StatusText").startswith("draining"), "it drains")
    assert guest.show("ActiveState") == "deactivating"
    guest.put(f"{STATE}/go", "")
    guest.until(lambda: guest.show("ActiveState") == "inactive", "it stopped")
    assert guest.show("Result") == "success"
    assert guest.show("ExecMainStatus") == "0"
    assert guest.path(f"{STATE}/ended").exists()
    assert guest.path("/run/queue/deleted/m1").exists()


@pytest.mark.parametrize(
    ("status", "sections", "mode"),
    [("78", {"quue": {}}, "ok"), ("78", {"queue": "none"}, "ok"), ("69", {}, "missing")],
)
def test_what_a_person_must_mend_is_not_restarted(
    guest: Guest, configure: Configure, status: str, sections: dict[str, Any], mode: str
) -> None:
    """A wrong configuration or a missing queue ends the service; systemd does not try again."""
    configure(**sections)
    guest.put("/run/queue/mode", mode)

    guest.run("systemctl", "start", UNIT, check=False)

    guest.until(lambda: guest.show("ActiveState") == "failed", "it gave up")
    assert guest.show("ExecMainStatus") == status
    assert guest.show("NRestarts") == "0"


def is_another_run(guest: Guest, invocation: str) -> bool:
    """True once the unit runs again, after the run of that invocation."""
    return guest.show("InvocationID") != invocation and guest.show("MainPID") != "0"


def test_crash_is_restarted_however_often(guest: Guest) -> None:
    """Whatever else ends the process, it is started again, with no limit to how often."""
    guest.start(UNIT)

    for _ in range(7):
        crashed = guest.show("InvocationID")
        guest.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", UNIT)
        guest.until(partial(is_another_run, guest, crashed), "a new process")

    guest.until(lambda: guest.show("ActiveState") == "active", "it is up again")
    assert guest.show("NRestarts") == "7"

"""`systemctl reload` of the shipped unit: the same process goes on with another configuration."""

from __future__ import annotations

import json
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


def logged(guest: Guest, event: str) -> list[dict[str, Any]]:
    """The lines of one event in the journal."""
    texts = [str(line["MESSAGE"]) for line in guest.journal()]
    lines = [json.loads(text) for text in texts if text.startswith("{")]
    return [line for line in lines if line["event"] == event]


def test_reload_changes_the_handlers(guest: Guest, configure: Configure, event: str) -> None:
    """Also for systemd it is one reload, which ends, and one process."""
    guest.start(UNIT)
    process = guest.show("MainPID")

    configure(handler="slow")
    guest.run("systemctl", "reload", UNIT)
    guest.until(lambda: logged(guest, "reloaded"), "it is reloaded")
    guest.until(lambda: guest.show("ActiveState") == "active", "systemd has seen its end")
    guest.until(lambda: guest.show("StatusText").startswith("receiving"), "the status is usual")

    guest.send("m1", event)
    guest.until(lambda: guest.path(f"{STATE}/began").exists(), "the new handler runs")
    guest.put(f"{STATE}/go", "")
    guest.until(lambda: guest.path("/run/queue/deleted/m1").exists(), "the message is deleted")
    assert guest.show("MainPID") == process
    assert guest.show("ReloadResult") == "success"


def test_faulty_configuration_changes_nothing(guest: Guest, configure: Configure) -> None:
    """The errors are in the journal, and the service works on."""
    guest.start(UNIT)
    process = guest.show("MainPID")

    configure(quue={})
    guest.run("systemctl", "reload", UNIT)

    guest.until(lambda: logged(guest, "reload_failed"), "the error is logged")
    assert "quue" in logged(guest, "reload_failed")[0]["errors"][0]
    guest.until(lambda: guest.show("ActiveState") == "active", "systemd has seen its end")
    assert guest.show("MainPID") == process


def test_stop_during_a_reload_drains(guest: Guest, configure: Configure, event: str) -> None:
    """The handler of the old configuration finishes first."""
    configure(handler="slow")
    guest.start(UNIT)
    guest.send("m1", event)
    guest.until(lambda: guest.path(f"{STATE}/began").exists(), "the handler began")
    configure()
    guest.run("systemctl", "reload", "--no-block", UNIT)
    guest.until(lambda: guest.show("StatusText").startswith("reloading"), "it waits for it")
    assert guest.show("ActiveState") == "reloading"

    guest.run("systemctl", "stop", "--no-block", UNIT)

    guest.until(lambda: guest.show("StatusText").startswith("draining"), "it drains")
    guest.put(f"{STATE}/go", "")
    guest.until(lambda: guest.show("ActiveState") == "inactive", "it stopped")
    assert guest.show("ExecMainStatus") == "0"
    assert guest.path("/run/queue/deleted/m1").exists()

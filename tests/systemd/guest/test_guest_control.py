"""The control socket of the shipped units: for root, and for no other user."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

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
CONSUME = f"/opt/{NAME}/.venv/bin/consume"


def test_root_sees_and_pauses_the_service_and_others_do_not(guest: Guest) -> None:
    """Without an option it is the unit's socket; the status line shows the pause."""
    guest.start(NAME)

    assert json.loads(guest.run(CONSUME, "status", "--json"))["state"] == "receiving"
    guest.run(CONSUME, "pause")
    guest.until(lambda: guest.show("StatusText").startswith("paused"), "systemd shows it")
    guest.run(CONSUME, "resume")
    assert "running for" in guest.run(CONSUME, "status")

    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    refused = guest.run(
        "bash", "-c", f'{" ".join(nobody)} {CONSUME} status --socket /run/{NAME}/control.sock; '
        'echo "exit $?"',
    )  # fmt: skip
    assert "sudo" in refused
    assert "exit 77\n" in refused


def test_a_drained_service_is_not_started_again(guest: Guest, configure: Configure) -> None:
    """That one instance, and no other; its socket goes with it."""
    for part in ("aws_access_key_id", "aws_secret_access_key"):
        value = guest.path(f"/etc/credstore/{NAME}.{part}").read_text()
        guest.put(f"/etc/credstore/{NAME}-test.{part}", value, 0o600)
    configure("test")
    guest.start(NAME, f"{NAME}@test")

    guest.run(CONSUME, "drain", "--instance", "test")

    guest.until(lambda: guest.show("ActiveState", f"{NAME}@test") == "inactive", "it has ended")
    shown = [guest.show(what, f"{NAME}@test") for what in ("Result", "NRestarts", "ExecMainStatus")]
    assert shown == ["success", "0", "0"]
    assert guest.show("ActiveState") == "active"
    assert not guest.path(f"/run/{NAME}-test").exists()


def test_the_metrics_are_served_from_inside_the_sandbox(guest: Guest, configure: Configure) -> None:
    """Also those of the process, although the unit hides the rest of /proc."""
    configure(metrics={"listen": "127.0.0.1:9464"})
    guest.start(NAME)

    def fetch(path: str) -> str:
        read = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"
        return guest.run("python3", "-c", read, f"http://127.0.0.1:9464{path}")

    metrics = fetch("/metrics")
    for name in ("receives_total", "process_cpu_seconds_total", "process_resident_memory_bytes"):
        assert f"\ncanvas_live_events_{name}" in metrics, name
    assert fetch("/healthz") == "ok\n\n"
    assert "<title>" in fetch("/")

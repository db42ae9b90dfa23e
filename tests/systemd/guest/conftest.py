"""For the tests of a running service: a clean guest, and the configuration of its instances."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.systemd.conftest import Guest

    #: configure(instance="", *, handler="", **sections); `handler` is one of guest_handlers.py.
    Configure = Callable[..., None]

NAME = "canvas-live-events-consumer"


@pytest.fixture(name="guest")
def _guest(machine: Guest) -> Iterator[Guest]:
    """The guest with nothing running, nothing in the queue, and quick restarts."""
    machine.mark()
    machine.put("/run/queue/mode", "ok")
    machine.put("/run/queue/requests", "")
    machine.put("/etc/systemd/system/service.d/soon.conf", "[Service]\nRestartSec=100ms\n")
    machine.run("systemctl", "daemon-reload")
    yield machine
    machine.run("systemctl", "kill", "--signal=KILL", f"{NAME}*.service", check=False)
    machine.run("systemctl", "stop", f"{NAME}*.service", check=False)
    machine.run("systemctl", "reset-failed")
    machine.run(
        "bash", "-c",
        f"rm -rf /var/lib/private/{NAME}* /var/lib/{NAME}* /run/queue/{{inbox,flight,deleted}}/* "
        f"/etc/systemd/system/{NAME}.service.d /etc/{NAME}/*.yaml",
    )  # fmt: skip


@pytest.fixture(name="configure")
def _configure(guest: Guest) -> Configure:
    """Writes a configuration that works, for the service or an instance of it."""

    def configure(instance: str = "", *, handler: str = "", **sections: Any) -> None:
        unit = f"{NAME}@{instance}.service" if instance else f"{NAME}.service"
        content: dict[str, Any] = {
            "queue": {
                "url": "http://127.0.0.1:4566/123456789012/canvas-live-events-guest",
                "wait_time_seconds": 1,
            },
            "aws": {
                "region": "us-east-1",
                "endpoint_url": "http://127.0.0.1:4566",
                "access_key_id_file": f"/run/credentials/{unit}/aws_access_key_id",
                "secret_access_key_file": f"/run/credentials/{unit}/aws_secret_access_key",
            },
        }
        if handler:
            target = {"target": f"guest_handlers:{handler}"}
            content["handlers"] = [{"name": handler, "python": target}]
        text = json.dumps(content | sections)  # JSON is YAML, too
        guest.put(f"/etc/{NAME}/{instance or 'config'}.yaml", text)

    configure()
    return configure


@pytest.fixture(name="event")
def _event() -> str:
    """The body of a message with a student's grade in it."""
    return json.dumps(
        {
            "metadata": {"event_name": "grade_change", "event_time": "2024-03-05T10:11:12.000Z"},
            "body": {"grade": "A-plus-of-a-student", "submission_id": "21070000000000042"},
        }
    )

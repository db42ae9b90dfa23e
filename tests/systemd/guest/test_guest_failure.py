"""The report of a service that has failed for good, as the guide installs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.systemd.conftest import Guest
    from tests.systemd.guest.conftest import Configure

pytestmark = [pytest.mark.systemd, pytest.mark.xdist_group("guest")]

NAME = "canvas-live-events-consumer"
UNIT = f"{NAME}.service"
DROP_IN = f"[Unit]\nOnFailure={NAME}-failure@%N.service\n"


def test_a_failure_that_needs_a_person_is_reported(guest: Guest, configure: Configure) -> None:
    """With exit code and reason in the journal, and by mail; nothing of an earlier failure."""
    configure(engine={"max_pollers": 0})
    guest.run("systemctl", "start", UNIT, check=False)
    configure(engine={"workers": 0})
    guest.put(f"/etc/systemd/system/{UNIT}.d/failure.conf", DROP_IN)
    guest.put("/usr/sbin/sendmail", '#!/bin/sh\ncat >"/run/mail.$1"\n', 0o755)
    guest.run("systemctl", "daemon-reload")

    guest.run("systemctl", "start", UNIT, check=False)
    report = f"{NAME}-failure@{NAME}.service"
    guest.until(lambda: guest.path("/run/mail.root").exists(), "the report is sent")
    guest.until(lambda: guest.show("ActiveState", report) == "inactive", "the report has ended")

    mail = guest.path("/run/mail.root").read_text()
    subject, _, *lines = mail.splitlines()
    assert subject.startswith(f"Subject: {NAME} on ")
    assert subject.endswith(" has failed: exit-code 78")
    assert "engine.workers: 0: must be" in lines[0]
    assert "status=78" in lines[1]
    assert len(lines) == 2
    crit = [entry["MESSAGE"] for entry in guest.journal(report) if entry["PRIORITY"] == "2"]
    assert [subject.removeprefix("Subject: "), *lines] == crit

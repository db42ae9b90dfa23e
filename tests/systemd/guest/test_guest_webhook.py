"""The webhook's units under a real systemd: the socket, restarts under posts, health."""

from __future__ import annotations

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.systemd.conftest import Guest

pytestmark = [pytest.mark.systemd, pytest.mark.xdist_group("guest")]

NAME = "canvas-live-events-webhook"
UNIT, SOCKET = f"{NAME}.service", f"{NAME}.socket"
PROGRAM = "/opt/canvas-live-events-consumer/.venv/bin"
CONFIGURATION = "/etc/canvas-live-events-consumer/webhook.yaml"
SECRET = "0123456789abcdef0123456789abcdef"
#: Posts numbers until there is a file; writes how many, and what was not answered with 204.
POSTER = f"""
import http.client, pathlib, sys
posted, failed = 0, []
while posted < int(sys.argv[1]) and not pathlib.Path("/run/queue/enough").exists():
    connection = http.client.HTTPConnection("127.0.0.1", 8443, timeout=60)
    try:
        connection.request("POST", "/{SECRET}", str(posted))
        answer = connection.getresponse()
        if answer.status != 204:
            failed.append([posted, answer.status, answer.read().decode()])
    except (OSError, http.client.HTTPException) as error:
        failed.append([posted, repr(error)])
    connection.close()
    posted += 1
print(posted, failed)
"""


@pytest.fixture(name="webhook", autouse=True)
def _webhook(guest: Guest) -> Iterator[None]:
    """Configured, with its key and its secret path in systemd credentials; not started."""
    credentials = f"/run/credentials/{UNIT}"
    content = {
        "queue": {"url": "http://127.0.0.1:4566/123456789012/canvas-live-events-guest"},
        "aws": {
            "region": "us-east-1",
            "endpoint_url": "http://127.0.0.1:4566",
            "access_key_id_file": f"{credentials}/aws_access_key_id",
            "secret_access_key_file": f"{credentials}/aws_secret_access_key",
        },
        "webhook": {
            "require_signature": False,
            "secret_path_file": f"{credentials}/secret_path",
        },
    }
    guest.put(CONFIGURATION, json.dumps(content))
    guest.put(f"/etc/credstore/{NAME}.aws_access_key_id", guest.key_id, 0o600)
    guest.put(f"/etc/credstore/{NAME}.aws_secret_access_key", guest.secret, 0o600)
    guest.put(f"/etc/credstore/{NAME}.secret_path", SECRET, 0o600)
    guest.put("/opt/poster.py", POSTER)
    guest.run("rm", "-f", "/run/queue/sent", "/run/queue/enough")
    yield
    guest.run("systemctl", "stop", SOCKET, UNIT, check=False)
    guest.run("systemctl", "reset-failed")
    guest.run(
        "bash", "-c",
        f"rm -rf /var/lib/private/{NAME} /var/lib/{NAME} /etc/systemd/system/{UNIT}.d "
        f"/etc/credstore/{NAME}.*",
    )  # fmt: skip


def post(guest: Guest, count: int) -> str:
    """Post so many at most; what was not answered with 204."""
    return guest.run(f"{PROGRAM}/python", "/opt/poster.py", str(count)).strip()


def sent(guest: Guest) -> set[int]:
    """The numbers in the queue."""
    return {int(line) for line in guest.path("/run/queue/sent").read_text().split()}


def test_the_first_post_starts_the_service(guest: Guest) -> None:
    """The socket is enough; the post waits until the queue has answered, and gets its 204."""
    guest.start(SOCKET)
    assert guest.show("ActiveState", UNIT) == "inactive"

    assert post(guest, 1) == "1 []"

    assert sent(guest) == {0}
    assert {line.split()[1] for line in guest.requests()} == {"signed"}
    guest.until(lambda: guest.show("ActiveState", UNIT) == "active", "READY was sent")
    guest.until(lambda: " 1 stored" in guest.show("StatusText", UNIT), "a status with figures")
    assert guest.show("StatusText", UNIT).startswith("receiving posts: 1 stored, 0 waiting, ")
    assert SECRET not in json.dumps(guest.journal(UNIT))


def test_restarts_under_posts_drop_none(guest: Guest) -> None:
    """Each post is answered with 204, by the old process or by the new one; counts are kept."""
    guest.start(SOCKET, UNIT)
    with ThreadPoolExecutor(1) as pool:
        posting = pool.submit(post, guest, 1_000_000)
        for _ in range(3):
            before = len(sent(guest)) if guest.path("/run/queue/sent").exists() else 0
            process = guest.show("MainPID", UNIT)
            guest.run("systemctl", "restart", UNIT)
            assert guest.show("MainPID", UNIT) != process
            guest.until(
                lambda least=before + 10: len(sent(guest)) > least,  # type: ignore[misc]
                "posts are stored again",
            )
        guest.put("/run/queue/enough", "")
        posted, _, failed = posting.result(120).partition(" ")

    assert failed == "[]"
    assert sent(guest) == set(range(int(posted)))
    guest.run("systemctl", "stop", SOCKET, UNIT)
    kept = guest.path(f"/var/lib/private/{NAME}/webhook_counts.json")
    answers = [counts for _, counts in json.loads(kept.read_text())["steps"]]
    assert sum(counts["204"] for counts in answers) == int(posted)
    assert kept.stat().st_mode & 0o777 == 0o600


def test_check_as_root(guest: Guest) -> None:
    """It finds the unit, its state and its credentials; stopped, it is not started by the check."""

    def row(name: str) -> dict[str, str]:
        command = (f"{PROGRAM}/consume", "check", "--config", CONFIGURATION, "--json")
        written = guest.run(*command, check=False)
        (found,) = (row for row in json.loads(written) if row["name"] == name)
        return dict(found)

    guest.start(SOCKET, UNIT)
    assert post(guest, 1) == "1 []"
    guest.run("systemctl", "restart", UNIT)
    assert row("webhook")["level"] == "green"
    assert "it answers at 127.0.0.1:8443; in 24 hours 0 errors" in row("webhook")["finding"]
    assert row("sqs:SendMessage")["level"] == "green"
    assert sent(guest) == {0}

    guest.run("systemctl", "stop", UNIT)
    guest.run("systemctl", "start", SOCKET)
    assert row("webhook")["level"] == "yellow"
    assert guest.show("ActiveState", UNIT) == "inactive"
    guest.run("bash", "-c", row("webhook")["remedy"].removeprefix("sudo "))
    assert row("webhook")["level"] == "green"
    guest.run("systemctl", "disable", SOCKET, UNIT)


def test_a_stalled_process_is_killed_and_restarted(guest: Guest) -> None:
    """By the watchdog; a process that works is left alone."""
    guest.put(f"/etc/systemd/system/{UNIT}.d/watchdog.conf", "[Service]\nWatchdogSec=3\n")
    guest.run("systemctl", "daemon-reload")
    guest.start(SOCKET, UNIT)
    guest.until_fed(3, UNIT)
    assert guest.show("NRestarts", UNIT) == "0"
    stalled = guest.show("MainPID", UNIT)

    guest.run("kill", f"-{signal.SIGSTOP}", stalled)

    guest.until(lambda: guest.show("NRestarts", UNIT) == "1", "the watchdog bit")
    assert post(guest, 1) == "1 []"
    assert any("Watchdog timeout" in str(line["MESSAGE"]) for line in guest.journal(UNIT))


def test_what_a_person_must_fix_is_not_restarted(guest: Guest) -> None:
    """A wrong configuration ends the service."""
    guest.put(CONFIGURATION, "{quue: {}}")

    guest.run("systemctl", "start", UNIT, check=False)

    guest.until(lambda: guest.show("ActiveState", UNIT) == "failed", "it gave up")
    assert guest.show("ExecMainStatus", UNIT) == "78"
    assert guest.show("NRestarts", UNIT) == "0"


def test_systemd_has_nothing_to_say_about_the_units(guest: Guest) -> None:
    """Where the program is installed; and the exposure is as low as the daemon's."""
    assert guest.run("systemd-analyze", "verify", UNIT, SOCKET) == ""
    guest.run("systemd-analyze", "security", "--threshold=15", UNIT)

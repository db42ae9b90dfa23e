"""A metadata service of EC2, and a container's credential endpoint, that answer as a test says."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLE = "canvas-consumer"
_ROLES = "/latest/meta-data/iam/security-credentials/"


class MetadataService:
    """The answers, and the paths of the requests. Any thread may use it."""

    def __init__(self) -> None:
        #: The status of every answer; 200 brings credentials.
        self.status = 200
        #: While it is cleared, requests get no answer.
        self.answering = threading.Event()
        self.answering.set()
        #: How long credentials are valid.
        self.good_for = timedelta(hours=6)
        self.asked: list[str] = []
        self.url = ""

    @property
    def environ(self) -> dict[str, str]:
        """For a process that uses the credentials of the machine's role."""
        return {
            "AWS_ACCESS_KEY_ID": "",
            "AWS_SECRET_ACCESS_KEY": "",
            "AWS_EC2_METADATA_DISABLED": "false",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.url,
        }

    def content(self, path: str) -> str:
        """The content that the real services return."""
        if path.endswith("/api/token"):
            return "a-token"
        if path == _ROLES:
            return ROLE
        now = datetime.now(UTC)
        return json.dumps(
            {
                "Code": "Success",
                "AccessKeyId": "AKIAMETADATA",
                "SecretAccessKey": "CANARY-SECRET",
                "Token": "CANARY-TOKEN",
                "Expiration": f"{now + self.good_for:%Y-%m-%dT%H:%M:%SZ}",
            }
        )


class _Endpoint(BaseHTTPRequestHandler):
    service: ClassVar[MetadataService]

    def do_GET(self) -> None:
        self.service.asked.append(self.path)
        self.service.answering.wait(300)
        payload = self.service.content(self.path).encode()
        if self.service.status != 200:
            payload = b"CANARY-PAGE"
        self.send_response(self.service.status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_PUT = do_GET  # noqa: N815 - http.server's way

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """The process under test has ended, which is expected."""


@contextmanager
def metadata_service() -> Iterator[MetadataService]:
    """One on a free port of the loopback interface, as long as the context lasts."""
    service = MetadataService()
    with _Server(("127.0.0.1", 0), type("Endpoint", (_Endpoint,), {"service": service})) as server:
        service.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield service
        finally:
            service.answering.set()
            server.shutdown()
            thread.join()

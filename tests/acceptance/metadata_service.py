"""A metadata service of EC2, and a container's credential endpoint, that answer as a test says."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.acceptance.http_endpoint import Endpoint, running_endpoint

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


@contextmanager
def metadata_service() -> Iterator[MetadataService]:
    """One on a free port of the loopback interface, while the context lasts."""
    service = MetadataService()

    class _Endpoint(Endpoint):
        def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
            service.asked.append(self.path)
            service.answering.wait(300)
            content = service.content(self.path) if service.status == 200 else "CANARY-PAGE"
            self.answer(service.status, content.encode())

        do_PUT = do_GET  # noqa: N815 - http.server's way

    with running_endpoint(_Endpoint) as service.url:
        try:
            yield service
        finally:
            service.answering.set()

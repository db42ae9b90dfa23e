"""The real `consume webhook` as a process, with its socket held by the test, and a client."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.acceptance.http_endpoint import Endpoint, running_endpoint
from tests.processes import Consume, environment
from tests.signatures.signing import jwk, jwks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ACTIVATE = Path(__file__).parent / "activate.py"


def listening() -> socket.socket:
    """A socket on a free port of the loopback interface, as of a systemd socket unit."""
    return socket.create_server(("127.0.0.1", 0), backlog=512)


def activated(listener: socket.socket, *arguments: str) -> list[str]:
    """The command that runs `consume` with this socket; pass its descriptor on."""
    here = [sys.executable, str(ACTIVATE), str(listener.fileno())]
    return [*here, sys.executable, "-m", "consumer", *arguments]


class Answer(NamedTuple):
    """What a post got."""

    status: int
    text: str


class Webhook:
    """A webhook that can be started, killed and started again on the same socket."""

    def __init__(self, folder: Path, queue: Mapping[str, str], **extra: str) -> None:
        self.folder = folder
        self.listener = listening()
        self.port: int = self.listener.getsockname()[1]
        self._environ = environment(folder, {**queue, **extra})
        self.run = self.start()

    def start(self) -> Consume:
        """Start it (again)."""

        def launch(arguments: tuple[str, ...], out: Path, err: Path) -> subprocess.Popen[bytes]:
            with out.open("w") as stdout, err.open("w") as stderr:
                return subprocess.Popen(
                    activated(self.listener, *arguments), cwd=self.folder, env=self._environ,
                    stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                    pass_fds=[self.listener.fileno()],
                )  # fmt: skip

        self.run = Consume("webhook", "--log-format", "json", folder=self.folder, launch=launch)
        return self.run

    def post(
        self, body: bytes | str, path: str = "/", *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One post over a connection of its own."""
        return self.ask("POST", path, body.encode() if isinstance(body, str) else body, headers)

    def ask(
        self, method: str, path: str, body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        """One request."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.read().decode())

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def close(self) -> None:
        """Kill it, if it still runs."""
        self.run.kill()
        self.listener.close()


class KeyServer:
    """Serves a JWKS, and counts how often it is asked."""

    def __init__(self) -> None:
        self.jwks = jwks(jwk("k1"))
        self.status = 200
        self.asked = 0
        self.url = ""


@contextmanager
def running_keys() -> Iterator[KeyServer]:
    """On a free port of the loopback interface."""
    keys = KeyServer()

    class _Keys(Endpoint):
        def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
            keys.asked += 1
            self.answer(keys.status, keys.jwks, "application/json")

    with running_endpoint(_Keys) as keys.url:
        yield keys


def event(number: int) -> bytes:
    """An event with a number, as Canvas writes it."""
    metadata = {"event_name": "submission_created", "event_time": "2026-11-27T10:00:00.000Z"}
    payload = {"metadata": metadata, "body": {"submission_id": str(number)}}
    return json.dumps(payload, separators=(",", ":")).encode()

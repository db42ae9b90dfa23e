"""Starts the stub, and makes the commands that start consumers: each is a separate process."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.bench.certificate import Certificate

ROOT = Path(__file__).resolve().parents[2]
#: Variables of the caller that would change what is measured.
_FOREIGN = ("AWS_", "CONSUMER_", "NOTIFY_", "WATCHDOG_", "STATE_DIRECTORY", "CREDENTIALS_")


class BenchError(Exception):
    """A run did not do what it must: there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class StubAddress:
    """Where a running stub is reached: as SQS, and to control it."""

    url: str
    queue_url: str
    control_url: str
    #: With TLS: the file of the authority that clients have to trust.
    authority: str | None = None

    def get(self, path: str) -> Any:
        """Ask a control endpoint."""
        return self._request("GET", path, None)

    def post(self, path: str, data: Mapping[str, Any]) -> Any:
        """Post to a control endpoint."""
        return self._request("POST", path, json.dumps(data))

    def _request(self, method: str, path: str, body: str | None) -> Any:
        connection = http.client.HTTPConnection(
            self.control_url.removeprefix("http://"), timeout=120
        )
        with contextlib.closing(connection):
            connection.request(method, path, body)
            response = connection.getresponse()
            answer = json.loads(response.read())
        if response.status != http.HTTPStatus.OK:
            raise BenchError(f"{method} {path}: {answer}")
        return answer


@contextlib.contextmanager
def running_stub(
    *,
    messages: int = 0,
    latency_ms: float = 0.0,
    visibility_seconds: int = 30,
    certificate: Certificate | None = None,
) -> Iterator[StubAddress]:
    """Run a stub that holds `messages`, as long as the context lasts."""
    options = [
        "--messages", str(messages), "--latency-ms", str(latency_ms),
        "--visibility-seconds", str(visibility_seconds),
    ]  # fmt: skip
    authority = None
    if certificate is not None:
        options += ["--certificate", str(certificate.chain), "--key", str(certificate.key)]
        authority = str(certificate.authority)
    with running_server("tests.bench.stub", *options) as found:
        yield StubAddress(**found, authority=authority)


@contextlib.contextmanager
def running_server(module: str, *options: str) -> Iterator[dict[str, str]]:
    """Run a server as long as the context lasts; yields what it prints when it is ready."""
    command, env = [sys.executable, "-m", module, *options], environment({})
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise BenchError(f"{module} did not start")
            yield json.loads(line)
        finally:
            process.terminate()


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: credentials that the stub does not look at, and this tree."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONPATH": str(ROOT),
        **extra,
    }


def daemon_command(stub: StubAddress, *options: str) -> list[str]:
    """The command that runs the daemon against the stub, with options that name a handler."""
    return [
        sys.executable, "-m", "consumer", "--queue-url", stub.queue_url,
        "--endpoint-url", stub.url, "--region", "us-east-1", *options,
    ]  # fmt: skip


def bare_command(stub: StubAddress, messages: int) -> list[str]:
    """The command that runs the bare loop against the stub."""
    return [
        sys.executable, "-m", "tests.bench.bare_loop", "--queue-url", stub.queue_url,
        "--endpoint-url", stub.url, "--messages", str(messages),
    ]  # fmt: skip


def lines_in(archive: Path) -> int:
    """How many events are in an archive."""
    count = 0
    for path in archive.rglob("*.jsonl"):
        with path.open("rb") as file:
            count += sum(1 for _ in file)
    return count

"""Starts `consume` as a fork of a process that has imported it: many starts in a short time.

The processes are like any other; only the time for the imports is saved. Run as a
program, it reads lines of JSON: the files for standard output and standard error, and then the
arguments of `consume`. It answers with a line for the process id, and with a second one for the
exit code when that process has ended. One process runs at a time.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tests.processes import Consume, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Fork:
    """A process that the starter has started, with the methods of `subprocess.Popen`."""

    def __init__(self, starter: subprocess.Popen[bytes]) -> None:
        assert starter.stdout
        self._answers = starter.stdout
        self.pid = int(self._answers.readline())
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float) -> int:
        """The exit code, once it has ended. Raises `subprocess.TimeoutExpired`."""
        if self._code is None:
            if not select.select([self._answers], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("consume", timeout)
            self._code = int(self._answers.readline())
        return self._code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL, if it still runs."""
        self.send_signal(signal.SIGKILL)


class Starter:
    """Starts one `consume` after the other in one folder."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self.latest: Consume | None = None

    def start(self, *arguments: str) -> Consume:
        """Start one. The one before must have ended."""
        self.latest = Consume(*arguments, folder=self._folder, launch=self._fork)
        return self.latest

    def _fork(self, arguments: tuple[str, ...], out: Path, err: Path) -> Fork:
        assert self._process.stdin
        line = json.dumps([str(out), str(err), *arguments]) + "\n"
        self._process.stdin.write(line.encode())
        return Fork(self._process)


@contextmanager
def running_starter(folder: Path) -> Iterator[Starter]:
    """A starter, as long as the context lasts; what it started ends with it."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.acceptance.starter"],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,  # `select` must see a second line that has already arrived
    ) as process:
        starter = Starter(process, folder)
        try:
            yield starter
        finally:
            if starter.latest is not None:
                starter.latest.kill()


def main() -> None:
    """Fork for each line of standard input, and wait for the end of it."""
    import boto3.session  # noqa: F401

    import consumer.handlers.archive
    import consumer.service.run  # noqa: F401
    from consumer.cli.main import main as consume

    for line in sys.stdin:
        out, err, *arguments = json.loads(line)
        pid = os.fork()
        if pid == 0:
            for path, descriptor in ((os.devnull, 0), (out, 1), (err, 2)):
                flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT
                os.dup2(os.open(path, flags, 0o644), descriptor)
            consume(arguments)  # ends with SystemExit
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()

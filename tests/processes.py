"""The real `consume` as a process: started in a clean place, watched by its log, signalled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[1]
#: The limit for each step of a test. It is long enough for a slow and busy machine; a test that
#: passes does not wait for it.
BOUND = 120.0
#: Variables of the caller that would change what is tested.
_FOREIGN = (
    "AWS_", "COLUMNS", "CONSUMER_", "CREDENTIALS_", "JOURNAL_", "LINES", "NOTIFY_",
    "RUNTIME_DIRECTORY", "STATE_DIRECTORY", "WATCHDOG_",
)  # fmt: skip

_T = TypeVar("_T")


def eventually(look: Callable[[], _T], what: str, *, seconds: float = BOUND) -> _T:
    """Call `look` until it returns something; fail if that takes too long."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s: {what}")
        time.sleep(0.01)
    return seen


def environment(folder: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A child's environment: no AWS configuration but a key that emulators take, short waits."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {
        **kept,
        "HOME": str(folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)]),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "CONSUMER_QUEUE__WAIT_TIME_SECONDS": "1",
        "CONSUMER_STATE_DIRECTORY": str(folder / "state"),
        **(extra or {}),
    }


class Process(Protocol):
    """The methods of `subprocess.Popen` that are used."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float) -> int: ...
    def send_signal(self, number: int, /) -> None: ...
    def kill(self) -> None: ...


class Consume:
    """One run of `consume`. Its output goes to files, so that it never waits for a reader.

    `launch` may start the process in another way; `environ` is then not used.
    """

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        environ: Mapping[str, str] | None = None,
        launch: Callable[[tuple[str, ...], Path, Path], Process] | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        number = len(list(folder.glob("*.stderr")))
        self._out, self._err = folder / f"{number}.stdout", folder / f"{number}.stderr"
        self._out.touch()
        self._err.touch()
        self.process = (
            launch(arguments, self._out, self._err)
            if launch is not None
            else self._launch(arguments, environment(folder, environ))
        )

    def _launch(self, arguments: tuple[str, ...], environ: dict[str, str]) -> Process:
        with self._out.open("w") as out, self._err.open("w") as err:
            return subprocess.Popen(
                [sys.executable, "-m", "consumer", *arguments],
                cwd=self._out.parent,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def stdout(self) -> str:
        """What it wrote to standard output so far."""
        return self._out.read_text()

    def stderr(self) -> str:
        """What it wrote to standard error so far."""
        return self._err.read_text()

    def log(self, event: str = "") -> list[dict[str, Any]]:
        """Its log lines so far, or those of one event. Every whole line must be a JSON object."""
        text = self.stderr()
        lines: list[dict[str, Any]] = [
            json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()
        ]
        return [line for line in lines if event in ("", line["event"])]

    def until(self, event: str) -> dict[str, Any]:
        """Wait for a log event; returns its first line."""

        def look() -> list[dict[str, Any]]:
            ended = self.process.poll() is not None
            lines = self.log(event)
            if ended and not lines:
                pytest.fail(f"it ended without the event {event}: {self.stderr()}")
            return lines

        return eventually(look, f"it logs {event}; its output: {self.stderr()}")[0]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self, *, seconds: float = BOUND) -> int:
        """Wait for its end; returns the exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return pytest.fail(f"it did not end within {seconds:g} s; its output: {self.stderr()}")

    def kill(self) -> None:
        """Kill it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(BOUND)

"""`consume demo`: the whole product on one machine, as a newcomer sees it."""

from __future__ import annotations

import os
import pty
import re
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.processes import environment, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(600)]
#: It mostly waits, but the three of them start together on what may be a slow machine.
_BOUND = 400.0

_SENT = 202
_LINE = re.compile(
    r"^  (received|handled|tried again|dead-letter queue|deleted|duplicates|left.*?) +(\d+)"
)


class Demo:
    """A run of the demo, on a terminal or not. Its output is collected."""

    def __init__(self, folder: Path, *options: str, terminal: bool = False, **environ: str) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.said = ""
        if terminal:
            self._read, write = pty.openpty()
        else:
            self._read, write = os.pipe()
        # A newcomer has no AWS configuration, but may well have a proxy.
        extra = {"TMPDIR": str(folder), "HTTP_PROXY": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": ""}
        extra.update(environ)
        self.process = subprocess.Popen(
            ["consume", "demo", *options],
            cwd=folder,
            env=environment(folder, extra),
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=write,
            start_new_session=True,
        )
        os.close(write)
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self) -> None:
        try:
            while chunk := os.read(self._read, 65536):
                self.said += chunk.decode().replace("\r\n", "\n")
        except OSError:  # how Linux says that the other end of a terminal is closed
            pass

    def end(self) -> int:
        """Wait for its end; returns the exit code."""
        code = self.process.wait(_BOUND)
        self._thread.join(60)
        return code

    def until_kept(self) -> str:
        """Wait until the queue is left for others; returns the command for them."""
        eventually(lambda: "were sent for it." in self.said, "the queue is kept", seconds=_BOUND)
        (command,) = re.findall(r"^  (AWS_ACCESS_KEY_ID=.*)$", _joined(self.said), re.MULTILINE)
        return str(command)

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(60)
        self._thread.join(60)
        os.close(self._read)

    def numbers(self) -> dict[str, int]:
        """The report's own numbers."""
        found = (_LINE.match(line) for line in self.said.splitlines())
        return {match[1]: int(match[2]) for match in found if match}


def _joined(text: str) -> str:
    """As a shell reads it: a line that ends with a backslash goes on with the next one."""
    return re.sub(r" \\\n +", " ", text)


@dataclass(frozen=True)
class Demos:
    """Started together: they mostly wait."""

    plain: Demo
    terminal: Demo
    kept: Demo


@pytest.fixture(name="demos", scope="module")
def _demos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demos]:
    folder = tmp_path_factory.mktemp("demo")
    demos = Demos(
        Demo(folder / "plain"),
        Demo(folder / "terminal", "--keep", terminal=True),
        Demo(folder / "kept", "--keep"),
    )
    yield demos
    for demo in (demos.plain, demos.terminal, demos.kept):
        demo.close()


def test_the_report_says_what_happened(demos: Demos) -> None:
    """Exit code 0; the numbers add up; only lines of text where there is no terminal."""
    assert demos.plain.end() == 0

    numbers = demos.plain.numbers()
    assert _SENT - 1 == numbers["handled"] == numbers["deleted"]
    assert (1, 1, 1, 0) == tuple(
        numbers[key]
        for key in ("tried again", "dead-letter queue", "duplicates", "left in the queue")
    )
    # Each message once, the one that failed once more, the undecodable one three times in all.
    assert numbers["received"] == _SENT + 1 + 2
    by_event = demos.plain.said.partition("Handled, by event\n")[2].partition("\n\n")[0]
    assert _SENT - 1 == sum(int(line.split()[1]) for line in by_event.splitlines())
    assert len(by_event.splitlines()) > 5
    assert "\x1b" not in demos.plain.said
    assert "%" not in demos.plain.said


def test_no_line_is_wrapped(demos: Demos) -> None:
    """They fit into a terminal of 80 columns, except long paths."""
    assert demos.plain.end() == 0
    demos.kept.until_kept()

    for said in (demos.plain.said, demos.kept.said):
        lines = re.sub(rf"{demos.plain.folder.parent}/\w+", "/tmp", said).splitlines()
        assert [line for line in lines if len(line) > 80] == []


def test_on_a_terminal_there_is_a_progress_bar(demos: Demos) -> None:
    """It reaches its end; the report is the same."""
    demos.terminal.until_kept()

    assert re.search(rf"handled .*{_SENT - 1}/{_SENT - 1}", demos.terminal.said)
    demos.plain.end()
    assert demos.plain.numbers() == demos.terminal.numbers()


def test_the_printed_command_shows_the_archive(demos: Demos) -> None:
    """It works, and shows every event."""
    assert demos.plain.end() == 0
    command = _joined(demos.plain.said).partition("Look at it\n")[2].splitlines()[0]

    done = _run(command, demos.plain.folder)

    assert done.returncode == 0
    assert _SENT - 1 == done.stdout.count("  event  ")
    assert {"canvas", "caliper"} <= set(done.stdout.replace("\n", " ").split())
    assert "consume decode" in command


def _run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A printed command, as it would be pasted into a shell."""
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder, env=environment(folder), capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_nothing_is_left_but_the_state_directory(demos: Demos) -> None:
    """No process of its session, and no file elsewhere: archive, ledger and the usual traffic."""
    assert demos.plain.end() == 0

    sessions = [_session_of(path) for path in Path("/proc").glob("[0-9]*")]
    assert demos.plain.process.pid not in sessions
    files = [path for path in demos.plain.folder.rglob("*") if path.is_file()]
    assert files
    assert {path.suffix for path in files} <= {".jsonl", ".sqlite3", ".json"}
    assert {path.name for path in files if path.suffix == ".json"} <= {"usual-traffic.json"}


def _session_of(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[3])
    except OSError:  # it has just ended
        return 0


def test_a_kept_queue_can_be_consumed_from_a_second_terminal(demos: Demos, tmp_path: Path) -> None:
    """The printed command works."""
    command = demos.kept.until_kept()

    # moto may give a message to two receives that meet.
    done = _run(f"CONSUMER_ENGINE__MAX_POLLERS=1 {command} --max-messages 50", tmp_path)

    assert done.returncode == 0
    assert 50 == done.stderr.count('"event": "event"')
    assert demos.kept.process.poll() is None


@pytest.mark.parametrize(("which", "number"), [("kept", 2), ("terminal", 15)])
def test_a_signal_ends_the_kept_queue(demos: Demos, which: str, number: int) -> None:
    """Ctrl-C or SIGTERM: exit code 0, and the queue is gone."""
    demo: Demo = getattr(demos, which)
    address = urlsplit(demo.until_kept().split("--queue-url ")[1].split()[0])

    demo.process.send_signal(number)

    assert demo.end() == 0
    assert demo.said.endswith("The queue is gone.\n")
    with socket.socket() as visitor:
        assert visitor.connect_ex((str(address.hostname), int(address.port or 0))) != 0


def test_events_can_come_by_https(tmp_path: Path) -> None:
    """Signed, and by way of the webhook: the report is the same, and no process is left.

    Whatever is configured in the environment.
    """
    pytest.importorskip("consumer.webhook")
    path = "/0123456789abcdef0123456789abcdef"
    demo = Demo(
        tmp_path, "--https",
        CONSUMER_WEBHOOK__REQUIRE_SIGNATURE="false", CONSUMER_WEBHOOK__SECRET_PATH=path,
    )  # fmt: skip
    try:
        assert demo.end() == 0, demo.said
        assert '"consume webhook", to which they were posted, signed' in demo.said
        assert _SENT - 1 == demo.numbers()["handled"]
        assert [line for line in demo.said.splitlines()[:10] if len(line) > 80] == []
        sessions = [_session_of(path) for path in Path("/proc").glob("[0-9]*")]
        assert demo.process.pid not in sessions
    finally:
        demo.close()


def test_without_moto_it_says_what_to_install(tmp_path: Path) -> None:
    """Exit code 78, and the command to install it."""
    (tmp_path / "moto.py").write_text("raise ImportError('no moto')\n")
    done = subprocess.run(
        [sys.executable, "-m", "consumer", "demo"],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 78
    assert "pip install" in done.stderr
    assert "[demo]" in done.stderr


def test_without_the_webhook_it_says_what_to_install(tmp_path: Path) -> None:
    """`--https` exits with 78 and the command, before anything is started."""
    (tmp_path / "uvicorn.py").write_text("raise ImportError('no uvicorn')\n")
    done = subprocess.run(
        [sys.executable, "-m", "consumer", "demo", "--https"],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (78, "") == (done.returncode, done.stdout)
    assert "pip install 'canvas-live-events-consumer[webhook]'" in done.stderr
    assert 1 == len(done.stderr.splitlines())

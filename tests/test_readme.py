"""README.md is true: its commands run, and its example works."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from consumer.events.decode import decode
from consumer.events.redaction import Pseudonyms
from consumer.handlers.records import line_of
from consumer.signatures.jws import token_of
from consumer.signatures.keys import SigningKeys
from consumer.testing import canvas_body, make_event, make_message
from tests.acceptance.conftest import archived
from tests.moto_queues import numbered
from tests.processes import ROOT, environment, eventually
from tests.queues.servers import http, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.moto_queues import Moto, MotoQueue
    from tests.processes import Consume

    Start = Callable[..., Consume]

README = (ROOT / "README.md").read_text()
EXAMPLE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-prod"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def commands() -> list[str]:
    """Every single command of the fenced bash blocks."""
    blocks = re.findall(r"^ *```bash\n(.*?)^ *```", README, re.MULTILINE | re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines() if line.strip()]
    return [command.strip() for line in lines for command in line.split("&&")]


def test_the_first_two_commands_are_the_promise() -> None:
    """Copy and paste: what runs the demo, and what runs the tests."""
    assert [
        "python3 -m venv .venv",
        ".venv/bin/pip install -e '.[demo]'",
        ".venv/bin/consume demo",
        ".venv/bin/pip install -e '.[test]'",
        ".venv/bin/pytest",
    ] == commands()[:5]


class Shell:
    """Runs a command of the README here: `.venv/bin` is where this Python is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, command: str, *more: str, cwd: Path | None = None) -> str:
        """Run it to its end; returns what it wrote to standard output."""
        words = [*shlex.split(command), *more]
        if words[0].startswith(".venv/bin/"):
            words[0] = str(Path(sys.executable).parent / words[0].removeprefix(".venv/bin/"))
        done = subprocess.run(
            words, cwd=cwd or self.folder, env=environment(self.folder),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


def check_venv(shell: Shell, command: str) -> None:
    """It makes one; without pip, which would have to be unpacked."""
    shell.run(command, "--without-pip")
    assert (shell.folder / ".venv/bin/python").exists()


def check_install(_: Shell, command: str) -> None:
    """The extra exists, and brings what the command after it needs."""
    (extra,) = re.findall(r"-e '\.\[(\w+)\]'", command)
    needed = {"demo": "moto", "test": "pytest"}[extra]
    assert any(needed in package for package in PROJECT["optional-dependencies"][extra])
    assert PROJECT["scripts"]["consume"] == "consumer.cli.main:main"


def check_tests(shell: Shell, command: str) -> None:
    """It finds the tests."""
    listed = shell.run(command, "--collect-only", "tests/test_readme.py", cwd=ROOT)
    assert "test_readme.py" in listed


def check_demo(shell: Shell, command: str) -> None:
    """It is there; test_cli_demo.py runs it."""
    assert "Usage: consume demo" in shell.run(command, "--help")


def check_config(shell: Shell, command: str) -> None:
    """It says what would be done, for the file in this folder."""
    assert "canvas-live-events" in shell.run(command, cwd=ROOT)


def check_decode(shell: Shell, command: str) -> None:
    """It shows the payload that one has."""
    (shell.folder / "payload.json").write_text(numbered(1))
    assert "submission_created" in shell.run(command)


def check_events(shell: Shell, command: str) -> None:
    """It explains what it was asked for."""
    said = shell.run(command)
    marks = {"schema": '"$schema"', "show": "submission_id"}
    (wanted,) = [mark for word, mark in marks.items() if word in command] or ["MEANING"]
    assert wanted in said


def check_privacy(shell: Shell, command: str) -> None:
    """It says what becomes of each field."""
    assert "dropped" in shell.run(command)


def check_key(shell: Shell, command: str) -> None:
    """It makes a key for pseudonyms that only its owner can read, and the example uses it."""
    subprocess.run(["sh", "-c", command], cwd=shell.folder, check=True)
    file = shell.folder / "pseudonyms.key"
    (example,) = re.findall(
        r"<!-- test: pseudonym example -->\n```python\n(.*?)```", README, re.DOTALL
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{example}\nprint(pseudonym)"],
        cwd=shell.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert file.stat().st_mode & 0o077 == 0
    made = Pseudonyms(file.read_text().strip()).of("user", "21070000000000123")
    assert done.stdout.strip() == made


def check_sample(shell: Shell, command: str) -> None:
    """It writes events that the daemon can read, or signs them, or posts them."""
    if "--sign" in command:
        check_signed(shell, command)
        return
    said = shell.run(command)
    array = "--array" in command
    events = json.loads(said) if array else [json.loads(line) for line in said.splitlines()]
    assert len(events) == (20 if array else 4)
    for event in events:
        assert decode(make_message(json.dumps(event)))


def check_signed(shell: Shell, command: str) -> None:
    """The keys that it writes verify what it writes or posts; here at a higher rate."""
    with serving(lambda _: [http(b"")]) as server:
        there = f"http://127.0.0.1:{server.port}/"
        quick = command.replace("--rate 20/s", "--rate 2000/s")
        said = shell.run(quick.replace("https://events.example.edu/", there))
    keys = SigningKeys()
    keys.add((shell.folder / "jwks.json").read_bytes())
    posted = [request.body.decode() for request in server.requests]
    tokens = [token_of(text) for text in posted or said.splitlines()]
    assert len(tokens) == (1000 if "--to" in command else 10)
    for token in tokens:
        assert token is not None
        assert token.is_signed_by(keys.find(token.kid))


def check_drift(shell: Shell, command: str) -> None:
    """It reads an archive, in which all is known."""
    folder = shell.folder / shlex.split(command)[-1]
    folder.mkdir(parents=True)
    (folder / "payload.json").write_text(numbered(1))
    said = shell.run(command)
    assert re.search(r"events +1\n", said)
    assert "Everything is in the catalog" in said


def check_replay(shell: Shell, command: str) -> None:
    """It runs the example's handlers over the archive, and over what failed."""
    folder = shell.folder / "canvas-live-events/archive"
    folder.mkdir(parents=True)
    time = "2024-05-02T10:00:00Z"
    grade = canvas_body("grade_change", body={"user_id": "1"}, event_time=time)
    for file in (folder / "events.jsonl", shell.folder / "failed.jsonl"):
        file.write_text(f"{grade}\n")
    example = README.split("<!-- test: handler example -->")[1].split("```")[1]
    (shell.folder / "my_handlers.py").write_text(example.removeprefix("python\n"))
    said = shell.run(command)
    if "--dry-run" in command:
        assert re.search(r"Would go to my_handlers.registry.on_grade\n +1 +grade_change", said)
    else:
        assert re.search(r"^handled +1$", said, re.MULTILINE)


def check_archive(shell: Shell, command: str) -> None:
    """It verifies the archive of a service, or the one in the state directory."""
    place = "state/archive"
    folder = shell.folder / place / "2026/11"
    folder.mkdir(parents=True)
    line = line_of(make_event(), "2026-11-23T10:00:00Z", scrub_secrets=True)
    (folder / "events-2026-11-23.jsonl").write_text(line)
    said = shell.run(command.replace("/var/lib/canvas-live-events-consumer/archive", place))
    assert re.search(r'"whole": true' if "--json" in command else "faults +0", said)


def check_benchmark(shell: Shell, command: str) -> None:
    """It measures; here a little only."""
    said = shell.run(command, "--messages", "50", "--rounds", "1", "--only", "b", cwd=ROOT)
    assert "50 messages" in said


def check_simulator(shell: Shell, command: str) -> None:
    """It tries, and says what it tried; here a little only."""
    said = shell.run(command, "--runs", "3", cwd=ROOT)
    assert re.search(r"losses +0\n", said)


def check_load(shell: Shell, command: str) -> None:
    """It measures; here a little only, in which memory is not warm yet."""
    said = shell.run(command, "--help", cwd=ROOT)
    assert "--messages" in said


#: How the commands that are not about a queue are checked, by how they begin.
CHECKS: dict[str, Callable[[Shell, str], None]] = {
    "python3 -m venv": check_venv,
    ".venv/bin/pip install": check_install,
    ".venv/bin/pytest": check_tests,
    ".venv/bin/consume demo": check_demo,
    ".venv/bin/consume config": check_config,
    ".venv/bin/consume decode": check_decode,
    ".venv/bin/consume events": check_events,
    ".venv/bin/consume privacy": check_privacy,
    "(umask 077; openssl": check_key,
    ".venv/bin/consume sample": check_sample,
    ".venv/bin/consume drift": check_drift,
    ".venv/bin/consume replay": check_replay,
    ".venv/bin/consume archive": check_archive,
    ".venv/bin/python tests/bench/run.py": check_benchmark,
    ".venv/bin/python -m tests.bench.load": check_load,
    ".venv/bin/python -m tests.simulation": check_simulator,
}
CONSUMING = [command for command in commands() if EXAMPLE_URL in command]
#: The simulation and the benchmark are described beside the tests.
MEASURING = re.findall(
    r"^\.venv/bin/python .*$", (ROOT / "tests/README.md").read_text(), re.MULTILINE
)


@pytest.mark.acceptance
@pytest.mark.parametrize(
    "command",
    [command for command in dict.fromkeys([*commands(), *MEASURING]) if command not in CONSUMING],
)
def test_a_command_works(command: str, tmp_path: Path) -> None:
    """Each command of the README is known here, and does what it is there for."""
    (check,) = [check for beginning, check in CHECKS.items() if command.startswith(beginning)]

    check(Shell(tmp_path), command)


@pytest.fixture(name="queue")
def _queue(moto: Moto) -> MotoQueue:
    return moto.queue()


def consuming(command: str, queue: MotoQueue) -> list[str]:
    """The arguments of a command, with the queue of this test in place of the example's."""
    words = shlex.split(command.replace(EXAMPLE_URL, queue.url))
    assert words[0] == ".venv/bin/consume"
    return words[1:]


@pytest.mark.acceptance
def test_your_own_queue(queue: MotoQueue, consume: Start, tmp_path: Path) -> None:
    """The command without handlers archives where the README says; Ctrl-C ends it well."""
    sent = queue.send_numbered(3)
    command = CONSUMING[0]
    assert "--handler" not in command

    run = consume(*consuming(command, queue), CONSUMER_STATE_DIRECTORY="")
    eventually(lambda: queue.counts() == (0, 0), "all is handled and deleted")
    run.signal(signal.SIGINT)

    assert run.end() == 0
    assert "under `./canvas-live-events/archive`" in " ".join(README.split())
    lines = archived(tmp_path / "canvas-live-events/archive")
    assert sent == {int(line["payload"]["body"]["submission_id"]) for line in lines}


@pytest.mark.acceptance
def test_the_handler_example(queue: MotoQueue, consume: Start, tmp_path: Path) -> None:
    """The example and the command beneath it, as they stand, with real events."""
    (example,) = re.findall(
        r"<!-- test: handler example -->\n```python\n(.*?)```", README, re.DOTALL
    )
    assert example.startswith("# my_handlers.py\n")
    (tmp_path / "my_handlers.py").write_text(example)
    (command,) = [command for command in CONSUMING if "--handler" in command]
    graded = canvas_body("grade_change", body={"user_id": "21070000000000001"})
    queue.send([graded, canvas_body("logged_in"), canvas_body("grade_change", body={})])

    run = consume(
        *consuming(command, queue), PYTHONUNBUFFERED="1", CONSUMER_ENGINE__RETRY_BASE_SECONDS="60"
    )
    eventually(lambda: queue.counts() == (0, 1), "two are deleted and one waits for its retry")
    run.signal(signal.SIGTERM)

    assert run.end() == 0
    printed = run.stdout().splitlines()
    assert any(line.startswith("grade_change 2024-03-01 12:00:00+00:00 {") for line in printed)
    batches = [int(line.split()[0]) for line in printed if line.endswith(" events")]
    assert sum(batches) == 3
    (rejected,) = run.log("handler_rejected")
    assert rejected["reason"] == "no user id"


def test_the_testing_example(tmp_path: Path) -> None:
    """The tests of the handler example, as they stand."""
    for kind in ("handler", "testing"):
        found = re.findall(
            rf"<!-- test: {kind} example -->\n```python\n(.*?)```", README, re.DOTALL
        )
        (example,) = found
        (tmp_path / example.splitlines()[0].removeprefix("# ")).write_text(example)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_handlers.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


@pytest.mark.acceptance
def test_the_typed_example(queue: MotoQueue, consume: Start, tmp_path: Path) -> None:
    """The example with models, as it stands, with real events."""
    (example,) = re.findall(r"<!-- test: typed example -->\n```python\n(.*?)```", README, re.DOTALL)
    assert example.startswith("# typed_handlers.py\n")
    (tmp_path / "typed_handlers.py").write_text(example)
    queue.send(
        [
            canvas_body("submission_created", body={"submission_id": "7", "score": 5.5}),
            canvas_body("logged_in"),
        ]
    )

    run = consume("--queue-url", queue.url, "--handler", "typed_handlers:registry")
    eventually(lambda: queue.counts() == (0, 0), "all are handled and deleted")
    run.signal(signal.SIGTERM)

    assert run.end() == 0
    printed = run.stdout()
    assert "7 5.5\n" in printed
    assert "CanvasId" in printed or "None None" in printed


def test_the_change_example(capsys: pytest.CaptureFixture[str]) -> None:
    """The example of what became of a thing, as it stands: only a deletion is forgotten."""
    (example,) = re.findall(
        r"<!-- test: change example -->\n```python\n(.*?)```", README, re.DOTALL
    )
    found: dict[str, Any] = {}
    exec(example, found)

    for state in ("available", "deleted"):
        body = {"course_id": "565", "workflow_state": state}
        found["mirror"](make_event("course_updated", body=body))

    assert capsys.readouterr().out == "forget course CanvasId(local_id=565, shard=2107)\n"

"""The command handler with a process for each batch: its exit code decides."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from consumer.errors import BatchFailure, Retry
from consumer.testing import make_context, make_event, run_batch
from tests.cases import for_each
from tests.handlers.commands import close, ended, held, numbered, outcomes, verdicts
from tests.processes import eventually

if TYPE_CHECKING:
    from tests.handlers.commands import Programs

READ = "for line in lines: note(line)\n"


@for_each(
    "end, outcome, reason",
    [
        ("", "ack", None),
        ("sys.exit(65)", "reject", "the program ended with exit code 65"),
        ("sys.exit(75)", "down", "the program ended with exit code 75: what it needs is not"),
        ("sys.exit(1)", "retry", "the program ended with exit code 1"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "retry", "the program was ended by SIGKILL"),
        ("os.kill(os.getpid(), 40)", "retry", "the program was ended by signal 40"),
    ],
)
def test_the_exit_code_decides(
    programs: Programs, end: str, outcome: str, reason: str | None
) -> None:
    """0: handled; 65: never; 75: it is down; all others, and signals: again later."""
    found, reasons = verdicts(programs(READ + end), 1)

    assert [outcome] == found
    assert (not reasons) if reason is None else reasons.pop().startswith(reason)
    (programs.folder / "landed").unlink()


def test_one_bad_event_among_a_hundred_is_rejected_alone(programs: Programs) -> None:
    """The program gets halves until the event is alone; each of the others is handled once."""
    program = programs("""
batch = list(lines)
if any(number(line) == 42 for line in batch): sys.exit(65)
for line in batch: note(line)
""")

    found, _ = verdicts(program, 100)

    assert ["reject" if n == 42 else "ack" for n in range(100)] == found
    assert [n for n in range(100) if n != 42] == sorted(programs.numbers())


def test_what_fails_while_a_bad_event_is_searched_is_tried_again(programs: Programs) -> None:
    """The halves that the program did not get are not handled, either."""
    program = programs("""
batch = [number(line) for line in lines]
if 0 in batch: sys.exit(65)
if 5 in batch: sys.exit(75)
""")

    found, _ = verdicts(program, 8)

    assert ["reject", "ack", "ack", "ack", "down", "down", "down", "down"] == found


def test_a_stop_does_not_wait_for_the_search(programs: Programs) -> None:
    """What ran is finished; the halves are delivered again."""
    (handler,) = programs('list(lines); note(b\'{"message_id": "m0"}\\n\'); sys.exit(65)').handlers
    assert handler.call_batch is not None

    with pytest.raises(BatchFailure) as failure:
        handler.call_batch(numbered(4), make_context(should_stop=True))

    assert [Retry] * 4 == [type(error) for error in failure.value.failures.values()]
    assert len(programs.landed()) == 1


def test_it_gets_the_records_that_can_be_replayed(programs: Programs) -> None:
    """One line for each, whatever is in it: 1 MiB, NUL, lone surrogates; secrets are scrubbed."""
    bodies = [
        {"text": "x" * (1 << 20)},
        {"text": "\0\ud800\u2028"},
        {"url": "?access_token=S3CRET"},
    ]
    events = [make_event(body=body) for body in bodies]

    assert ["ack"] * 3 == list(outcomes(run_batch(programs(READ), events)))

    lines = programs.landed()
    assert [event.key for event in events] == [line["event_key"] for line in lines]
    assert bodies[:2] == [line["payload"]["body"] for line in lines[:2]]
    assert b"S3CRET" not in (programs.folder / "landed").read_bytes()


@for_each("code", ["pass", "lines.readline()", "os.close(0)", "subprocess.run(['true'], stdin=0)"])
def test_a_program_that_does_not_read_everything_has_not_handled_it(
    programs: Programs, code: str
) -> None:
    """Exit code 0 alone is not enough, however much was written to it."""
    for size in (1, 100_000):  # the last does not fit into a pipe
        events = [make_event(body={"text": "x" * size}) for _ in range(3)]
        ran = run_batch(programs(f"lines = os.fdopen(0, 'rb', 0)\n{code}"), events)
        assert {"the program ended with exit code 0, but has not read all of its input"} == {
            one.reason for one in ran
        }, code


def test_reading_by_another_name_is_reading(programs: Programs) -> None:
    """As scripts do."""
    assert ["ack"] == verdicts(programs.of(["sh", "-c", "cat /dev/stdin > landed"]), 1)[0]
    assert programs.numbers() == [0]


@for_each("reads", [True, False])
def test_a_program_that_hangs_is_killed_with_all_that_it_started(
    programs: Programs, *, reads: bool
) -> None:
    """Also if they ignore SIGTERM; the events are delivered again."""
    program = programs(
        f"if {reads}: list(lines)\n"
        "child = subprocess.Popen(['sh', '-c', \"trap '' TERM; sleep 600 & wait; wait\"])\n"
        "open('child', 'w').write(str(child.pid)); hang()"
    )
    events = [make_event(body={"text": "x" * 100_000})]

    with programs.hours_pass():
        (ran,) = run_batch(program, events)

    assert (ran.verdict, ran.reason) == ("retry", "the program did not end in time, and was killed")
    child = int((programs.folder / "child").read_text())
    eventually(lambda: ended(child), "its child has ended")


def test_the_timeout_of_the_handler_ends_it_too(programs: Programs) -> None:
    """It would be stuck otherwise."""
    (handler,) = programs("list(lines); hang()").handlers
    assert handler.call_batch is not None

    with pytest.raises(Retry, match="did not end in time"):
        handler.call_batch(numbered(1), make_context(deadline=0.0))


def test_it_runs_without_our_secrets(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only harmless variables, and those that are configured."""
    for name in ("AWS_SECRET_ACCESS_KEY", "CONSUMER_PING__URL", "NOTIFY_SOCKET", "PGPASSWORD"):
        monkeypatch.setenv(name, "ours")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    program = programs(
        "list(lines); note((json.dumps([dict(os.environ), os.getcwd()]) + '\\n').encode())",
        environment={"PORT": 80, "PGPASSWORD": None, "ABSENT": None},
    )

    assert ["ack"] == verdicts(program, 1)[0]

    ((variables, directory),) = map(list, programs.landed())
    assert str(programs.folder) == directory
    assert (variables["PORT"], variables["PGPASSWORD"]) == ("80", "ours")
    assert (variables["PATH"], variables["LC_ALL"]) == (os.environ["PATH"], "C.UTF-8")
    assert not {"AWS_SECRET_ACCESS_KEY", "CONSUMER_PING__URL", "NOTIFY_SOCKET"} & {*variables}


def test_what_it_prints_is_discarded_unless_it_is_wanted(
    programs: Programs, capfd: pytest.CaptureFixture[str]
) -> None:
    """It may be personal data. Nothing of it ever gets to our standard output."""
    code = "list(lines); print('name', flush=True); print('trace', file=sys.stderr)"

    verdicts(programs(code), 1)
    discarded = capfd.readouterr()
    verdicts(programs(code, stderr="inherit"), 1)
    inherited = capfd.readouterr()

    assert ("", "") == (discarded.out, discarded.err)
    assert ("", "name\ntrace\n") == (inherited.out, inherited.err)


def test_it_has_a_session_of_its_own_and_usual_signals(programs: Programs) -> None:
    """Ctrl-C in a terminal does not reach it; SIGPIPE ends it as in a shell."""
    program = programs(
        "list(lines)\n"
        "with open('landed', 'w') as landed: print(json.dumps("
        "[os.getsid(0) == os.getpid(), open('/proc/self/status').read()]), file=landed)"
    )
    verdicts(program, 1)

    ((leads, status),) = map(list, programs.landed())
    assert leads
    # Python itself ignores SIGPIPE (13) and SIGXFSZ (25) in the program; nothing else is ignored
    # but what this process ignores, where other tests ran before.
    usual = 1 << 12 | 1 << 24
    assert "SigBlk:\t0000000000000000" in status
    assert ignored_in(status) == ignored_in(Path("/proc/self/status").read_text()) | usual


def ignored_in(status: str) -> int:
    """The signals that a process ignores, as bits."""
    return int(re.findall(r"SigIgn:\t([0-9a-f]+)", status)[0], 16)


def test_nothing_is_left_of_many_calls(programs: Programs) -> None:
    """No descriptor, no process."""
    programs_made = [programs(READ), programs("list(lines); sys.exit(1)"), programs("pass")]
    before = held()

    for program in programs_made:
        verdicts(program, 2)
        close(program)
        close(program)

    assert before == held()


@for_each("mode", ["batch", "lines"])
def test_an_exit_code_that_is_lost_is_no_success(programs: Programs, mode: str) -> None:
    """SIGCHLD is ignored, or a handler waits for any process: nobody knows how it ended."""
    programs.mode = mode
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        found, reasons = verdicts(programs("lines.readline(); sys.exit(1)"), 1)
    finally:
        signal.signal(signal.SIGCHLD, before)

    assert ["retry" if mode == "batch" else "down"] == found
    assert "the program ended, but its exit code is lost" in reasons.pop()


def test_no_descriptor_left_is_an_outage(programs: Programs) -> None:
    """Nothing of it is the events' fault, and nothing is left open."""
    program = programs(READ)
    before = held()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for free in range(8):
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[0] + free, hard))
        try:
            (outcome,), reasons = verdicts(program, 1)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert before == held()
        if outcome == "ack":
            break
        reason = f"the program {sys.executable} can't be run: Too many open files"
        assert ("down", {reason}) == (outcome, reasons)
    assert free
    assert outcome == "ack"


def test_a_program_that_goes_away_is_an_outage(programs: Programs, tmp_path: Path) -> None:
    """The events wait until it is there again; also if it is there but can't be run."""
    path = tmp_path / "load"
    path.write_text(f"#!{sys.executable}\nimport sys\nsys.stdin.read()\n")
    path.chmod(0o755)
    program = programs.of([str(path)])
    (handler,) = program.handlers
    assert handler.check_destination is not None
    assert f"{path} can be run" == handler.check_destination()

    for change, reason in (
        (lambda: path.write_text("\n"), f"the program {path} can't be run: it is no program;"),
        (lambda: path.write_text("#!/absent\n"), f"the program {path} can't be run: the interp"),
        (lambda: path.chmod(0o644), f"the program {path} can't be executed"),
        (path.unlink, f"the program {path} does not exist"),
    ):
        change()
        found, (said,) = verdicts(program, 1)
        assert (["down"], reason) == (found, said[: len(reason)])

    path.write_text("#!/bin/sh\ncat > landed\n")
    path.chmod(0o755)
    assert ["ack"] == verdicts(program, 1)[0]
    assert json.loads((tmp_path / "landed").read_text())["message_id"] == "m0"

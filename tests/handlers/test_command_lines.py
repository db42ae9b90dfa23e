"""The command handler with a long-lived process that answers a line for each event."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from consumer.errors import BatchFailure, Reject, Retry
from consumer.handlers.command.answers import answer_of
from consumer.testing import (
    InMemoryQueue,
    ManualClock,
    canvas_body,
    make_context,
    make_event,
    run_batch,
)
from tests.cases import for_each
from tests.engine.conftest import Rig
from tests.handlers.commands import close, ended, held, numbered, outcomes, verdicts
from tests.processes import eventually

if TYPE_CHECKING:
    from tests.handlers.commands import Programs


@pytest.fixture(name="programs")
def _programs(programs: Programs) -> Programs:
    programs.mode = "lines"
    return programs


#: Each of its processes answers "ok" and notes the event.
ECHO = "for line in lines: note(line); say('ok')\n"
#: It has answered once; what follows is about a process that works.
WORKS = "lines.readline(); say('ok')\n"


@for_each(
    "line, expected",
    [
        (b"ok", None),
        (b" ok\r", None),
        (b"retry", (Retry, "the program asked for it", None)),
        (b"retry 30", (Retry, "the program asked for it", 30.0)),
        (b"retry 1.5 database is locked", (Retry, "database is locked", 1.5)),
        (b"retry locked for 5 s", (Retry, "locked for 5 s", None)),
        (b"reject", (Reject, "rejected by the program", None)),
        (b"reject no such user", (Reject, "no such user", None)),
        (b"reject \x1b[2J\xff", (Reject, "\\u001b[2J\ufffd", None)),
    ],
)
def test_answers(line: bytes, expected: tuple[type, str, float | None] | None) -> None:
    """A word, then what belongs to it."""
    answer = answer_of(line)

    found = answer and (type(answer), answer.reason, getattr(answer, "after", None))
    assert expected == found


@for_each(
    "line",
    [
        b"",
        b"OK",
        b"okay",
        b"ok 5",
        b"error",
        b"retrying",
        b"rejected",
        b"\xff",
        b"reject " + b"x" * 5000,
    ],
)
def test_anything_else_is_no_answer(line: bytes) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="no answer"):
        answer_of(line)


def test_each_event_has_its_answer(programs: Programs) -> None:
    """By position; one process for all calls."""
    program = programs("""
for line in lines:
    note(line)
    say({1: "retry 30 later", 2: "reject never"}.get(number(line), "ok"))
""")

    for _ in range(3):
        assert (["ack", "retry", "reject", "ack"], {"later", "never"}) == verdicts(program, 4)

    assert programs.numbers() == [0, 1, 2, 3] * 3
    (handler,) = program.handlers
    assert handler.call_batch is not None


def test_a_program_may_read_all_first_or_write_slowly(programs: Programs) -> None:
    """Full pipes in both directions: 30 MB of events, answers as long as allowed, bit by bit."""
    events = [make_event(message_id=f"m{n}", body={"text": "x" * 300_000}) for n in range(100)]
    for code in (
        (
            "batch = [lines.readline() for _ in range(100)]\n"
            "for line in batch: say('reject ' + 'r' * 4000)\nlines.read()"
        ),
        (
            "for line in lines:\n"
            "    for part in ('re', 'ject ' + 'r' * 4000, '\\n'): sys.stdout.write(part); "
            "sys.stdout.flush()"
        ),
    ):
        assert {"reject"} == set(outcomes(run_batch(programs(code), events))), code


def test_answers_before_the_end_of_a_program_count(programs: Programs) -> None:
    """What was to be answered next is delivered again; the rest is kept for another process."""
    program = programs("""
for line in lines:
    if number(line) == 5 and not os.path.exists("landed"): note(line); sys.exit(3)
    say("ok")
""")

    assert (
        ["ack"] * 5 + ["retry"] + ["down"] * 4,
        {"the program ended with exit code 3 before it had answered"},
    ) == (verdicts(program, 10))
    assert ["ack"] * 10 == verdicts(program, 10)[0]


@for_each(
    "code, outcome, reason",
    [
        ("sys.exit(1)", "down", "ended with exit code 1 before it had answered"),
        ("lines.readline(); say('hello')", "down", 'wrote a line that is not "ok", "retry" or'),
        ("hang()", "down", "did not answer in time"),
        (WORKS + "sys.exit(75)", "down", "what it needs is not available"),
        (WORKS + "os.kill(os.getpid(), 9)", "retry", "was ended by SIGKILL before it had"),
        (WORKS + "hang()", "retry", "did not answer in time"),
        (WORKS + "say('error: 7')", "retry", 'wrote a line that is not "ok", "retry" or "reject"'),
        (WORKS + "say('x' * 200_000)", "retry", "wrote a line that is not"),
        (WORKS + "sys.stdout.write('reject ' + 'x' * 5000); sys.stdout.flush(); hang()",
         "retry", "wrote a line that is not"),
    ],
)  # fmt: skip
def test_a_program_that_fails_is_ended_and_another_one_started(
    programs: Programs, code: str, outcome: str, reason: str
) -> None:
    """The first event without an answer may be the cause, unless it never answered: it pauses."""
    program = programs(code)

    for _ in range(2):
        with programs.hours_pass():
            found, reasons = verdicts(program, 3)

        expected = ["ack", outcome, "down"] if code.startswith(WORKS) else ["down"] * 3
        assert expected == found
        assert reason in reasons.pop()


def test_events_that_end_the_program_do_so_to_no_others(programs: Programs) -> None:
    """They go to the dead-letter queue; each of the others lands with its first delivery."""
    clock = ManualClock()
    dead = InMemoryQueue(clock)
    queue = InMemoryQueue(
        clock,
        visibility_timeout_seconds=60,
        advance_on_empty=False,
        dead_letter_queue=dead,
        max_receive_count=3,
    )
    program = programs("""
for line in lines:
    if number(line) in (17, 23): os.kill(os.getpid(), 9)
    note(line)
    say("ok")
""")
    engine = {"breaker_failures": 5, "settle_linger_seconds": 0}
    rig = Rig(program, queue=queue, clock=clock, engine=engine)
    sent = [queue.send(canvas_body(number=n), message_id=f"m{n}") for n in range(40)]

    for second in range(200):
        if second % 10 == 0:  # others show that the program works
            number = len(sent)
            sent.append(queue.send(canvas_body(number=number), message_id=f"m{number}"))
        while rig.may_receive() and rig.receive().messages:
            rig.work()
        rig.beat(1)
        rig.work()
        rig.settle()

    assert {"m17", "m23"} == set(dead.bodies())
    assert sorted({*sent} - {"m17", "m23"}) == sorted(queue.deleted())
    assert [n for n in range(len(sent)) if n not in {17, 23}] == sorted(programs.numbers())
    assert {1} == {queue.receive_count(message) for message in queue.deleted()}


@for_each("code, outcome", [("", "down"), (WORKS, "retry")])
def test_a_program_that_can_answer_no_more_is_ended(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, code: str, outcome: str
) -> None:
    """It has closed its standard output, and runs on."""
    monkeypatch.setattr("consumer.handlers.command.lines._END_SECONDS", 0.1)

    found, reasons = verdicts(programs(code + "os.close(1); hang()"), 2)

    assert outcome == found[-1]
    assert {"the program closed its standard output before it had answered"} == reasons


@for_each(
    "code",
    [
        "for _ in range(9): say('ok')\nlines.read()",
        (
            "lines = os.fdopen(0, 'rb', 0)\nwhile lines.read(1) != b'\\n': pass\n"
            "for _ in range(3): say('ok')\nhang()"
        ),
        "for line in lines: say('ok\\nok')",
        (
            "for _ in range(3): lines.readline(); sys.stdout.write('ok\\n')\n"
            "sys.stdout.write('o'); sys.stdout.flush(); hang()"
        ),
    ],
)
def test_answers_to_events_that_it_has_not_read_are_worth_nothing(
    programs: Programs, code: str
) -> None:
    """More answers than events, or before them: none of them can be trusted."""
    events = [make_event(message_id=f"m{n}", body={"text": "x" * 9000}) for n in range(3)]

    found = run_batch(programs(code), events)

    assert ["retry", "down", "down"] == list(outcomes(found))
    assert {"the program wrote an answer without having read the event"} == {
        ran.reason for ran in found
    }


def test_a_line_between_two_calls_belongs_to_no_event(programs: Programs) -> None:
    """It is not taken as the answer to the next one."""
    program = programs("""
lines.readline()
sys.stdout.write("ok\\n")
sys.stdout.flush()
wait_for(lambda: os.path.exists("go"))
say("ok")
open("said", "w").close()
for line in lines: note(line)
""")
    assert ["ack"] == verdicts(program, 1)[0]
    (programs.folder / "go").touch()
    eventually((programs.folder / "said").exists, "it has said more")

    assert (["retry"], {"the program wrote an answer without having read the event"}) == verdicts(
        program, 1
    )
    assert programs.landed() == []


def test_one_that_ended_between_two_calls_is_replaced(programs: Programs) -> None:
    """Nothing fails: it was not in the middle of anything."""
    program = programs(
        "line = lines.readline(); note(line); say('ok')\n"
        "open('process', 'w').write(str(os.getpid()))"
    )
    process = programs.folder / "process"

    for _ in range(3):
        assert ["ack"] == verdicts(program, 1)[0]
        eventually(process.exists, "it ends")
        eventually(lambda: process.read_text() and ended(int(process.read_text())), "it has ended")
        process.unlink()

    assert programs.numbers() == [0] * 3


def test_two_calls_at_once_have_two_processes(programs: Programs) -> None:
    """With `concurrency: 2`: neither waits for the other, nor gets its answers."""
    program = programs("""
for line in lines:
    open(f"process{os.getpid()}", "w").close()
    wait_for(lambda: len([n for n in os.listdir() if n.startswith("process")]) == 2)
    say("ok")
for line in lines: say("ok")
""")
    found: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: found.append(verdicts(program, 3)[0])) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [["ack"] * 3] * 2


def test_many_calls_at_once_do_not_take_processes_from_each_other(programs: Programs) -> None:
    """A process is one call's until that has ended, also while it changes hands."""
    program = programs("for line in lines: say(f'reject {number(line)}')")
    wrong: list[object] = []

    def call_often(first: int) -> None:
        events = [make_event(message_id=f"m{n}") for n in range(first, first + 3)]
        for _ in range(60):
            reasons = [ran.reason for ran in run_batch(program, events)]
            if reasons != [str(n) for n in range(first, first + 3)]:
                wrong.append(reasons)

    threads = [threading.Thread(target=call_often, args=(10 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_a_close_ends_the_process_by_the_end_of_its_input(programs: Programs) -> None:
    """It has time to finish; a later call starts another one."""
    program = programs(ECHO + "open('ended', 'a').write('x')")
    before = held()

    for count in (1, 2):
        assert ["ack"] * 3 == verdicts(program, 3)[0]
        close(program)
        assert "x" * count == (programs.folder / "ended").read_text()

    assert before == held()


def test_a_close_ends_a_call_that_still_runs(programs: Programs) -> None:
    """When the drain is over, or Python exits: nothing is left running."""
    program = programs("lines.readline(); hang()")
    found: list[list[str]] = []
    thread = threading.Thread(target=lambda: found.append(verdicts(program, 1)[0]))
    thread.start()
    eventually((programs.folder / "hangs").exists, "it hangs")

    close(program)
    thread.join()

    assert found == [["down"]]


@for_each("busy", [True, False])
def test_a_close_ends_all_together(programs: Programs, *, busy: bool) -> None:
    """Each waits for the others: one after the other would take too long with many."""
    program = programs(
        "def others(kind): return [name for name in os.listdir() if name.startswith(kind)]\n"
        "def together(kind):\n"
        "    open(f'{kind}{os.getpid()}', 'w').close()\n"
        "    wait_for(lambda: len(others(kind)) == 3)\n"
        "def end(*_): together('asked'); open(f'ended{os.getpid()}', 'w').close(); os._exit(0)\n"
        f"if {busy}: signal.signal(signal.SIGTERM, end)\n"
        "lines.readline(); together('begun')\n"
        f"if {busy}: hang()\n"
        "say('ok'); lines.read(); end()"
    )
    threads = [threading.Thread(target=verdicts, args=(program, 1)) for _ in range(3)]
    for thread in threads:
        thread.start()
    if busy:
        eventually(lambda: len([*programs.folder.glob("begun*")]) == 3, "all have begun")
        close(program)
    for thread in threads:
        thread.join()
    close(program)

    assert len([*programs.folder.glob("ended*")]) == 3
    for file in programs.folder.glob("*[0-9]"):
        file.unlink()


def test_the_handlers_own_timeout_ends_it(programs: Programs) -> None:
    """What it has answered by then counts."""
    (handler,) = programs(WORKS + "hang()").handlers
    assert handler.call_batch is not None
    handler.call_batch(numbered(1), make_context())

    with pytest.raises(BatchFailure) as caught:
        handler.call_batch(numbered(1), make_context(deadline=0.0))
    assert [Retry] == [type(error) for error in caught.value.failures.values()]

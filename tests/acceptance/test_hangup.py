"""SIGHUP with a configuration file: the same process goes on with other handlers and settings."""

from __future__ import annotations

import os
import pty
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.acceptance.conftest import archived
from tests.bench.rig import running_stub
from tests.moto_queues import numbered
from tests.processes import Consume, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.acceptance.conftest import Gate
    from tests.acceptance.scripted_queue import Script
    from tests.bench.rig import StubAddress

    Start = Callable[..., Consume]

ARCHIVE = "handlers: [{{name: archive, archive: {{directory: {}}}, linger_seconds: 0.1}}]"
GATED = "handlers: [{name: gated, python: {target: 'gated_handlers:registry'}}]"


class Config:
    """A configuration file that is changed, and the daemon that reads it."""

    def __init__(self, consume: Start, folder: Path, url: str) -> None:
        self.path = folder / "config.yaml"
        self._consume = consume
        self._url = url

    def write(self, *lines: str) -> None:
        """The whole file."""
        self.path.write_text("\n".join([f"queue: {{url: '{self._url}'}}", *lines]))

    def start(self, *lines: str, **environ: str) -> Consume:
        """Start the daemon with it; it is ready on return."""
        self.write(*lines)
        run = self._consume("--config", str(self.path), **environ)
        run.until("ready")
        return run


def reload(run: Consume, event: str = "reloaded") -> dict[str, Any]:
    """Send the signal; returns the log line about what came of it."""
    before = len(run.log(event))
    run.signal(signal.SIGHUP)
    eventually(lambda: len(run.log(event)) > before, f"it logs {event}: {run.stderr()}")
    return run.log(event)[-1]


def numbers(folder: Path) -> list[int]:
    """The numbers of the events in an archive."""
    return [int(line["payload"]["body"]["submission_id"]) for line in archived(folder)]


def test_other_handlers_and_settings_without_a_restart(
    stub: StubAddress, consume: Start, tmp_path: Path
) -> None:
    """What comes after the reload is handled as the new file says, and counters go on."""
    config = Config(consume, tmp_path, stub.queue_url)
    run = config.start(ARCHIVE.format("old"))
    stub.post("/send", {"body": numbered(1)})
    eventually(lambda: stub.get("/stats")["deleted"] == 1, "the first is handled")

    config.write(ARCHIVE.format("new"), "engine: {workers: 2, summary_interval_seconds: 1}")
    line = reload(run)
    stub.post("/send", {"body": numbered(2)})
    eventually(lambda: stub.get("/stats")["deleted"] == 2, "the second is handled")
    run.until("summary")  # each second, as the new file says

    run.signal(signal.SIGTERM)
    assert run.end() == 0
    assert ([1], [2]) == (numbers(tmp_path / "old"), numbers(tmp_path / "new"))
    assert ({"archive": ["*"]}, "info") == (line["handlers"], line["level"])
    assert (2, 0) == tuple(run.log("drained")[0][key] for key in ("handled", "released"))


def test_a_faulty_file_changes_nothing(stub: StubAddress, consume: Start, tmp_path: Path) -> None:
    """Each error is logged, as `config check` shows it; a handler that can't be made is one."""
    config = Config(consume, tmp_path, stub.queue_url)
    run = config.start(ARCHIVE.format("old"))

    config.write("engine: {workers: many}", "unmatched: nowhere")
    errors = reload(run, "reload_failed")["errors"]
    assert (True, True) == ("workers" in errors[0], "unmatched" in errors[1])
    config.write("handlers: [{name: mine, python: {target: 'absent:registry'}}]")
    assert "absent" in reload(run, "reload_failed")["errors"][0]
    config.path.unlink()
    assert "config.yaml" in reload(run, "reload_failed")["errors"][0]

    stub.post("/send", {"body": numbered(1)})
    eventually(lambda: stub.get("/stats")["deleted"] == 1, "it goes on")
    run.signal(signal.SIGTERM)
    assert run.end() == 0
    assert [1] == numbers(tmp_path / "old")


def test_what_needs_a_restart_is_named(stub: StubAddress, consume: Start, tmp_path: Path) -> None:
    """It keeps its value; the rest of the file counts."""
    config = Config(consume, tmp_path, stub.queue_url)
    run = config.start(ARCHIVE.format("old"))

    more = ("quarantine: {directory: poison}", "logging: {level: error}", "unmatched: delete")
    config.write(*more, ARCHIVE.format("new"))
    config.path.write_text(config.path.read_text().replace("{url", "{format: caliper, url"))
    line = reload(run)

    assert ["queue.format", "quarantine.directory", "logging.level"] == line["unchanged"]
    assert "warning" == line["level"]
    stub.post("/send", {"body": numbered(1)})
    eventually(lambda: stub.get("/stats")["deleted"] == 1, "it still reads Canvas's format")
    run.signal(signal.SIGTERM)
    assert run.end() == 0
    assert [1] == numbers(tmp_path / "new")


def test_running_handlers_finish_first(
    stub: StubAddress, consume: Start, gate: Gate, tmp_path: Path
) -> None:
    """They are the old ones, and so are those of messages that were received before."""
    config = Config(consume, tmp_path, stub.queue_url)
    few = "engine: {workers: 2}"
    run = config.start(GATED, few, **gate.environ)
    for number in range(8):
        stub.post("/send", {"body": numbered(number)})
    gate.until_started(2)

    config.write(ARCHIVE.format("new"))
    run.signal(signal.SIGHUP)
    gate.open()
    run.until("reloaded")

    run.signal(signal.SIGTERM)
    assert run.end() == 0
    drained = run.log("drained")[0]
    assert (8, 8, 0) == tuple(drained[key] for key in ("handled", "deleted", "released"))
    assert set(range(8)) == gate.handled() | set(numbers(tmp_path / "new"))


def test_a_handler_that_takes_too_long_is_left(
    stub: StubAddress, consume: Start, gate: Gate, tmp_path: Path
) -> None:
    """At the deadline of a drain its message is returned, and the new handlers get it."""
    config = Config(consume, tmp_path, stub.queue_url)
    run = config.start(GATED, "engine: {drain_timeout_seconds: 1}", **gate.environ)
    stub.post("/send", {"body": numbered(7)})
    gate.until_started(1)

    config.write(ARCHIVE.format("new"))
    reload(run)
    eventually(lambda: stub.get("/stats")["deleted"] == 1, "the archive has it")
    gate.open()

    run.signal(signal.SIGTERM)
    assert run.end() == 0
    assert [7] == numbers(tmp_path / "new")


def test_a_stop_during_a_reload_drains(
    stub: StubAddress, consume: Start, gate: Gate, tmp_path: Path
) -> None:
    """The old handlers finish, and the process ends with 0. SIGHUP is no second signal to stop."""
    config = Config(consume, tmp_path, stub.queue_url)
    run = config.start(GATED, **gate.environ)
    stub.post("/send", {"body": numbered(7)})
    gate.until_started(1)
    config.write(ARCHIVE.format("new"))
    run.signal(signal.SIGHUP)
    run.signal(signal.SIGHUP)

    run.signal(signal.SIGTERM)
    run.until("draining")
    run.signal(signal.SIGHUP)
    gate.open()

    assert run.end() == 0
    assert {7} == gate.handled()
    assert (1, 0) == tuple(run.log("drained")[0][key] for key in ("deleted", "abandoned"))
    assert [] == run.log("reloaded")


def test_a_reload_during_the_start_is_not_forgotten(
    script: Script, consume: Start, tmp_path: Path
) -> None:
    """It is done once the daemon is ready."""
    config = Config(consume, tmp_path, script.queue_url)
    config.write(ARCHIVE.format("old"))
    script.hold("GetQueueAttributes")
    run = consume("--config", str(config.path))
    eventually(lambda: script.asked["GetQueueAttributes"], "it asks the queue")

    config.write("handlers: [{name: new, log: {}}]")
    run.signal(signal.SIGHUP)
    script.let_go("GetQueueAttributes")

    assert {"new": ["*"]} == run.until("reloaded")["handlers"]
    run.signal(signal.SIGTERM)
    assert run.end() == 0


def test_fifty_reloads_under_load_lose_nothing_and_cost_no_delivery(
    consume: Start, tmp_path: Path
) -> None:
    """Each message is in one archive, and none was received twice."""
    count = 8_000
    with running_stub(messages=count, latency_ms=20) as stub:
        config = Config(consume, tmp_path, stub.queue_url)
        run = config.start(ARCHIVE.format("a0"), "engine: {max_pollers: 1}")
        for number in range(1, 51):
            config.write(
                ARCHIVE.format(f"a{number % 2}"),
                f"engine: {{workers: {1 + number % 4}, max_pollers: 1}}",
            )
            reload(run)
        assert stub.get("/stats")["deleted"] < count  # it had work all the time
        eventually(lambda: stub.get("/stats")["deleted"] == count, "all is handled")
        run.signal(signal.SIGTERM)
        assert run.end() == 0

    lines = [line["message_id"] for name in ("a0", "a1") for line in archived(tmp_path / name)]
    assert count == len(lines) == len(set(lines))
    drained, summary = run.log("drained")[-1], run.log("summary")
    assert (count, 0, 0) == tuple(drained[key] for key in ("deleted", "released", "abandoned"))
    assert count == sum(line["received"] for line in summary)
    assert [] == [line for line in run.log() if line["level"] in ("error", "critical")]


def test_a_terminal_that_is_closed_stops_it(stub: StubAddress, tmp_path: Path) -> None:
    """It would go on without one. While the terminal is there, SIGHUP comes from `kill -HUP`."""
    config = Config(lambda *_: None, tmp_path, stub.queue_url)  # type: ignore[arg-type]
    config.write(ARCHIVE.format("old"))
    child, terminal = pty.fork()
    if not child:
        os.chdir(tmp_path)
        os.execvpe(
            "sh", ["sh", "-c", "exec consume --config config.yaml 2>log"], _environ(tmp_path)
        )
    log = tmp_path / "log"
    eventually(lambda: log.exists() and '"ready"' in log.read_text(), "it is ready")
    os.kill(child, signal.SIGHUP)
    eventually(lambda: '"reloaded"' in log.read_text(), "it is reloaded")

    os.close(terminal)

    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert '"drained"' in log.read_text()


def _environ(folder: Path) -> dict[str, str]:
    from tests.processes import environment

    return environment(folder)


_MODULE = """
from pathlib import Path
from consumer import Registry

registry = Registry()
HERE = Path(__file__).parent


def note(text):
    with (HERE / "notes").open("a") as notes:
        print("{name}", text, file=notes)


@registry.on("*", name="{name}", close=lambda: note("closes"))
def handle(event):
    note(event.body["submission_id"])
"""


def test_modules_are_imported_once(stub: StubAddress, consume: Start, tmp_path: Path) -> None:
    """A new one at the reload; one that goes on is neither imported again nor closed."""
    config = Config(consume, tmp_path, stub.queue_url)
    (tmp_path / "one.py").write_text(_MODULE.format(name="one"))
    one = "{name: one, python: {target: 'one:registry'}}"
    two = "{name: two, python: {target: 'two:registry'}}"
    run = config.start(f"handlers: [{one}]")

    def handle(number: int, deletes: int) -> None:
        stub.post("/send", {"body": numbered(number)})
        eventually(lambda: stub.get("/stats")["deleted"] == deletes, "it is handled")

    handle(1, 1)
    (tmp_path / "one.py").write_text(_MODULE.format(name="changed"))
    (tmp_path / "two.py").write_text(_MODULE.format(name="two"))
    for handlers in (f"[{one}]", f"[{two}]", f"[{one}]"):
        config.write(f"handlers: {handlers}")
        reload(run)
        number = len(run.log("reloaded")) + 1
        handle(number, number)
    run.signal(signal.SIGTERM)

    assert run.end() == 0
    notes = (tmp_path / "notes").read_text().splitlines()
    expected = ["one 1", "one 2", "one closes", "two 3", "two closes", "one 4", "one closes"]
    assert expected == notes

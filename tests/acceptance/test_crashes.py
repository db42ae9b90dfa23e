"""Many kills in the middle of a load, and many stops: nothing is lost, little comes twice.

The process is started again at once each time, as systemd would.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sqlite3
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest

from consumer.ledger.database import FILE_NAME
from tests.acceptance.conftest import archived
from tests.acceptance.load import loading
from tests.acceptance.starter import running_starter
from tests.bench.rig import running_stub
from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.acceptance.load import Load
    from tests.acceptance.starter import Starter
    from tests.bench.rig import StubAddress
    from tests.processes import Consume

KILLS = 50
STOPS = 8
#: Short, so that what a killed process held comes again soon. A stopped one gives it back, and must
#: not be late with a renewal on a slow machine: what is archived exactly once may not come again.
VISIBILITY_SECONDS = {"test_fifty_kills_lose_nothing": 2}
#: A process is killed after it has handled up to this many messages, and a moment later.
LONGEST_LIFE_MESSAGES, LONGEST_MOMENT_SECONDS = 100, 0.1
#: As SQS has it. Without the ledger, what is being deleted at a kill would come twice.
LATENCY_MS = 10
#: As it comes: whole batches are written and noted, and a kill in between could double one. How
#: often it does depends on how long the machine takes for both.
ARCHIVE_BATCH = 100
ARCHIVE = "handlers: [{name: archive, archive: {directory: archive}}]\n"

pytestmark = pytest.mark.timeout(900)


class Site:
    """A queue under load, and the process that works on it, again and again."""

    def __init__(self, stub: StubAddress, starter: Starter, folder: Path) -> None:
        self.stub = stub
        self.folder = folder
        self._starter = starter
        (folder / "config.yaml").write_text(ARCHIVE)

    def start(self) -> Consume:
        """As the unit does it."""
        return self._starter.start("-c", "config.yaml", "--queue-url", self.stub.queue_url)

    def deleted(self) -> int:
        """How many messages are handled and deleted."""
        return int(self.stub.get("/stats")["deleted"])

    def interrupt(self, number: signal.Signals, *, times: int) -> Iterator[Consume]:
        """Start it, signal it at a random moment of its life, and start it again at once."""
        rng = Random(4)
        for _ in range(times):
            run = self.start()
            run.until("ready")
            enough = self.deleted() + rng.randrange(LONGEST_LIFE_MESSAGES)
            eventually(lambda: self.deleted() >= enough, "messages are deleted")  # noqa: B023
            time.sleep(rng.uniform(0.0, LONGEST_MOMENT_SECONDS))
            run.signal(number)
            run.end()
            yield run

    def work_off(self, load: Load) -> None:
        """Let it run until the queue is empty, and stop it."""
        sent = load.end()
        run = self.start()
        run.until("ready")  # the queue may be empty already, and signals not yet taken
        eventually(lambda: self.deleted() == sent, "the queue is empty")
        run.signal(signal.SIGTERM)
        assert run.end() == 0

    def times_archived(self) -> Counter[int]:
        """How often each event is in the archive, by its number."""
        payloads = [line["payload"] for line in archived(self.folder / "archive")]
        return Counter(int(payload["body"]["submission_id"]) for payload in payloads)


def ledger_says(state: Path) -> str:
    """What SQLite says of the ledger's file."""
    with contextlib.closing(sqlite3.connect(state / FILE_NAME)) as ledger:
        return str(ledger.execute("PRAGMA integrity_check").fetchone()[0])


@pytest.fixture(name="site")
def _site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    visibility = VISIBILITY_SECONDS.get(request.node.originalname, 10)
    with (
        running_stub(latency_ms=LATENCY_MS, visibility_seconds=visibility) as stub,
        running_starter(tmp_path) as starter,
    ):
        yield Site(stub, starter, tmp_path)


def test_fifty_kills_lose_nothing(site: Site) -> None:
    """Every event is archived, few twice; archive and ledger are whole after each kill.

    What is there twice was in the archive and not yet in the ledger when its process was killed: at
    most one call of the archive. Most kills hit another moment.
    """
    with loading(site.stub, portion=20) as load:
        codes = [run.end() for run in site.interrupt(signal.SIGKILL, times=KILLS)]
        shutil.copytree(
            site.folder / "state",
            site.folder / "as-the-kill-left-it",
            ignore=shutil.ignore_patterns("*.sock"),
        )
        site.work_off(load)

    times = site.times_archived()
    sent = load.end()
    twice = times.total() - len(times)
    print(f"{sent} events, {KILLS} kills, {twice} archived twice ({twice / sent:.2%})")
    assert [-signal.SIGKILL] * KILLS == codes
    assert sent > 3000
    assert set(range(sent)) == set(times)
    assert twice < KILLS * ARCHIVE_BATCH / 5
    assert "ok" == ledger_says(site.folder / "as-the-kill-left-it")
    assert "ok" == ledger_says(site.folder / "state")


def test_stops_lose_nothing_and_double_nothing(site: Site) -> None:
    """Each event is archived exactly once, and each stop is a clean one."""
    with loading(site.stub) as load:
        codes = [run.end() for run in site.interrupt(signal.SIGTERM, times=STOPS)]
        site.work_off(load)

    assert [0] * STOPS == codes
    assert site.times_archived() == Counter(range(load.end()))
    assert "ok" == ledger_says(site.folder / "state")

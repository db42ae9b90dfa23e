"""One run, or many: real threads under as many switches as there can be, and what must hold."""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from consumer import log_events
from tests.stress.crowded_queue import CrowdedQueue
from tests.stress.life import Life
from tests.stress.notebook import BrokenError, Killed, Notebook
from tests.stress.plan import draw
from tests.stress.switches import many_switches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.stress.plan import Ending, Plan

#: A run may go without progress for this long, in seconds of the machine.
PATIENCE_SECONDS = 15.0
_LOOK_SECONDS = 0.002
#: What else is at error or above is a fault of ours.
_EXPECTED_ERRORS = {log_events.BREAKER_OPENED}
#: Warnings that nothing here provokes.
_UNEXPECTED = {
    log_events.LEDGER_FAILED, log_events.LEDGER_OFF, log_events.LEDGER_SET_ASIDE,
    log_events.THREADS_MISSING,
}  # fmt: skip


@dataclass(slots=True)
class Tally:
    """Counts of one run, or of many."""

    runs: int = 0
    messages: int = 0
    successes: int = 0
    repeats: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    logged: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Count another run, too."""
        for count in fields(self):
            setattr(self, count.name, getattr(self, count.name) + getattr(other, count.name))

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"runs       {self.runs:,}",
            f"messages   {self.messages:,}",
            f"handled    {self.successes:,} by handlers, {self.repeats:,} again after a kill",
            f"processes  {_counts(self.endings)}",
            f"logged     {_counts(self.logged)}",
        ]


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counter.most_common())


def run(seed: int, *, patience: float = PATIENCE_SECONDS) -> Tally:
    """One run. Raises BrokenError with all that did not hold.

    Args:
        patience: seconds without progress, after which nothing more is waited for.
    """
    plan = draw(seed)
    notebook = Notebook(plan)
    with (
        tempfile.TemporaryDirectory() as state,
        capture_logs() as logs,
        many_switches(plan.switch_seconds, opcodes=plan.opcodes),
    ):
        _Run(plan, notebook, Path(state), patience).all()
    _check_logs(notebook, logs)
    if notebook.broken:
        raise BrokenError("; ".join(notebook.broken[:5]))
    return Tally(
        1,
        len(plan.messages),
        notebook.successes,
        notebook.repeats,
        Counter([*plan.endings, "drain"]),
        Counter(line["event"] for line in logs),
    )


class _Run:
    def __init__(self, plan: Plan, notebook: Notebook, state: Path, patience: float) -> None:
        self._plan = plan
        self._notebook = notebook
        self._state = state
        self._patience = patience
        self._dice = Random(f"run {plan.seed}")
        self._reloads = Random(f"reloads {plan.seed}")
        self._queue = CrowdedQueue(plan, notebook)
        self._never = threading.Event()
        self._sent = [self._send(number) for number in range(len(plan.messages))]

    def _send(self, number: int) -> str:
        message = self._plan.messages[number]
        message_id = f"message-{number}"
        self._notebook.sent(message_id, message)
        return self._queue.send(message.body, message_id=message_id)

    def all(self) -> None:
        for ending in self._plan.endings:
            few = self._dice.randint(1, 1 + len(self._sent) // 2)
            self._live(ending, until_deleted=len(self._queue.deleted()) + few)
            if self._notebook.broken:
                return
            # The visibility timeouts of what it has left have run out.
            self._queue.deliver_again(self._sent)
        self._live("drain", until_deleted=len(self._sent))
        still_there = self._queue.bodies()
        lost = [id_ for id_ in self._sent if self._notebook.stays(id_) and id_ not in still_there]
        if lost:
            self._notebook.report(f"rejected, but deleted: {lost}")

    def _live(self, ending: Ending, *, until_deleted: int) -> None:
        life = Life(self._plan, self._queue, self._notebook, self._state)
        try:
            life.worker.start()
            for _ in range(self._reloads.choice((0, 0, 1, 3))):
                self._wait(life, len(self._queue.deleted()) + self._reloads.randint(0, 20))
                if not self._notebook.broken:
                    life.reload()
            self._wait(life, until_deleted)
            if self._notebook.broken:
                return
            if ending == "refused":
                self._refuse(life)
            if ending == "kill":
                life.kill()
            elif ending == "kill while draining":
                life.kill_while_draining()
            else:
                life.drain()
        finally:
            life.kill()

    def _wait(self, life: Life, until_deleted: int) -> None:
        """Deliver messages again at times, until `until_deleted` are deleted, or all are done."""
        progress, since = (-1, -1), time.monotonic()
        while not self._notebook.broken:
            deleted = len(self._queue.deleted())
            left = self._notebook.left()
            if deleted >= until_deleted or not left:
                return
            if progress != (deleted, self._notebook.progress):
                progress, since = (deleted, self._notebook.progress), time.monotonic()
            elif time.monotonic() - since > self._patience:
                self._notebook.report(f"no progress, {len(left)} are left: {life.describe()}")
            if finished := life.worker.status().finished:
                failure = life.worker.status().failure
                self._notebook.report(f"it ended by itself: {finished}, {failure!r}")
            if self._dice.random() < 0.3:
                self._queue.deliver_again([self._dice.choice(left)])
            self._never.wait(_LOOK_SECONDS)

    def _refuse(self, life: Life) -> None:
        """The queue refuses receives, until the worker gives up."""
        life.line.refused.set()
        since = time.monotonic()
        while not life.worker.status().finished:
            if time.monotonic() - since > self._patience:
                self._notebook.report(f"refused, and it goes on: {life.describe()}")
                return
            self._never.wait(_LOOK_SECONDS)


def _check_logs(notebook: Notebook, logs: Sequence[object]) -> None:
    for line in logs:
        assert isinstance(line, dict)
        event = line["event"]
        if line.get("error_type") == Killed.__name__:
            continue
        if event in _UNEXPECTED or (
            line["log_level"] in ("error", "critical") and event not in _EXPECTED_ERRORS
        ):
            facts = {name: value for name, value in line.items() if name != "exc_info"}
            notebook.report(f"logged: {facts}")

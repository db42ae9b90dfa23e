"""The defects of threads that the stress must find."""

from __future__ import annotations

from typing import Final

from tests.planted import Defect

_LOCK: Final = "self._lock = threading.Lock()"
_NO_LOCK: Final = '__import__("contextlib").nullcontext()'

DEFECTS: Final = (
    *(
        Defect(f"no lock in {name}", f"engine/{name}.py", _LOCK, f"self._lock = {_NO_LOCK}")
        for name in ("gate", "inflight", "lane")
    ),
    Defect(
        "two calls that end together both count as the last one",
        "engine/call.py",
        "next(message.ended) == message.calls",
        "len(message.succeeded) + len(message.others) == message.calls",
    ),
    Defect("no lock in ledger", "ledger/ledger.py", _LOCK, f"self._lock = {_NO_LOCK}"),
    Defect(
        "two receives of the same message are not distinguished",
        "engine/inflight.py",
        "        with self._lock:\n            self._reserved -= reserved",
        "        if True:\n            self._reserved -= reserved",
    ),
    Defect(
        "a batch is taken while others add to it",
        "engine/lane.py",
        "        with self._lock:\n            if not (partial",
        "        if True:\n            if not (partial",
    ),
    Defect(
        "the housekeeper wakes no thread",
        "engine/threads.py",
        "        parts.pool.nudge()\n",
        "",
    ),
    Defect(
        "a role is released only if nothing was raised",
        "engine/pool.py",
        "        finally:\n            self.release_role(role)",
        "        except ZeroDivisionError:\n            pass\n"
        "        else:\n            self.release_role(role)",
    ),
    Defect(
        "roles are released without the lock",
        "engine/pool.py",
        "        with self._turn:\n            self._roles[role] -= 1",
        "        if True:\n            self._roles[role] -= 1",
    ),
    Defect(
        "a commit does not wait for one that has its notes",
        "ledger/ledger.py",
        "self._committing = threading.Lock()",
        f"self._committing = {_NO_LOCK}",
    ),
    Defect(
        "a reload does not wait for open receives",
        "engine/worker.py",
        "if not receives and not len(parts.in_flight):",
        "if not len(parts.in_flight):",
    ),
    Defect(
        "a reload begins no message that was received",
        "service/engine.py",
        "        old.pause(paused=True)\n",
        "        old.stop()\n",
    ),
)

"""What accompanies the daemon can't stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.service.companions import Companions
from consumer.testing import ManualClock
from tests.service.daemon_stage import FakeWorker

if TYPE_CHECKING:
    from consumer.engine.status import Status

STATUS = FakeWorker(ManualClock()).current


class Part:
    """Notes what it is called for, and may fail."""

    def __init__(self, name: str, calls: list[str], *, fails: str = "") -> None:
        self.name = name
        self.calls = calls
        self.fails = fails

    def look(self, status: Status) -> None:
        self._call("look")

    def close(self, exit_code: int) -> None:
        self._call("close")

    def _call(self, what: str) -> None:
        self.calls.append(f"{self.name} {what}")
        if what == self.fails:
            raise RuntimeError


def test_what_raises_is_left_out_and_the_rest_goes_on(logged: list[Any]) -> None:
    """Also at the end, which begins with the last one."""
    calls: list[str] = []
    parts = [Part("a", calls), Part("b", calls, fails="look"), Part("c", calls, fails="close")]
    companions = Companions([*parts, Part("d", calls)])

    def run() -> int:
        companions.look(STATUS)
        companions.look(STATUS)
        return 3

    assert 3 == companions.accompany(run)

    assert ["a look", "b look", "c look", "d look", "a look", "c look", "d look"] == calls[:7]
    assert ["d close", "c close", "a close"] == calls[7:]
    assert ["companion_failed"] * 2 == [line["event"] for line in logged]


def test_what_can_not_be_made_is_missing(logged: list[Any]) -> None:
    """The daemon starts without it, for example if the system allows no more threads."""
    calls: list[str] = []
    companions = Companions([Part("a", calls)])

    def fail() -> list[Part]:
        raise RuntimeError("can't start new thread")

    companions.begin(fail)
    companions.begin(lambda: [Part("b", calls)])
    companions.look(STATUS)

    assert ["a look", "b look"] == calls
    assert ["companion_failed"] == [line["event"] for line in logged]

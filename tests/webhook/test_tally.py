"""The counts of 24 hours."""

from __future__ import annotations

from consumer.testing import ManualClock
from consumer.webhook.tally import MOST_ERRORS, MOST_LATE, Tally


def test_answers_are_counted_for_a_day() -> None:
    """By their class, and late ones again; after 24 hours they are forgotten."""
    clock = ManualClock()
    tally = Tally(clock)
    for status, seconds in ((204, 0.1), (401, 0.1), (503, 16.0), (413, 0.0)):
        tally.add(status, seconds)

    assert tally.last_day() == {"2xx": 1, "4xx": 2, "5xx": 1, "late": 1}
    clock.advance(86_000)
    tally.add(503, 1.0)
    assert tally.last_day()["5xx"] == 2
    clock.advance(1_000)
    assert tally.last_day() == {"2xx": 0, "4xx": 0, "5xx": 1, "late": 0}
    assert tally.totals == {"204": 1, "401": 1, "503": 2, "413": 1, "late": 1}


def test_half_of_a_limit_is_near() -> None:
    """Of either one."""
    for status, seconds, most in ((401, 0.0, MOST_ERRORS), (204, 16.0, MOST_LATE)):
        tally = Tally(ManualClock())
        for _ in range(most // 2):
            tally.add(status, seconds)
        assert not tally.is_near_a_limit
        tally.add(status, seconds)
        assert tally.is_near_a_limit

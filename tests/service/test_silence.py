"""Silence is noticed when events are usual, and only then."""

from __future__ import annotations

import json
import math
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumer.service.silence import TRAFFIC_FILE, SilenceWatch, watch_silence
from consumer.service.traffic import HOURS, Quiet, UsualTraffic, hour_of_week, of_text
from consumer.testing import ManualClock
from tests.cases import for_each
from tests.service.daemon_stage import FakeWorker, named

if TYPE_CHECKING:
    from pathlib import Path

MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
_WEEK = 7 * 24 * 60


def college(time: datetime) -> float:
    """Events an hour at a college: busy days, quiet nights and weekends."""
    if time.weekday() >= 5:
        return 12.0 if 8 <= time.hour < 23 else 0.4
    return 240.0 if 8 <= time.hour < 18 else 30.0 if 6 <= time.hour < 23 else 1.0


def nightly_job(time: datetime) -> float:
    """Next to nothing, but a thousand events from an import each night at an uncertain time."""
    start = random.Random(time.toordinal()).randrange(60)
    return 60_000.0 if (time.hour, time.minute) == (2, start) else 0.05


def _poisson(rng: random.Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    count, product = 0, rng.random()
    while product > math.exp(-mean):
        count, product = count + 1, product * rng.random()
    return count


class World:
    """A daemon that looks once a minute, and a Canvas whose events are random."""

    def __init__(self, *, seed: int = 0, profile: Any = college) -> None:
        self.clock = ManualClock(MONDAY)
        self.rng = random.Random(seed)
        self.profile = profile
        self.worker = FakeWorker(self.clock)
        self.saved: list[str] = []
        self.watch = SilenceWatch(UsualTraffic(), Quiet(), clock=self.clock, save=self.saved.append)

    def minutes(
        self, minutes: int, *, sends: bool = True, reads: bool = True, **facts: Any
    ) -> None:
        """So much time passes."""
        for _ in range(minutes):
            mean = self.profile(self.clock.now()) / 60
            self.clock.advance(60)
            events = _poisson(self.rng, mean) if sends and reads else 0
            self.worker.count(received=events, empty_receives=3 if reads and not events else 0)
            self.worker.become(**facts)
            self.watch.look(self.worker.current)

    def until(self, hour: int) -> None:
        """Normal traffic until this hour of the day."""
        while self.clock.now().hour != hour:
            self.minutes(1)


@for_each("seed, profile", [(s, p) for s in range(2) for p in (college, nightly_job)])
def test_normal_weeks_raise_no_alarm(seed: int, profile: Any, logged: list[Any]) -> None:
    """Six weeks of random traffic, with nights and weekends, a nightly import, and summer time."""
    world = World(seed=seed, profile=profile)

    world.minutes(5 * _WEEK)
    world.profile = lambda time: profile(time + timedelta(hours=1))
    world.minutes(_WEEK)

    assert [] == logged


@for_each("seed", range(5))
def test_silence_on_a_busy_morning_is_noticed_within_an_hour(seed: int, logged: list[Any]) -> None:
    """Once; it is repeated after a day, and its end is logged."""
    logged.clear()
    world = World(seed=seed)
    world.minutes(2 * _WEEK)
    world.until(10)
    assert [] == logged

    world.minutes(60, sends=False)
    (quiet,) = logged
    assert ("unusually_quiet", "warning") == (quiet["event"], quiet["log_level"])
    assert 30 <= quiet["minutes"] <= 60
    assert quiet["expected_events"] >= 20

    world.minutes(20 * 60, sends=False)
    assert 1 == len(logged)
    world.minutes(5 * 60, sends=False)
    assert 2 == len(named(logged, "unusually_quiet"))
    world.until(12)
    world.minutes(10)
    (again,) = named(logged, "usual_again")
    assert again["minutes"] >= 26 * 60
    assert 3 == len(logged)


def test_irregular_traffic_teaches_what_silence_is_normal(logged: list[Any]) -> None:
    """Half-hours with ten times the usual or nothing: it warns seldom, and later."""
    rng, factors = random.Random(1), dict[Any, float]()

    def clustered(time: datetime) -> float:
        half_hour = (time.toordinal(), time.hour, time.minute // 30)
        factor = factors.setdefault(half_hour, rng.gammavariate(0.4, 2.5))
        return college(time) * factor

    world = World(profile=clustered)
    world.minutes(4 * _WEEK)
    assert len(named(logged, "unusually_quiet")) <= 3

    logged.clear()
    world.until(10)
    world.minutes(6 * 60, sends=False)
    assert 1 == len(named(logged, "unusually_quiet"))


def test_an_outage_is_not_taken_for_normal(logged: list[Any]) -> None:
    """A day after three days of silence, the next one is noticed within an hour."""
    world = World()
    world.minutes(2 * _WEEK)
    world.minutes(3 * 24 * 60, sends=False)
    world.minutes(24 * 60)
    logged.clear()
    world.until(10)

    world.minutes(60, sends=False)

    assert 1 == len(named(logged, "unusually_quiet"))


def test_silence_that_begins_at_night_is_noticed_in_the_morning(logged: list[Any]) -> None:
    """Not before events are usual."""
    world = World()
    world.minutes(_WEEK + 23 * 60)

    world.minutes(9 * 60, sends=False)
    assert [] == logged
    world.minutes(90, sends=False)
    assert 1 == len(named(logged, "unusually_quiet"))


def test_the_first_week_is_only_learned(logged: list[Any]) -> None:
    """Nothing is usual before that."""
    world = World()
    world.minutes(_WEEK // 2)
    world.minutes(_WEEK // 3, sends=False)

    assert [] == logged


def test_time_in_which_the_queue_is_not_read_does_not_count(logged: list[Any]) -> None:
    """An outage, a pause, or a paused handler says nothing of Canvas; it is not learned either."""
    world = World()
    world.minutes(_WEEK)
    world.until(10)
    before = world.watch._usual.averages()

    world.minutes(6 * 60, reads=False)
    assert [] == logged
    assert before[1:10] == world.watch._usual.averages()[1:10]
    assert before[11:16] == world.watch._usual.averages()[11:16]


def test_redeliveries_are_no_sign_of_life(logged: list[Any]) -> None:
    """A message that fails again and again does not hide that no new one comes."""
    world = World()
    world.minutes(_WEEK)
    world.until(10)

    for _ in range(60):
        world.worker.count(received=1, redelivered=1)
        world.minutes(1, sends=False)

    assert 1 == len(named(logged, "unusually_quiet"))


def test_counters_that_begin_anew_are_no_events(logged: list[Any]) -> None:
    """As after a reload, which replaces the engine: the silence goes on."""
    world = World()
    world.minutes(_WEEK)
    world.until(10)

    world.minutes(20, sends=False)
    world.worker.become(counts={})
    world.minutes(20, sends=False)

    assert 1 == len(named(logged, "unusually_quiet"))


def test_a_backlog_is_not_taken_for_usual() -> None:
    """Events that waited long belong to other hours; they do end a silence."""
    world = World()
    world.minutes(_WEEK)
    before = world.watch._usual.averages()[:3]
    world.profile = lambda _: 100_000.0

    world.minutes(3 * 60 + 1, lag_seconds=7200.0)

    assert before == world.watch._usual.averages()[:3]


def test_one_burst_hardly_changes_what_is_usual() -> None:
    """An average of logarithms; quiet weeks count."""
    usual = UsualTraffic([1.0] * HOURS)

    for hour in range(HOURS):
        usual.learn(hour, 100_000)
    assert usual.least(5) < 50
    for hour in range(HOURS):
        usual.learn(hour, 0)
    assert usual.least(5) < 20


def test_each_hour_has_its_place() -> None:
    """Monday at midnight is the first, Sunday's last hour is beside it."""
    assert 0 == hour_of_week(MONDAY)
    assert HOURS - 1 == hour_of_week(MONDAY - timedelta(seconds=1))
    assert UsualTraffic([5.0] * (HOURS - 1) + [None]).least(0) == 0
    assert UsualTraffic([5.0] * (HOURS - 1) + [3.0]).least(0) == pytest.approx(3.0)


def test_it_survives_restarts(tmp_path: Path, logged: list[Any]) -> None:
    """A week is learned in two lives, and a silence may last longer than a process."""
    world = World()
    world.watch = watch_silence(tmp_path, clock=world.clock)

    def restart() -> None:
        world.watch.close(0)
        world.worker = FakeWorker(world.clock)
        world.watch = watch_silence(tmp_path, clock=world.clock)

    world.minutes(_WEEK // 2)
    restart()
    world.minutes(_WEEK // 2)
    restart()
    world.until(10)
    world.minutes(20, sends=False)
    restart()
    assert [] == logged
    world.minutes(20, sends=False)
    assert ["unusually_quiet"] == [line["event"] for line in logged]
    restart()

    assert [TRAFFIC_FILE] == [path.name for path in tmp_path.iterdir()]
    facts = json.loads((tmp_path / TRAFFIC_FILE).read_text())
    numbers = {"quiet_seconds", "expected_events", "normal_silence"}
    assert {"events_in_hour_of_week", *numbers} == set(facts)
    assert HOURS == len(facts["events_in_hour_of_week"])


def _file(averages: Any, quiet: Any = 0) -> bytes:
    numbers = {"quiet_seconds": 0, "expected_events": quiet, "normal_silence": 0}
    return json.dumps({"events_in_hour_of_week": averages, **numbers}).encode()


@for_each(
    "content",
    [
        b"", b"{", b"[]", b"null", b"\xff", b"[" * 50_000, b"{}", _file([1]), _file(7),
        _file([-1] * HOURS), _file(["1"] * HOURS), _file([None] * HOURS, math.nan),
        _file([True] * HOURS), _file([None] * HOURS, [1]),
    ],
)  # fmt: skip
def test_a_damaged_file_is_set_aside(content: bytes, tmp_path: Path, logged: list[Any]) -> None:
    """It is renamed and logged, and learning begins anew."""
    clock = ManualClock(MONDAY)
    path = tmp_path / TRAFFIC_FILE
    path.write_bytes(content)

    watch_silence(tmp_path, clock=clock).close(0)

    aside = logged.pop()
    assert "usual_traffic_set_aside" == aside["event"]
    assert content == (tmp_path / aside["file"]).read_bytes()
    assert UsualTraffic().averages() == of_text(path.read_text())[0].averages()


def test_a_disk_that_fails_is_only_a_warning(tmp_path: Path, logged: list[Any]) -> None:
    """What can't be read or written is logged."""
    (tmp_path / TRAFFIC_FILE).mkdir()

    watch_silence(tmp_path, clock=ManualClock()).close(0)

    assert ["usual_traffic_failed"] * 2 == [line["event"] for line in logged]
    assert [["Is a directory"]] * 2 == [[line["reason"]] for line in logged]

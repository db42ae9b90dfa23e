"""What is drawn for one run: the handlers, the queue, the settings, and how bad the days are."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import Final

#: What happens at this university.
NAMES: Final = ("submission_created", "submission_updated", "grade_change", "logged_in", "made_up")
_PATTERNS: Final = (("*",), ("*",), ("submission_*",), ("grade_change", "logged_in"))


@dataclass(frozen=True, slots=True)
class HandlerPlan:
    """One handler, and how often its calls go wrong while nothing else is wrong."""

    name: str
    patterns: tuple[str, ...]
    batch: int | None
    concurrency: int | None
    timeout_seconds: float | None
    #: Shares of calls that fail, ask for a retry, reject, and take long.
    fails: float
    retries: float
    rejects: float
    slow: float
    #: Its events are coalesced by their name.
    coalesces: bool = False
    rate_limit_per_second: float | None = None
    #: It has a predicate, which fails as often as its calls do.
    asks: bool = False

    def wants(self, event_name: str) -> bool:
        """Whether an event is for it; by the same rule as the registry, but not by its code."""
        matches = any(fnmatchcase(event_name, pattern) for pattern in self.patterns)
        return matches and not (self.asks and self.declines(event_name))

    def declines(self, event_name: str) -> bool:
        """What its predicate says of an event, if it has one."""
        return event_name == "submission_updated"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run. The same seed draws the same one."""

    seed: int
    handlers: tuple[HandlerPlan, ...]
    #: The ledger is a file, as with a state directory.
    durable: bool
    quarantine: bool
    deduplicate: bool
    breaker_failures: int
    capacity: int
    visibility_seconds: int
    drain_seconds: int
    max_receive_count: int | None
    unordered: bool
    sampling: bool
    #: SQS answers a delete by an old handle as if it had worked.
    stale_deletes_succeed: bool
    in_flight_limit: int
    messages: int
    steps: int
    #: Share of calls to the queue with which something goes wrong.
    faults: float
    #: Share of steps, and of moments within them, at which the process is killed.
    crashes: float
    #: Nothing from outside goes wrong: then nothing may come twice, either.
    calm: bool
    #: Handlers that work for more than twelve hours.
    marathon: bool


def draw(seed: int, rng: Random) -> Scenario:
    """The scenario of this seed."""
    calm = rng.random() < 0.2
    marathon = rng.random() < 0.06
    bad = rng.random() < 0.5
    return Scenario(
        seed=seed,
        handlers=tuple(
            _handler(number, rng, calm, more=Random(10 * seed + number))
            for number in range(rng.randint(1, 3))
        ),
        durable=rng.random() < 0.85,
        quarantine=rng.random() < 0.4,
        deduplicate=rng.random() < 0.35,
        breaker_failures=rng.choice((0, 0, 3, 5)),
        capacity=rng.choice((1, 4, 12, 30)),
        visibility_seconds=3_600 if marathon else rng.choice((30, 30, 120)),
        drain_seconds=rng.choice((0, 2, 60)),
        max_receive_count=rng.choice((None, 4, 8, 20)),
        unordered=rng.random() < 0.5,
        sampling=rng.random() < 0.5,
        stale_deletes_succeed=rng.random() < 0.3,
        in_flight_limit=rng.choice((120_000, 120_000, 15)),
        messages=rng.randint(5, 40),
        steps=rng.randint(25, 90),
        faults=0.0 if calm else rng.choice((0.02, 0.1, 0.3)) if bad else 0.01,
        crashes=0.0 if calm else rng.choice((0.0, 0.01, 0.03)),
        calm=calm,
        marathon=marathon,
    )


def _handler(number: int, rng: Random, calm: bool, *, more: Random) -> HandlerPlan:
    moody = 0.0 if calm else rng.choice((0.0, 0.05, 0.3))
    batch = rng.choice((None, None, 3, 5))
    return HandlerPlan(
        name=f"{'batch' if batch else 'single'}-{number}",
        patterns=rng.choice(_PATTERNS),
        batch=batch,
        concurrency=rng.choice((None, None, 1)),
        # In company it takes longer than it thinks; then it would count as stuck, and be let go.
        timeout_seconds=None if calm else rng.choice((None, None, 60.0)),
        fails=moody,
        retries=moody / 3,
        rejects=moody / 6,
        slow=rng.choice((0.0, 0.1, 0.3)),
        coalesces=batch is None and more.random() < 0.2,
        rate_limit_per_second=more.choice((None, None, None, None, 0.5)),
        asks=more.random() < 0.3,
    )

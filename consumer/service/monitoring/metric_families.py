"""How a metric is read from the facts of one moment: its samples, with bounded labels."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from consumer.engine.figures import HandlerFigures
from consumer.engine.handler_stats import OTHER
from consumer.engine.histogram import Spread
from consumer.engine.stats import Kind
from consumer.events.catalog.index import is_known
from consumer.printable import printable
from consumer.service.monitoring.exposition import Sample
from consumer.service.monitoring.facts import Depth, Facts, State

#: Events that the catalog does not have share one label beyond so many names.
MOST_UNKNOWN_NAMES: Final = 200


def count_of(name: str) -> Callable[[Facts], Iterable[Sample]]:
    """One of the engine's counters."""
    return lambda facts: [((), facts.figures.counts.get(name, 0))]


def counts_of(**names: str) -> Callable[[Facts], Iterable[Sample]]:
    """By the value of one label."""
    return lambda facts: [
        ((value,), facts.figures.counts.get(name, 0)) for value, name in names.items()
    ]


def value_of(read: Callable[[Facts], float | Spread | None]) -> Callable[[Facts], Iterable[Sample]]:
    """One value; no sample if it is None."""

    def samples(facts: Facts) -> Iterator[Sample]:
        value = read(facts)
        if value is not None:
            yield (), value

    return samples


def time_of(read: Callable[[Facts], datetime | None]) -> Callable[[Facts], Iterable[Sample]]:
    """One time, as seconds since 1970."""
    return value_of(lambda facts: seconds_of(read(facts)))


def seconds_of(at: datetime | None) -> float | None:
    """Since 1970."""
    return None if at is None else at.timestamp()


def by_handler(
    read: Callable[[HandlerFigures], float | Spread | None],
) -> Callable[[Facts], Iterable[Sample]]:
    """One value for each handler."""

    def samples(facts: Facts) -> Iterator[Sample]:
        for handler in facts.figures.handlers:
            value = read(handler)
            if value is not None:
                yield (handler.name,), value

    return samples


def bounded(events: Mapping[Kind, int]) -> list[Sample]:
    """Names come from outside: those of the catalog, and the first others, have their own label."""
    samples: dict[Kind, int] = {}
    unknown: set[str] = set()
    for (given, kind), count in events.items():
        name = label = printable(given)  # half a surrogate pair is no UTF-8
        if not is_known(name):
            if len(unknown) < MOST_UNKNOWN_NAMES and len(name) <= 100:
                unknown.add(name)
            label = name if name in unknown else OTHER
        samples[label, kind] = samples.get((label, kind), 0) + count
    return list(samples.items())


def receives(facts: Facts) -> list[Sample]:
    """By what they brought."""
    counts = facts.figures.counts
    empty = counts.get("empty_receives", 0)
    return [
        (("messages",), counts.get("receives", 0) - empty),
        (("empty",), empty),
        (("failed",), counts.get("receive_failures", 0)),
    ]


def handler_events(facts: Facts) -> Iterator[Sample]:
    """By handler and outcome; both from the start, so that the first failure is an increase."""
    for handler in facts.figures.handlers:
        yield (handler.name, "handled"), handler.handled
        yield (handler.name, "failed"), sum(handler.failures.values())


def failures(facts: Facts) -> list[Sample]:
    """By handler and type."""
    return [
        ((handler.name, reason), count)
        for handler in facts.figures.handlers
        for reason, count in handler.failures.items()
    ]


def threads(facts: Facts) -> list[Sample]:
    """By role; both ways to settle are one."""
    found = dict.fromkeys(("receive", "work", "settle"), 0)
    for activity in facts.figures.activities:
        role = activity.role.split()[0]
        found[role] = found.get(role, 0) + 1
    return [((role,), count) for role, count in found.items()]


def depths(facts: Facts) -> Iterator[tuple[str, Depth]]:
    """The queues that have answered."""
    for queue, depth in (("main", facts.queue), ("dead_letter", facts.dead_letters)):
        if depth is not None and depth.asked_at is not None:
            yield queue, depth


def queue_messages(facts: Facts) -> Iterator[Sample]:
    """By queue and state."""
    for queue, depth in depths(facts):
        attributes = depth.attributes
        for state, count in (
            ("visible", attributes.visible_messages),
            ("in_flight", attributes.in_flight_messages),
            ("delayed", attributes.delayed_messages),
        ):
            if count is not None:
                yield (queue, state), count


def retention(facts: Facts) -> Iterator[Sample]:
    """By queue."""
    for queue, depth in (("main", facts.queue), ("dead_letter", facts.dead_letters)):
        if depth is not None and depth.attributes.retention_seconds is not None:
            yield (queue,), depth.attributes.retention_seconds


def states(facts: Facts) -> list[Sample]:
    """1 for the one that it is in."""
    all_states: tuple[State, ...] = (
        "starting", "receiving", "paused", "waiting", "draining", "unhealthy",
    )  # fmt: skip
    return [((state,), state == facts.state) for state in all_states]

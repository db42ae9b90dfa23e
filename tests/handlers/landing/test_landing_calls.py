"""What lands, by calls of the handler alone: everything, unchanged, and before the call returns."""

from __future__ import annotations

import threading
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from consumer.testing import make_context, run_batch
from tests.handlers.landing.destination import Feature
from tests.handlers.landing.events import (
    every_sample,
    hard_to_store,
    large,
    numbered,
    payload,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.messages import Event
    from consumer.testing import Ran
    from tests.handlers.landing.destination import Destination


def verdicts(results: Sequence[Ran]) -> Counter[str]:
    """How many events have come to which outcome, with the reasons of failures."""
    return Counter(f"{ran.verdict} {ran.reason}".strip() for ran in results)


def as_they_were(destination: Destination, events: Sequence[Event]) -> None:
    """Check that exactly these have landed, with their payloads."""
    landed = {found.key: found.payload for found in destination.landed()}
    assert {event.key for event in events} == landed.keys()
    changed = [event.name for event in events if landed[event.key] != payload(event)]
    assert [] == changed


def test_landed_before_the_call_returns(destination: Destination) -> None:
    """Nothing is closed or flushed before the look; after each call all of it is there.

    Batches of every small size, and a large one.
    """
    registry = destination.registry()
    sent: Counter[str] = Counter()
    for number, size in enumerate((*range(1, 13), 100)):
        batch = numbered(range(1000 * number, 1000 * number + size))
        assert {"ack": size} == verdicts(run_batch(registry, batch))
        sent.update(event.key for event in batch)
        assert sent == destination.keys()


def test_every_sample_of_the_catalog_lands(destination: Destination) -> None:
    """In both formats, with its payload as received."""
    events = every_sample()
    assert {"ack": len(events)} == verdicts(run_batch(destination.registry(), events))
    as_they_were(destination, events)


def test_what_is_hard_to_store_lands_unchanged(destination: Destination) -> None:
    """NUL, lone surrogates, numbers beyond every type, quotes: alone, and all in one batch."""
    events = hard_to_store()
    registry = destination.registry()
    for name, event in events.items():
        (ran,) = run_batch(registry, [event])
        assert ("ack", name) == (ran.verdict, name), ran.reason
    as_they_were(destination, list(events.values()))
    assert {"ack": len(events)} == verdicts(run_batch(registry, list(events.values())))
    as_they_were(destination, list(events.values()))


def test_one_mebibyte(destination: Destination) -> None:
    """It lands, or it is rejected alone; the others of its batch land."""
    event, others = large(), numbered(range(100, 110))
    whole, *rest = run_batch(destination.registry(), [event, *others])
    assert {"ack": 10} == verdicts(rest)
    if Feature.MEBIBYTE in destination.features:
        assert "ack" == whole.verdict, whole.reason
        as_they_were(destination, [event, *others])
    else:
        assert "reject" == whole.verdict, whole.reason
        as_they_were(destination, others)


def test_nothing_of_an_empty_batch(destination: Destination) -> None:
    """It is no error, before the first event and after it."""
    registry = destination.registry()
    for expected in (0, 1):
        for handler in registry.handlers:
            if handler.call_batch is not None:
                handler.call_batch([], make_context())
        assert expected == destination.keys().total()
        run_batch(registry, numbered([1]))


def test_what_comes_again_in_other_batches(destination: Destination) -> None:
    """In another order, twice in a batch, with others, and after a restart: if possible once."""
    events = numbered(range(60))
    rng, acked = Random(13), set[str]()
    for _ in range(2):
        registry = destination.registry()
        for among, size in (*[(6, 3)] * 6, (60, 7), (60, 25), (60, 60)):
            batch = rng.sample(events[:among], size)
            assert {"ack": size + 1} == verdicts(run_batch(registry, [*batch, batch[0]]))
            acked |= {event.key for event in batch}
            assert acked == destination.keys().keys()
        destination.close()
    keys = destination.keys()
    if Feature.ONCE in destination.features:
        assert {1} == set(keys.values())


def test_the_same_batch_again(destination: Destination) -> None:
    """Its messages come again to a process that was started after a crash."""
    if not destination.features & {Feature.ONCE, Feature.BATCH_ONCE}:
        pytest.skip("a declared difference: it lands again")
    events = numbered(range(30))
    for _ in range(2):
        assert {"ack": 30} == verdicts(run_batch(destination.registry(), events))
        destination.close()
    assert Counter(event.key for event in events) == destination.keys()


def test_one_bad_event_among_a_hundred(destination: Destination) -> None:
    """It is rejected alone, with a reason that quotes nothing of it; 99 land."""
    bad = destination.bad_event()
    if bad is None:
        pytest.skip("it refuses no event")
    others = numbered(range(99))
    registry = destination.registry()
    for position in (0, 50, 99):
        batch = [*others[:position], bad, *others[position:]]
        results = run_batch(registry, batch)
        refused = results.pop(position)
        assert {"ack": 99} == verdicts(results)
        assert "reject" == refused.verdict, refused.reason
        assert [] == [text for text in texts_of(bad.body) if text in refused.reason]
        as_they_were(destination, others)


def test_closed_twice(destination: Destination) -> None:
    """Also before the first event; what has landed stays."""
    events = numbered(range(3))
    for count in (0, 3):
        registry = destination.registry()
        run_batch(registry, events[:count])
        for handler in [*registry.handlers, *registry.handlers]:
            if handler.close is not None:
                handler.close()
        assert count == len(destination.keys())


def test_replaced_while_it_runs(destination: Destination) -> None:
    """As a reload does: the new handlers are made first, and used once the old ones are closed."""
    old = destination.registry()
    events = numbered(range(15))
    assert {"ack": 5} == verdicts(run_batch(old, events[:5]))
    new = destination.registry()
    assert {"ack": 5} == verdicts(run_batch(old, events[5:10]))
    for handler in old.handlers:
        if handler.close is not None:
            handler.close()
    assert {"ack": 5} == verdicts(run_batch(new, events[10:]))
    as_they_were(destination, events)


def test_events_of_several_threads(destination: Destination) -> None:
    """Calls at the same time, as far as the handler's concurrency allows, lose nothing."""
    registry = destination.registry()
    (limit,) = {handler.concurrency or 4 for handler in registry.handlers}
    events = numbered(range(80))
    found: list[Counter[str]] = []

    def land(share: Sequence[Event]) -> None:
        parts = [share[begin : begin + 5] for begin in range(0, len(share), 5)]
        found.extend(verdicts(run_batch(registry, part)) for part in parts)

    threads = [threading.Thread(target=land, args=(events[n::limit],)) for n in range(limit)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {"ack": 80} == sum(found, Counter())
    as_they_were(destination, events)


def test_secrets_are_not_shown(destination: Destination) -> None:
    """Not by the repr of anything that was made."""
    shown = repr([(handler, handler.function) for handler in destination.registry().handlers])
    assert [] == [secret for secret in destination.secrets if secret in shown]


def texts_of(value: Any) -> list[str]:
    """Every text of some length in a value."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in texts_of(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts_of(part)]
    return [value] if isinstance(value, str) and len(value) > 5 else []

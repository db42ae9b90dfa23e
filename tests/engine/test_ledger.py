"""What is remembered of messages that were handled and not deleted."""

from __future__ import annotations

from consumer.engine.ledger import Ledger


def test_what_was_recorded_is_known_until_it_is_forgotten() -> None:
    """Steps are kept by message, added to, and dropped when the message is deleted."""
    ledger = Ledger()

    ledger.record("a", [(0, "store")])
    ledger.record("a", [(0, "mail"), (1, "store")])

    assert ledger.succeeded("a") == {(0, "store"), (0, "mail"), (1, "store")}
    assert ledger.succeeded("b") == frozenset()
    assert len(ledger) == 1

    ledger.forget("a")

    assert ledger.succeeded("a") == frozenset()
    assert len(ledger) == 0


def test_forgetting_what_is_not_known_does_nothing() -> None:
    """Nearly every deleted message was never written down."""
    ledger = Ledger()

    ledger.forget("a")

    assert len(ledger) == 0


def test_the_ledger_is_bounded_and_forgets_the_oldest_first() -> None:
    """Memory does not grow with the number of failures; a touched message counts as new."""
    ledger = Ledger(max_messages=2)
    ledger.record("a", [(0, "h")])
    ledger.record("b", [(0, "h")])
    ledger.record("a", [(1, "h")])

    ledger.record("c", [(0, "h")])

    assert ledger.succeeded("b") == frozenset()
    assert ledger.succeeded("a") == {(0, "h"), (1, "h")}
    assert len(ledger) == 2


def test_an_answer_is_a_copy() -> None:
    """What is recorded later does not change what somebody is walking through."""
    ledger = Ledger()
    ledger.record("a", [(0, "h")])

    before = ledger.succeeded("a")
    ledger.record("a", [(1, "h")])

    assert before == {(0, "h")}

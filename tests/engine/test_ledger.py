"""What the ledger remembers in memory of messages that were handled and not deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.ledger.database import Step
from consumer.ledger.ledger import Ledger

if TYPE_CHECKING:
    from consumer.testing import ManualClock


@pytest.fixture(name="ledger")
def _ledger(clock: ManualClock) -> Ledger:
    return Ledger(clock=clock)


def test_kept_steps_are_known_until_the_message_is_forgotten(ledger: Ledger) -> None:
    """Steps are kept by message, added to, and dropped when the message is deleted."""
    ledger.keep("a", [Step(0, "store")])
    ledger.keep("a", [Step(0, "mail"), Step(1, "store")])

    assert ledger.succeeded("a") == {(0, "store"), (0, "mail"), (1, "store")}
    assert ledger.succeeded("b") == frozenset()
    assert len(ledger) == 1

    ledger.forget(["a"])

    assert ledger.succeeded("a") == frozenset()
    assert len(ledger) == 0


def test_forgetting_an_unknown_message_does_nothing(ledger: Ledger) -> None:
    """Nearly every deleted message was never kept."""
    ledger.forget(["a"])

    assert len(ledger) == 0


def test_the_ledger_is_bounded_and_forgets_the_oldest_first(clock: ManualClock) -> None:
    """Memory does not grow with the number of failures; a touched message counts as new."""
    ledger = Ledger(clock=clock, max_messages=2)
    ledger.keep("a", [Step(0, "h")])
    ledger.keep("b", [Step(0, "h")])
    ledger.keep("a", [Step(1, "h")])

    ledger.keep("c", [Step(0, "h")])

    assert ledger.succeeded("b") == frozenset()
    assert ledger.succeeded("a") == {(0, "h"), (1, "h")}
    assert len(ledger) == 2


def test_an_answer_is_a_copy(ledger: Ledger) -> None:
    """Later changes do not affect a thread that iterates over it."""
    ledger.keep("a", [Step(0, "h")])

    before = ledger.succeeded("a")
    ledger.keep("a", [Step(1, "h")])

    assert before == {(0, "h")}


def test_without_a_file_notes_are_not_collected(ledger: Ledger) -> None:
    """Notes are for the file; only kept messages are in memory."""
    assert ledger.database is None
    ledger.note([("a", Step(0, "h"))])
    ledger.commit()
    ledger.commit(tidy=True)
    ledger.close()

    assert ledger.succeeded("a") == frozenset()
    assert ledger._pending == {}

"""`consume sample --queue-url`: which queue, how many, how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import structlog
from click.testing import CliRunner

from consumer.cli.main import main
from consumer.errors import AccessDeniedError, TransportError
from consumer.testing import ManualClock
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.testing import Result

    from consumer.queues.sending import Outgoing

AWS = "https://sqs.us-east-1.amazonaws.com/123456789012"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["sample", *arguments])


class Taking:
    """A sender that accepts everything; it fails after some messages."""

    name = "canvas-live-events-test"

    def __init__(self, *, after: int | None = None, fault: BaseException | None = None) -> None:
        self.bodies: list[str] = []
        self.closed = False
        self._after, self._fault = after, fault

    def send(self, batch: Sequence[Outgoing]) -> list[None]:
        if self._fault is not None and len(self.bodies) == self._after:
            raise self._fault
        self.bodies += [message.body for message in batch]
        return [None] * len(batch)

    def close(self) -> None:
        self.closed = True


@pytest.fixture(name="clock")
def _clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    clock = ManualClock()
    monkeypatch.setattr("consumer.clock.SystemClock", lambda: clock)
    return clock


def run_into(sender: Taking, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setattr("consumer.queues.sqs.connect", lambda *_: sender)
    return run(*arguments, "--queue-url", f"{AWS}/{sender.name}")


def test_the_same_bytes_are_sent_as_written(
    monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    """Standard output stays empty, and the count is reported."""
    arguments = ("--mix", "realistic", "--count", "25", "--seed", "3", "--malformed", "0.1")
    sender = Taking()

    result = run_into(sender, monkeypatch, *arguments)

    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == "consume: note: 25 messages were sent to canvas-live-events-test\n"
    assert "".join(f"{body}\n" for body in sender.bodies) == run(*arguments).stdout
    assert sender.closed
    assert clock.waits == []


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (TransportError("was not reached", code="Reset"), 75, "consume: error: was not reached\n"),
        (AccessDeniedError("not permitted", code="No"), 77, "consume: error: not permitted\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_the_count_is_reported_however_sending_ends(
    monkeypatch: pytest.MonkeyPatch, clock: ManualClock, fault: BaseException, code: int, said: str
) -> None:
    """After Ctrl-C nothing else is reported."""
    sender = Taking(after=20, fault=fault)

    result = run_into(sender, monkeypatch, "logged_in", "--count", "50")

    assert result.exit_code == code
    assert result.stderr == f"consume: note: 20 messages were sent to {sender.name}\n{said}"
    assert sender.closed


def test_a_slow_rate_is_announced(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> None:
    """So that it does not seem to hang. A short one is not announced."""
    began = clock.monotonic()

    result = run_into(Taking(), monkeypatch, "logged_in", "--count", "1000", "--rate", "50/s")

    assert result.stderr.splitlines() == [
        "consume: note: sending 1000 messages to canvas-live-events-test takes 20 s",
        "consume: note: 1000 messages were sent to canvas-live-events-test",
    ]
    assert clock.monotonic() - began == pytest.approx(20, abs=0.5)
    short = run_into(Taking(), monkeypatch, "logged_in", "--count", "1", "--rate", "50")
    assert short.stderr == "consume: note: 1 message was sent to canvas-live-events-test\n"


@for_each(
    "arguments, said",
    [
        (("--queue-url", f"{AWS}/some-queue"), "'some-queue' does not begin with"),
        (("--queue-url", f"{AWS}/canvas-live-events-a.fifo"), "FIFO"),
        (("--queue-name", "grades", "--region", "us-east-1"), "'grades' does not begin with"),
        (("--queue-url", ""), "queue.url"),
        (("--queue-name", ""), "queue.name"),
        (("--queue-url", f"{AWS}/canvas-live-events", "--region", "eu-west-1"), "us-east-1"),
        (("--queue-url", f"{AWS}/canvas-live-events", "--config", "not.yaml"), "not.yaml"),
    ],
)
def test_a_queue_that_can_not_be_sent_to_is_refused(arguments: tuple[str, ...], said: str) -> None:
    """Before anything is made or sent. An empty name (an unset variable) is refused, too."""
    result = run("logged_in", *arguments)

    assert result.exit_code == 78
    assert said in result.stderr
    assert "were sent" not in result.stderr
    assert result.stdout == ""


def test_what_is_logged_meanwhile_is_not_on_standard_output(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such as a search for credentials that takes long: it is for standard error."""

    def slow(*_: object) -> Taking:
        structlog.get_logger().warning("credentials_slow")
        return Taking()

    monkeypatch.setattr("consumer.queues.sqs.connect", slow)

    result = run("logged_in", "--queue-url", f"{AWS}/{Taking.name}")

    assert result.stdout == ""
    assert "credentials_slow" in result.stderr

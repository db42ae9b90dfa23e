"""What becomes of a message."""

from dataclasses import dataclass, field
from typing import Literal, Self

Verdict = Literal["ack", "retry", "reject"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a message. Made by `outcome_of` and `worst_of`, never by a return value."""

    verdict: Verdict
    reason: str = ""
    #: Retry only: seconds until it is visible again; None leaves it to the backoff.
    delay_seconds: float | None = None
    #: Retry only: what the handler needs is down, for at least so many seconds.
    down_seconds: float | None = None
    #: It only waits for a handler that is paused: this is no failed attempt of its own.
    paused: bool = field(default=False, compare=False)

    @staticmethod
    def ack() -> "Outcome":
        """Every handler succeeded: delete it."""
        return ACK

    @classmethod
    def retry(cls, reason: str, delay_seconds: float | None = None) -> Self:
        """Deliver it again later."""
        return cls("retry", reason, delay_seconds)

    @classmethod
    def reject(cls, reason: str) -> Self:
        """It can never be handled: leave it to the queue's redrive policy."""
        return cls("reject", reason)

    @staticmethod
    def worst_of(outcomes: "list[Outcome]") -> "Outcome":
        """The outcome of a message: a retry before a reject before an ack.

        Of several retries it is the one with the longest explicit delay.
        """
        retries = [o for o in outcomes if o.verdict == "retry"]
        if retries:
            return max(retries, key=lambda o: -1.0 if o.delay_seconds is None else o.delay_seconds)
        return next((o for o in outcomes if o.verdict == "reject"), ACK)


#: There is only one object of each of these, so they can be compared with `is`.
ACK = Outcome("ack")
#: The handler's predicate declined the event: nothing was done.
DECLINED = Outcome("ack", "declined")

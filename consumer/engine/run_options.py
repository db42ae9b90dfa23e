"""What one run of the daemon is asked to do, beside its settings."""

from dataclasses import dataclass, field

from consumer.engine.stats import Stats
from consumer.engine.tap import Tap
from consumer.signatures.unsealing import Unsealing


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How much one run of the daemon consumes, and its counters: the same for all its engines."""

    #: Sent with each receive and each renewal.
    visibility_timeout_seconds: int
    #: Receive at most this many, then stop; None without a limit.
    max_messages: int | None = None
    #: Stop once a whole long poll has brought nothing new.
    until_empty: bool = False
    #: A message that fails at this receive goes to the quarantine, as a rejected one does. None:
    #: the queue's redrive policy counts.
    max_attempts: int | None = None
    #: This and the next go on when a reload replaces the engine.
    stats: Stats = field(default_factory=Stats)
    tap: Tap | None = None
    #: Opens signed messages; None reads them as they are.
    unsealing: Unsealing | None = None

"""What is known of a running daemon at one moment: metrics and status are made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from consumer.engine.figures import Figures
from consumer.queues.requests import Request
from consumer.queues.transport import QueueAttributes

#: "waiting": every handler keeps failing, so messages wait for one to work again.
State = Literal["starting", "receiving", "paused", "waiting", "draining", "unhealthy"]


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages a queue held when it was asked last."""

    name: str
    attributes: QueueAttributes = field(default_factory=QueueAttributes)
    #: None: it has not answered yet, or may not be asked.
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Minute:
    """What happened in one minute."""

    #: When it ended.
    at: datetime
    received: int
    handled: int
    failed: int
    #: Seconds that the newest messages had waited in the queue.
    lag_seconds: float


@dataclass(frozen=True, slots=True)
class Facts:
    """One moment."""

    now: datetime
    version: str
    started_at: datetime
    state: State
    #: Why the process is unhealthy: no progress somewhere, or an outage. Empty: it is healthy.
    problems: tuple[str, ...]
    #: True once a receive has succeeded, while nothing is wrong and the process does not drain.
    ready: bool
    #: AWS's code if the last receive failed; else "".
    receive_error_code: str
    lag_seconds: float
    figures: Figures
    queue: Depth
    region: str
    #: None: there is none, or its name is not known.
    dead_letters: Depth | None = None
    requests: Mapping[Request, int] = field(default_factory=dict)
    credentials_expire_at: datetime | None = None
    #: Within the last minute: messages received, handled and failed for each second.
    rates: Mapping[str, float] = field(default_factory=dict)
    #: The last hour, oldest first.
    minutes: tuple[Minute, ...] = ()

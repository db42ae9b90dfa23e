"""Moves the messages of a dead-letter queue back: by SQS itself where that is possible, or here."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Literal

from consumer.clock import Clock
from consumer.config import Settings
from consumer.operations.decoding import Decoding, unsealing_of
from consumer.operations.dlq.find import DeadLetters
from consumer.operations.dlq.native import NativeImpossibleError, NativeRedrive, Task
from consumer.operations.dlq.resend import Resend
from consumer.operations.holding import Refused
from consumer.operations.replay.choice import Choice
from consumer.queues.sqs import connect
from consumer.queues.sqs.admin import AwsCalls

Engine = Literal["auto", "native", "resend"]


@dataclass
class Redriven:
    """How far it came."""

    engine: Engine
    dead_letter_queue: str
    queue: str
    dry_run: bool = False
    moved: int = 0
    #: By reason.
    left: Counter[str] = field(default_factory=Counter)
    #: By SQS's code.
    refused: Counter[str] = field(default_factory=Counter)
    not_given_back: Refused = field(default_factory=dict, repr=False)
    #: Of SQS's task; "" if there is none.
    status: str = ""
    reason: str = ""

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "not_given_back": len(self.not_given_back)}

    def follow(self, task: Task) -> None:
        """Note how far SQS's task is."""
        self.status, self.moved, self.reason = task.status, task.moved, task.reason


class Redrive:
    """One run. Called from one thread.

    Args:
        say: gets a sentence about what happens next, or why not.
        progress: gets the number of moved messages, and of all if that is known.
    """

    def __init__(
        self,
        calls: AwsCalls,
        places: DeadLetters,
        settings: Settings,
        *,
        engine: Engine,
        clock: Clock,
        say: Callable[[str], None],
        progress: Callable[[int, int | None], None],
    ) -> None:
        self._calls = calls
        self._places = places
        self._settings = settings
        self._engine = engine
        self._clock = clock
        self._say = say
        self._progress = progress
        self.result = Redriven("resend", places.name, places.queue_name)

    def run(
        self, choice: Choice, *, limit: int | None, rate: int | None, dry_run: bool
    ) -> Redriven:
        """Move the chosen messages, to the end. Raises `ConsumerError`; see `result` then, too."""
        all_of_them = choice.is_everything and limit is None and not dry_run
        native = self._started(rate) if all_of_them and self._engine != "resend" else None
        if native is not None:
            self._follow(*native)
        else:
            self._resend(choice, limit=limit, rate=rate, dry_run=dry_run)
        return self.result

    def cancel(self) -> Redriven:
        """Cancel SQS's task; `status` is "" if none runs. Raises `ConsumerError`."""
        self.result.engine = "native"
        native = NativeRedrive(self._calls, self._places)
        task = native.cancel()
        if task is not None:
            self.result.follow(native.latest() or task)
        return self.result

    def _started(self, rate: int | None) -> tuple[NativeRedrive, Task | None] | None:
        """SQS's tasks, and the last one before the new one; None if SQS can't, which is said."""
        try:
            native = NativeRedrive(self._calls, self._places)
            task = native.latest()
            if task is not None and not task.ended:
                self._say("a task of SQS's is already moving messages: this is its progress")
                return native, None
            native.start(rate)
        except NativeImpossibleError as error:
            if self._engine == "native":
                raise error.refusal or error from None
            self._say(f"not by SQS itself, because {error}")
            return None
        self._say(
            f"SQS moves all messages of {self._places.name} back to where they came from; it goes "
            "on if this command is stopped, and --cancel cancels it"
        )
        return native, task

    def _follow(self, native: NativeRedrive, after: Task | None) -> None:
        self.result.engine = "native"
        for task in native.watch(self._clock, after=after):
            self.result.follow(task)
            self._progress(task.moved, task.total)

    def _resend(
        self, choice: Choice, *, limit: int | None, rate: int | None, dry_run: bool
    ) -> None:
        result, places = self.result, self._places
        result.dry_run = dry_run
        if not dry_run:
            self._say(f"moving messages from {places.name} to {places.queue_name}")
        queue = places.settings(self._settings.queue)
        unsealing = None  # whatever it is, it is chosen
        if not choice.is_everything:
            unsealing = unsealing_of(self._settings, clock=self._clock)
        decoding = Decoding.of(queue, unsealing)
        with closing(connect(queue, self._settings.aws)) as dead:
            resend = Resend(
                self._calls, places, dead, decoding, clock=self._clock, choice=choice, rate=rate,
                on_progress=lambda moved: self._progress(moved, limit),
            )  # fmt: skip
            try:
                resend.run(limit=limit, dry_run=dry_run)
            finally:
                done = resend.result
                result.moved, result.left = done.moved, done.left
                result.refused, result.not_given_back = done.refused, done.not_given_back

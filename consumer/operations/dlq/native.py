"""SQS's own redrive: a task in SQS that moves all messages of a dead-letter queue back.

It moves each message to the queue that it came from. One task for a queue at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from consumer.clock import NEVER, Clock
from consumer.errors import EXIT_QUEUE_MISSING, AccessDeniedError, ConsumerError, TransportError
from consumer.operations.dlq.find import DeadLetters
from consumer.queues.sqs.admin import AwsCalls
from consumer.queues.sqs.failures import ActionDeniedError

_POLL_SECONDS: Final = 2.0
#: What SQS, or an emulator, answers where there are no such tasks.
_NOT_HERE: Final = frozenset(
    {
        "InvalidAction", "InvalidParameterValue", "NotImplemented", "ResourceNotFoundException",
        "UnknownOperationException", "UnsupportedOperation",
    }
)  # fmt: skip
#: For a new task to be listed.
_MOST_POLLS: Final = 30
_ENDED: Final = ("COMPLETED", "CANCELLED", "FAILED")


class NativeImpossibleError(ConsumerError):
    """SQS can't move these messages itself; nothing was moved.

    `refusal` is what SQS answered, if it was asked.
    """

    exit_code = EXIT_QUEUE_MISSING

    def __init__(self, reason: str, refusal: TransportError | None = None) -> None:
        super().__init__(reason)
        self.refusal = refusal


@dataclass(frozen=True)
class Task:
    """A task of SQS's, as it is now."""

    status: str
    moved: int
    #: None until the task has begun.
    total: int | None
    #: Why it failed; "" if it has not.
    reason: str
    handle: str = ""
    #: When, in milliseconds; 0 if that is not known.
    started: int = 0

    @property
    def ended(self) -> bool:
        """True if it moves no more messages."""
        return self.status in _ENDED


class NativeRedrive:
    """The tasks of one dead-letter queue. Called from one thread.

    Raises: `NativeImpossibleError`; another `TransportError`.
    """

    def __init__(self, calls: AwsCalls, places: DeadLetters) -> None:
        if places.arn is None:
            raise NativeImpossibleError(
                f"{places.name} is not the dead-letter queue in the redrive policy of "
                f"{places.queue_name}"
            )
        self._calls = calls
        self._arn = places.arn

    def latest(self) -> Task | None:
        """The task that runs, or the last one."""
        answer = self._ask("ListMessageMoveTasks", SourceArn=self._arn)
        return next((_task_of(entry) for entry in answer.get("Results") or ()), None)

    def start(self, rate: int | None) -> None:
        """Start a task. It goes on whatever happens here."""
        arguments = {} if rate is None else {"MaxNumberOfMessagesPerSecond": rate}
        self._ask("StartMessageMoveTask", SourceArn=self._arn, **arguments)

    def watch(self, clock: Clock, *, after: Task | None = None) -> Iterator[Task]:
        """The task, again and again until it has ended.

        `after` is an older one, which SQS may still list as the latest for a moment.
        """
        polls = 0
        while True:
            task = self.latest()
            if task is not None and (after is None or task.started != after.started):
                yield task
                if task.ended:
                    return
            elif (polls := polls + 1) == _MOST_POLLS:
                raise TransportError("SQS does not list the task that was started", code="NoTask")
            clock.wait(NEVER, _POLL_SECONDS)

    def cancel(self) -> Task | None:
        """Cancel the task that runs; returns what it was. None: there is no such task."""
        task = self.latest()
        if task is None or not task.handle:
            return None
        self._ask("CancelMessageMoveTask", TaskHandle=task.handle)
        return task

    def _ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        try:
            return self._calls.ask(operation, **arguments)
        except ActionDeniedError as error:
            raise NativeImpossibleError(f"{error.action} is not permitted", error) from None
        except AccessDeniedError as error:
            raise NativeImpossibleError(str(error), error) from None
        except TransportError as error:
            # A number: the status of an answer that is not SQS's, as emulators give it. After a
            # start it could also come from a proxy, while the task has started.
            no_answer = error.code.isdecimal() and operation == "ListMessageMoveTasks"
            if no_answer or error.code in _NOT_HERE:
                reason = f"{operation}: SQS answered {error.code}"
                raise NativeImpossibleError(reason, error) from None
            raise


def _task_of(entry: dict[str, Any]) -> Task:
    return Task(
        status=str(entry.get("Status")),
        moved=int(entry.get("ApproximateNumberOfMessagesMoved") or 0),
        total=entry.get("ApproximateNumberOfMessagesToMove"),
        reason=str(entry.get("FailureReason") or ""),
        handle=entry.get("TaskHandle") or "",
        started=int(entry.get("StartedTimestamp") or 0),
    )

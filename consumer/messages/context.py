"""What a handler gets with the event."""

from collections.abc import Callable
from typing import Any


class Context:
    """What a handler gets with the event. Valid during the call; any thread may use it.

    In a batch, `message_id` and `receive_count` are those of the first event's message.
    """

    def __init__(
        self,
        *,
        handler: str,
        message_ids: tuple[str, ...],
        receive_count: int = 1,
        deadline: float | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        visibility_lost: Callable[[], bool] = lambda: False,
        is_stale: bool = False,
    ) -> None:
        self.handler = handler
        self.message_ids = message_ids
        #: How often SQS has delivered this message, this delivery included (approximate).
        self.receive_count = receive_count
        #: `Clock.monotonic()` at which the handler's time is up; None without a timeout.
        self.deadline = deadline
        #: Only with `coalesce`: a newer event was handled for the same key before.
        self.is_stale = is_stale
        self._should_stop = should_stop
        self._visibility_lost = visibility_lost
        self._logger: Any = None

    @property
    def message_id(self) -> str:
        """SQS's id of the message; stays the same over redeliveries."""
        return self.message_ids[0]

    def should_stop(self) -> bool:
        """True once the handler's time is up or the process drains: return or raise soon."""
        return self._should_stop()

    @property
    def visibility_lost(self) -> bool:
        """True once SQS may deliver this message to another consumer as well."""
        return self._visibility_lost()

    @property
    def logger(self) -> Any:
        """A structlog logger that carries the message id and the handler's name."""
        if self._logger is None:
            import structlog  # noqa: PLC0415 - takes longer than the rest of `import consumer`

            self._logger = structlog.get_logger("consumer.handler").bind(
                message_id=self.message_id, handler=self.handler
            )
        return self._logger

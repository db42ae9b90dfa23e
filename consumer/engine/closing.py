"""Closes the handlers of an engine that has drained, once none of them runs any more."""

from collections.abc import Callable, Iterable

import structlog

from consumer import log_events
from consumer.engine.forks import ForkGuard
from consumer.engine.parts import Parts
from consumer.engine.threads import Threads
from consumer.errors import describe
from consumer.handlers.registering.registry import Handler

_log = structlog.get_logger(__name__)

_LOOK_SECONDS = 0.05


class Closing:
    """One thread calls all methods, after the drain: no call begins any more, nothing can be lost.

    What users wrote may hang, so a thread of its own closes the handlers.
    """

    def __init__(self, parts: Parts, threads: Threads) -> None:
        self._pool, self._threads = parts.pool, threads
        self._handlers = [handler for handler in parts.registry.handlers if handler.close]

    def leave_open(self, successors: Iterable[Handler]) -> None:
        """What these share with the handlers is used by another engine from now on."""
        shared = {_identity(handler) for handler in successors}
        self._handlers = [h for h in self._handlers if _identity(h) not in shared]

    def close(self, go_on: Callable[[], bool]) -> None:
        """Close all, unless a call still runs, which may use any of them. Logs what hangs.

        Args:
            go_on: asked several times a second; False waits no longer.
        """
        handlers = self._take()
        if not self._call(handlers, go_on):
            names, hint = [handler.name for handler in handlers], "one of them has not returned"
            _log.error(log_events.CLOSE_FAILED, handlers=names, hint=hint)

    def close_late(self) -> bool:
        """Close what `close` had to leave, if no call runs any more. True if nothing is left."""
        self._call(self._take(), lambda: False)
        return not self._handlers

    def _take(self) -> list[Handler]:
        if not self._handlers or self._pool.is_working():
            return []
        handlers, self._handlers = self._handlers, []
        return handlers

    def _call(self, handlers: list[Handler], go_on: Callable[[], bool]) -> bool:
        return not handlers or self._threads.beside(
            lambda: close_handlers(handlers), go_on, _LOOK_SECONDS
        )


def close_handlers(handlers: Iterable[Handler]) -> None:
    """Let handlers release what they hold; whatever one raises, the next ones are closed."""
    forks = ForkGuard()
    for handler in handlers:
        if handler.close is None:
            continue
        try:
            handler.close()
            forks.check()
        except BaseException as error:
            forks.check(error)
            facts = {"handler": handler.name, **describe(error)}
            _log.error(log_events.CLOSE_FAILED, **facts, exc_info=error)


def _identity(handler: Handler) -> tuple[int, int]:
    """What tells whose `close` it is: a method is a new object each time that it is looked up."""
    close = handler.close
    return id(getattr(close, "__self__", None)), id(getattr(close, "__func__", close))

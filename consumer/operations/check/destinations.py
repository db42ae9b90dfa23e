"""What handlers land events in: each that can be asked whether events could land now, is asked."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Final

from consumer.errors import ConsumerError, outcome_of
from consumer.handlers.registering.registry import Handler
from consumer.operations.check.results import GREEN, RED, Result
from consumer.printable import printable

#: All are asked at the same time.
LIMIT_SECONDS: Final = 10.0


def destinations(
    file: Path | None, handlers: Sequence[Handler], *, seconds: float = LIMIT_SECONDS
) -> Iterator[Result]:
    """A row for each handler with `check_destination`; one that hangs does not hang the others."""
    remedy = (
        "make what the row names available, or correct the handler's options in "
        f"{file or 'the configuration'}"
    )
    asked = [(h.name, _ask(h.check_destination)) for h in handlers if h.check_destination]
    done, _ = wait([answer for _, answer in asked], seconds)
    for name, answer in asked:
        row = f"handler {name}"
        if answer not in done:
            yield Result(row, RED, f"no answer within {seconds:g} s", remedy)
        elif (error := answer.exception()) is not None:
            yield Result(row, RED, printable(_reason(error)), remedy)
        else:
            yield Result(row, GREEN, printable(str(answer.result())))


def _ask(check: Callable[[], str]) -> "Future[str]":
    """In a thread of its own, which may hang: the process does not wait for it at its end."""
    answer = Future[str]()

    def ask() -> None:
        try:
            answer.set_result(check())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=ask, name="check", daemon=True).start()
    return answer


def _reason(error: BaseException) -> str:
    """What would be logged: the text of a foreign exception may quote a secret."""
    return str(error) if isinstance(error, ConsumerError) else outcome_of(error).reason

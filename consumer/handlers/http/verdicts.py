"""What an answer means: taken, the event is refused, or the destination is not as it must be."""

import math
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from consumer.errors import Unavailable
from consumer.handlers.http.client import Answer

#: What of 4xx is not about one event, but about all: it never rejects unless it is named.
_PAUSE: Final = {
    401: "the token is missing or wrong",
    403: "the token is wrong, or it is not allowed to do this",
    404: "there is nothing at the path of the url",
    405: "it does not take this method there; see the option method",
    407: "the proxy wants a login",
    408: "the request took too long",
    425: "it is too early",
    429: "too many requests",
}
_CLASS: Final = "4xx"
_MAX_AFTER_SECONDS: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """These events are refused; if it is known, the one at this position is the cause."""

    reason: str
    position: int | None = None


#: None: the events are taken. Raises `Unavailable`; the text says whose answer it is.
Judge = Callable[[Answer, str, datetime], Refusal | None]


def rejecting(statuses: Iterable[object]) -> frozenset[int]:
    """The statuses that reject an event: numbers, or "4xx" for those that are about one event.

    Raises: `ValueError`.
    """
    found: set[int] = set()
    for status in statuses:
        if status == _CLASS:
            found |= set(range(400, 500)) - _PAUSE.keys()
        elif isinstance(status, int) and 400 <= status < 600 and status not in {429, 503}:
            found.add(status)
        else:
            raise ValueError
    return frozenset(found)


def judge_of(rejects: Container[int]) -> Judge:
    """The rules of HTTP."""

    def judge(answer: Answer, whose: str, now: datetime) -> Refusal | None:
        status = answer.status
        if 200 <= status < 300:
            return None
        if status in rejects:
            return Refusal(f"{whose} refused it with {status}")
        if 300 <= status < 400:
            what = f"{whose} answered {status}, a redirect, which is not followed: correct the url"
            raise Unavailable(what)
        why = f": {_PAUSE[status]}" if status in _PAUSE else ""
        raise Unavailable(f"{whose} answered {status}{why}", after=retry_after(answer, now))

    return judge


def retry_after(answer: Answer, now: datetime) -> float | None:
    """The seconds that the answer asks to wait, at most an hour; None if it does not say."""
    text = answer.headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            until = parsedate_to_datetime(text)
            until = until if until.tzinfo else until.replace(tzinfo=UTC)
            seconds = (until - now).total_seconds()
        except (ValueError, OverflowError):
            return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), _MAX_AFTER_SECONDS)

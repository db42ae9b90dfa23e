"""What an answer means: taken, the event is refused, or the destination is not as it must be."""

import json
import math
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from consumer.errors import Unavailable
from consumer.handlers.http.client import Answer

#: What of 4xx is about all events: these never reject unless they are named.
_PAUSE: Final = {
    401: "the token is missing or wrong",
    402: "payment is required",
    403: "the token is wrong, or it is not allowed to do this",
    404: "there is nothing at the path of the url",
    405: "it does not take this method there; see the option method",
    407: "the proxy requires a login: see HTTPS_PROXY",
    408: "the request took too long",
    411: "it requires the length of the body",
    415: "it does not take this type of content; see the options body and headers",
    421: "it does not serve this host",
    425: "it does not take requests this early in a connection",
    426: "it requires another protocol",
    429: "too many requests",
    431: "the headers are too large",
    # Of nginx, and of load balancers: TLS, certificates, and connections that were closed.
    **dict.fromkeys(
        (444, 460, 463, 494, 495, 496, 497, 499), "a proxy or load balancer in front of it refused"
    ),
}
#: The others may be about one event.
_REJECT: Final = frozenset(range(400, 500)) - _PAUSE.keys()
#: One event may be the cause, or all fail: these are what programs answer that have crashed.
_FAULTS: Final = {500, 502}
_CLASS: Final = "4xx"
_MAX_AFTER_SECONDS: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """These events are refused; if it is known, the one at this position is the cause."""

    reason: str
    position: int | None = None


class FaultError(Unavailable):
    """The receiver failed, perhaps because of one of these events."""


#: None: the events are taken. Raises `Unavailable`; the text says whose answer it is.
Judge = Callable[[Answer, str, datetime], Refusal | None]


def rejecting(statuses: Iterable[object]) -> frozenset[int]:
    """The statuses that reject an event: numbers, or "4xx" for those that are about one event.

    Raises: `ValueError`.
    """
    found: set[int] = set()
    for status in statuses:
        if status == _CLASS:
            found |= _REJECT
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
        kind = FaultError if status in _FAULTS else Unavailable
        raise kind(f"{whose} answered {status}{why}", after=retry_after(answer, now))

    return judge


def judge_of_slack(rejects: Container[int]) -> Judge:
    """Also what Slack's API answers with 200."""
    others = judge_of(rejects)

    def judge(answer: Answer, whose: str, now: datetime) -> Refusal | None:
        refusal = others(answer, whose, now)
        if refusal is None and object_in(answer).get("ok") is False:
            raise Unavailable(f'{whose} answered {answer.status}, but "ok" is false in it')
        return refusal

    return judge


def object_in(answer: Answer) -> dict[str, Any]:
    """The JSON object that is its content; an empty one if it is anything else."""
    try:
        found = json.loads(answer.content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


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

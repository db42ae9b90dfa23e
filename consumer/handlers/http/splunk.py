"""What Splunk's HTTP Event Collector (HEC) answers: a status, and a code of its own."""

from collections.abc import Container
from datetime import datetime
from typing import Final

from consumer.errors import Unavailable
from consumer.handlers.http.client import Answer
from consumer.handlers.http.verdicts import Judge, Refusal, judge_of, object_in, retry_after

#: Where it takes events.
PATH: Final = "/services/collector/event"
#: Whatever its code: a smaller batch may be taken.
_TOO_LARGE: Final = 413
#: What codes mean that are about every event. Others of which it is not known are taken as such.
_PAUSE: Final = {
    1: "the token is disabled",
    2: "the token is missing",
    3: "the token is not sent as Splunk wants it; see the option token_type",
    4: "the token is wrong",
    7: "the token does not allow this index; correct the index, or allow it for the token",
    9: "Splunk is busy",
    10: "the token wants acknowledgment by the indexer: turn it off for the token",
    11: "the token wants acknowledgment by the indexer: turn it off for the token",
    21: "the token is wrong",
    22: "the token is disabled",
}
#: The only codes that are about one event: no data, invalid data, no event in it, an empty one,
#: indexed fields.
_REFUSE: Final = {5, 6, 12, 13, 15}


def judge_of_splunk(rejects: Container[int]) -> Judge:
    """The codes of HEC; the rules of HTTP for what has none."""
    others = judge_of(rejects)

    def judge(answer: Answer, whose: str, now: datetime) -> Refusal | None:
        found, status = object_in(answer), answer.status
        code, position = found.get("code"), found.get("invalid-event-number")
        if status < 300 and not (type(code) is int and code == 0):
            # Of a proxy, a login page, another service.
            raise Unavailable(f"{whose} answered {status}, but not as Splunk does: correct the url")
        if not isinstance(code, int) or status < 400 or status == _TOO_LARGE:
            return others(answer, whose, now)
        if code in _PAUSE or (status < 500 and code not in _REFUSE):
            why = f": {_PAUSE[code]}" if code in _PAUSE else ""
            what = f"{whose} answered {status}{why} (code {code})"
            raise Unavailable(what, after=retry_after(answer, now))
        if code in _REFUSE and status in rejects:
            position = position if isinstance(position, int) else None
            return Refusal(f"{whose} refused it with {status} (code {code})", position)
        return others(answer, whose, now)

    return judge

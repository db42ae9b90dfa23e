"""What Splunk's HTTP Event Collector (HEC) answers: a status, and a code of its own."""

import json
from collections.abc import Container
from datetime import datetime
from typing import Any, Final

from consumer.errors import Unavailable
from consumer.handlers.http.client import Answer
from consumer.handlers.http.verdicts import Judge, Refusal, judge_of, retry_after

#: Where it takes events.
PATH: Final = "/services/collector/event"
#: Codes that are about every event.
_PAUSE: Final = {
    1: "the token is disabled",
    2: "the token is missing",
    3: "the token is not sent as Splunk wants it; see the option token_type",
    4: "the token is wrong",
    7: "the token does not allow this index; correct the index, or allow it for the token",
    9: "Splunk is busy",
    10: "the token wants acknowledgment by the indexer: turn it off for the token",
    11: "the token wants acknowledgment by the indexer: turn it off for the token",
}
#: Codes that are about one event: invalid data, no event in it, an empty one, its indexed fields.
_REFUSE: Final = {5, 6, 12, 13, 15}


def judge_of_splunk(rejects: Container[int]) -> Judge:
    """The codes of HEC; the rules of HTTP for what has none."""
    others = judge_of(rejects)

    def judge(answer: Answer, whose: str, now: datetime) -> Refusal | None:
        if answer.status == 200:
            return None
        found = _content_of(answer)
        code, position = found.get("code"), found.get("invalid-event-number")
        if not isinstance(code, int):
            return others(answer, whose, now)
        if code in _PAUSE:
            why = f"{whose} answered {answer.status}: {_PAUSE[code]} (code {code})"
            raise Unavailable(why, after=retry_after(answer, now))
        if code in _REFUSE and answer.status in rejects:
            position = position if isinstance(position, int) else None
            return Refusal(f"{whose} refused it with {answer.status} (code {code})", position)
        return others(answer, whose, now)

    return judge


def _content_of(answer: Answer) -> dict[str, Any]:
    try:
        found = json.loads(answer.content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

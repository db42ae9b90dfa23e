"""Posts events, and finds those of a batch that are refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from consumer.clock import Clock
from consumer.errors import BatchFailure, Reject, Retry, Unavailable
from consumer.handlers.http.client import Client, NoAnswerError
from consumer.handlers.http.forms import Form
from consumer.handlers.http.signing import Signer, webhook_id
from consumer.handlers.http.verdicts import FaultError, Judge, Refusal
from consumer.handlers.records import utc_text
from consumer.messages import Context, Event


@dataclass(frozen=True, slots=True)
class Target:
    """Where to post and how. It holds secrets, which are not in its repr."""

    client: Client = field(repr=False)
    #: As it may be named in a reason.
    name: str
    method: str
    headers: Mapping[str, str] = field(repr=False)
    judge: Judge = field(repr=False)
    signer: Signer | None = field(repr=False)


class Poster:
    """The handler. Any thread may call any method."""

    def __init__(self, target: Target, form: Form, *, clock: Clock) -> None:
        self._target = target
        self._form = form
        self._clock = clock

    def post_one(self, event: Event) -> None:
        """Post an event. Raises `Unavailable` and `Reject`."""
        if (refusal := self._post([event])) is not None:
            raise Reject(refusal.reason)

    def post_batch(self, events: Sequence[Event], context: Context) -> None:
        """Post events in one request. Raises `Unavailable` and `BatchFailure`."""
        failures = isolate(events, self._post, should_stop=context.should_stop)
        if failures:
            raise BatchFailure(failures)

    def check(self) -> str:
        """Connect, and send nothing. Raises `Unavailable`."""
        name = self._target.name
        try:
            self._target.client.check()
        except NoAnswerError as error:
            raise Unavailable(f"{name} can't be reached: {error}") from None
        return f"{name} can be reached"

    def close(self) -> None:
        """Close the connections."""
        self._target.client.close()

    def _post(self, events: Sequence[Event]) -> Refusal | None:
        target, now = self._target, self._clock.now()
        body = self._form.write(events, utc_text(now))
        headers = {"webhook-id": webhook_id(events)}
        if target.signer is not None:
            headers |= target.signer.headers(headers["webhook-id"], now.timestamp(), body)
        headers |= target.headers
        try:
            answer = target.client.exchange(target.method, headers, body)
        except NoAnswerError as error:
            raise Unavailable(f"{target.name}: {error}") from None
        return target.judge(answer, target.name, now)


def isolate(
    events: Sequence[Event],
    post: Callable[[Sequence[Event]], Refusal | None],
    *,
    should_stop: Callable[[], bool],
) -> dict[Event, BaseException]:
    """Post events together; if they are refused, in parts, until those that are refused are alone.

    Makes less than two requests for each event. A receiver that takes a part of what it refuses
    gets that part twice. So it is if the receiver fails, which may be due to one event: if others
    land, that one is tried later. Raises `Unavailable` if nothing is decided.
    """
    failures: dict[Event, BaseException] = {}
    waiting = [list(events)] if events else []
    works = False  # since an event alone made it fail
    while waiting:
        part = waiting.pop()
        try:
            refusal = post(part)
        except Unavailable as error:
            is_fault = isinstance(error, FaultError)
            if is_fault and len(part) > 1:
                waiting += _parts(part, None)
            elif is_fault and works:
                failures[part[0]], works = Retry(error.reason), False
            elif len(rest := [*part, *chain(*waiting)]) == len(events):
                raise
            else:  # what is decided stays so: else a limit on requests could stop it each time
                return failures | dict.fromkeys(rest, error)
        else:
            works = True
            if refusal is not None and len(part) > 1:
                waiting += _parts(part, refusal.position)
            elif refusal is not None:
                failures[part[0]] = Reject(refusal.reason)
        if waiting and should_stop():
            return failures | dict.fromkeys(chain(*waiting), Retry("the handler has to stop"))
    return failures


def _parts(events: list[Event], position: int | None) -> list[list[Event]]:
    """The one at the position and the rest, or both halves."""
    if position is not None and 0 <= position < len(events):
        rest = events[:position] + events[position + 1 :]
        return [rest, [events[position]]]
    middle = len(events) // 2
    return [events[middle:], events[:middle]]

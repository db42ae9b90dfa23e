"""Sends each event of a batch as an entry of a batch call, and reads what became of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from consumer.clock import Clock
from consumer.errors import BatchFailure, Reject, Retry, Unavailable
from consumer.handlers.aws.failures import RefusedError, entry_failure
from consumer.handlers.aws.service import Service
from consumer.handlers.records import each_made, encoded, line_of, payload_of, utc_text
from consumer.handlers.registering.registry import Registry
from consumer.messages import Context, Event
from consumer.sqs_limits import MAX_BATCH, MAX_MESSAGE_BYTES, batches

#: What lands of an event: its record, as in all other destinations, or its payload alone.
CONTENTS: Final = ("record", "raw")


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as AWS gets it."""

    event: Event = field(repr=False)
    arguments: dict[str, Any] = field(repr=False)
    #: Bytes, as AWS counts them.
    size: int


#: In place of a code, for an entry that the answer does not mention.
NOT_ANSWERED: Final = "NotInResponse"

#: Makes the entry of an event from its text. Raises `Reject`.
Make = Callable[[Event, str], Entry]
#: Makes one call; returns for each entry the code of its failure, None for a success, by position.
Send = Callable[[Sequence[dict[str, Any]]], list[object]]


class Entries:
    """The handler. Any thread may call `land`, and several at once."""

    def __init__(
        self, service: Service, *, operation: str, make: Make, send: Send, content: str,
        scrub_secrets: bool, clock: Clock,
    ) -> None:  # fmt: skip
        self._service = service
        self._action = service.action(operation)
        self._make = make
        self._send = send
        self._content = content
        self._scrub_secrets = scrub_secrets
        self._clock = clock
        #: AWS has taken an event. Before, it may refuse them all for how the handler is configured.
        self._works = False

    def registered(self, name: str, check: Callable[[], str]) -> Registry:
        """The registry of a factory, with this as its handler."""
        registry = Registry()
        registry.add(
            self.land, "*", name=name, batch=MAX_BATCH, linger_seconds=0.5,
            close=self._service.close, check_destination=check,
        )  # fmt: skip
        return registry

    def land(self, events: Sequence[Event], _context: Context) -> None:
        """Returns when AWS has confirmed every event.

        Raises: `Unavailable` if AWS can't be used; `BatchFailure` if that shows after some events
        were decided, and for events that AWS refuses, or asks to send again.
        """
        results: dict[Event, Exception | None] = {}
        for request in batches(self._entries(events, results)):
            try:
                self._call(request, results)
            except Unavailable as error:
                if not results:
                    raise
                results = {event: results.get(event, error) for event in events}
                break
        self._judge(results)
        failures = {event: result for event, result in results.items() if result is not None}
        if failures:
            raise BatchFailure(failures)

    def _entries(
        self, events: Sequence[Event], results: dict[Event, Exception | None]
    ) -> list[Entry]:
        """Those to send. The others have their result."""
        received_at, entries = utc_text(self._clock.now()), []
        made, failures = each_made(
            events, lambda event: self._make(event, self._text(event, received_at))
        )
        results |= failures
        for event, entry in made:
            if entry.size > MAX_MESSAGE_BYTES:
                reason = f"larger than {MAX_MESSAGE_BYTES} bytes, which AWS accepts: {entry.size}"
                results[event] = Reject(f"{self._service.target}: {reason}")
            else:
                entries.append(entry)
        return entries

    def _text(self, event: Event, received_at: str) -> str:
        if self._content == "raw":
            text = payload_of(event, scrub_secrets=self._scrub_secrets)
        else:
            text = line_of(event, received_at, scrub_secrets=self._scrub_secrets).rstrip("\n")
        return encoded([text]).decode()

    def _call(self, entries: Sequence[Entry], results: dict[Event, Exception | None]) -> None:
        try:
            codes = self._send([entry.arguments for entry in entries])
        except RefusedError as error:
            if len(entries) == 1:
                results[entries[0].event] = error
            else:  # one of them is at fault: which one shows when each is sent alone
                for entry in entries:
                    self._call([entry], results)
            return
        except (AttributeError, LookupError, TypeError):  # botocore does not check what it reads
            raise self._service.not_understood() from None
        if all(code == NOT_ANSWERED for code in codes):
            raise self._service.not_understood()
        outcomes = [None if code is None else self._failure(code) for code in codes]
        if all(isinstance(outcome, Retry) for outcome in outcomes):  # it is not for what they are
            reason = "AWS has taken no event, but may take them later"
            raise Unavailable(f"{self._service.target}: {reason}")
        results |= zip([entry.event for entry in entries], outcomes, strict=True)

    def _failure(self, code: object) -> Exception:
        target = self._service.target
        found = entry_failure(code, action=self._action, target=target)
        return found or Retry(f"{target}: AWS has not taken it, but may take it later")

    def _judge(self, results: dict[Event, Exception | None]) -> None:
        """What is refused can never land, once it is known that other events do."""
        self._works = self._works or None in results.values()
        for event, result in results.items():
            if isinstance(result, RefusedError):
                reason = f"{self._service.target}: AWS refuses this event ({result.code})"
                results[event] = (
                    Reject(reason)
                    if self._works
                    else Unavailable(f"{reason}, and has taken none so far: check the handler")
                )

"""The EventBridge handler: puts events on an event bus."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from consumer.clock import Clock
from consumer.handlers.aws.entries import CONTENTS, NOT_ANSWERED, Entries, Entry
from consumer.handlers.aws.failures import DeniedError
from consumer.handlers.aws.options import client_maker
from consumer.handlers.aws.service import Service
from consumer.handlers.loading.factories import HandlerEnvironment, Options
from consumer.handlers.registering.registry import Registry
from consumer.messages import Event
from consumer.printable import printable

#: A name, or an ARN.
_BUS: Final = re.compile(
    r"(arn:aws[\w-]*:events:[a-z]+-[a-z]+-[\w-]+:[0-9]{12}:event-bus/)?[/.\-_A-Za-z0-9]{1,256}"
)
_MAX_SOURCE: Final = 256
#: EventBridge drops an event with a longer one, and confirms it.
_MAX_DETAIL_TYPE: Final = 128
#: How often to ask whether the bus is still there.
_LOOK_SECONDS: Final = 300.0
#: How EventBridge counts a time.
_TIME_BYTES: Final = 14


def factory(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:
    """Make the handler; AWS is called with the first event.

    Options: bus ("default"), source ("canvas.live-events"), detail ("record" or "raw"),
    scrub_secrets (true), region, endpoint_url. Raises ConfigurationError.
    """
    read = Options(name, options)
    bus_name = read.text("bus", "default") or ""
    if not _BUS.fullmatch(bus_name):
        raise read.wrong("bus", "the name or the ARN of an event bus")
    source = read.text("source", "canvas.live-events") or ""
    if source.startswith("aws.") or len(source.encode()) > _MAX_SOURCE:
        raise read.wrong("source", 'a short text that does not begin with "aws."')
    make = client_maker(read, environment, "events", region=_region_of(bus_name))
    service = Service(make, prefix="events", target=f"event bus {bus_name.rpartition('/')[2]!r}")
    bus = _Bus(service, bus_name, source, environment.clock)
    entries = Entries(
        service, operation="PutEvents", make=bus.entry, send=bus.send,
        content=read.choice("detail", "record", of=CONTENTS),
        scrub_secrets=read.flag("scrub_secrets", default=True), clock=environment.clock,
    )  # fmt: skip
    read.end()
    return entries.registered(name, bus.check)


def _region_of(bus: str) -> str | None:
    return bus.split(":")[3] if bus.startswith("arn:") else None


class _Bus:
    """What EventBridge is asked, and what its answers say. Any thread may call any method."""

    def __init__(self, service: Service, name: str, source: str, clock: Clock) -> None:
        self._service = service
        self._name = name
        self._source = source
        self._clock = clock
        self._look_at = clock.monotonic()

    def entry(self, event: Event, text: str) -> Entry:
        """An event as an entry of `PutEvents`."""
        detail_type = printable(event.name)[:_MAX_DETAIL_TYPE] or "unknown"
        arguments: dict[str, Any] = {
            "EventBusName": self._name,
            "Source": self._source,
            "DetailType": detail_type,
            "Detail": text,
            # So that a rule or its target can recognise an event that comes twice.
            "Resources": [event.key],
        }
        if event.time is not None:
            arguments["Time"] = event.time
        texts = (self._source, detail_type, text, event.key)
        return Entry(event, arguments, _TIME_BYTES + sum(len(part.encode()) for part in texts))

    def send(self, entries: Sequence[dict[str, Any]]) -> list[object]:
        """See `Send`."""
        self._look()
        answer = self._service.call("PutEvents", Entries=list(entries))
        results = answer.get("Entries") or []
        # By position. One that is confirmed has an id; the number of failures says nothing more.
        codes = [r.get("ErrorCode") or (None if r.get("EventId") else "Unknown") for r in results]
        return [*codes, *[NOT_ANSWERED] * len(entries)][: len(entries)]

    def _look(self) -> None:
        """Raises `Unavailable` if there is no such bus: `PutEvents` confirms events for it, too."""
        if self._name == "default" or self._clock.monotonic() < self._look_at:
            return
        try:
            self._service.ask("DescribeEventBus", Name=self._name)
        except DeniedError:
            if not self._name.startswith("arn:"):  # another account's may not be asked for
                raise
        self._look_at = self._clock.monotonic() + _LOOK_SECONDS

    def check(self) -> str:
        """See `Handler.check_destination`."""
        return self._service.check(
            "DescribeEventBus", needs="events:DescribeEventBus", Name=self._name
        )

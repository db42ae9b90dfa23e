"""Waits for an event from Canvas, without receiving it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from consumer.clock import NEVER
from consumer.errors import TransportError
from consumer.operations.check.backlog import metric
from consumer.operations.check.results import GREEN, RED, Result
from consumer.operations.check.site import Site
from consumer.queues.sqs.preflight import attributes_of

_PAUSE_SECONDS: Final = 1.0
_IN_CANVAS: Final = (
    "log in to Canvas once, or open a course, and wait again. If nothing comes: in Canvas, Admin, "
    "your root account, Data Services: is there an active subscription with the delivery method "
    "SQS, the URL {url}, and at least one event?"
)
_RUNNING: Final = (
    "; a running daemon takes events at once: look for `received` in the summary lines of its log"
)


def wait_for_event(site: Site, seconds: float) -> Iterator[Result]:
    """Look every second whether the queue holds more messages than before.

    Nothing is received, which would count as a delivery. A daemon that runs takes messages at once:
    what it holds counts, too, and at the end CloudWatch is asked what was sent.
    """
    began, deadline = site.clock.now(), site.clock.monotonic() + seconds
    least = _count(site.attributes)
    while (count := _count(site.calls.attributes(site.url))) <= least:
        least = count
        if site.clock.monotonic() >= deadline:
            yield _in_the_end(site, began, seconds)
            return
        site.clock.wait(NEVER, _PAUSE_SECONDS)
    yield Result("event", GREEN, "an event has come")


def _in_the_end(site: Site, began: datetime, seconds: float) -> Result:
    try:
        sent = sum(metric(site, "NumberOfMessagesSent", "Sum", began))
    except TransportError:
        sent = 0  # without the permission, it is not known
    if sent:
        return Result("event", GREEN, f"CloudWatch counted {sent:g} messages that were sent")
    finding = f"none was seen within {seconds:g} s{_RUNNING}"
    return Result("event", RED, finding, _IN_CANVAS.format(url=site.url))


def _count(attributes: Mapping[str, str]) -> int:
    found = attributes_of(attributes)
    counts = (found.visible_messages, found.in_flight_messages, found.delayed_messages)
    return sum(count or 0 for count in counts)

"""Waits for an event from Canvas, without receiving it."""

import threading
from collections.abc import Iterator, Mapping
from typing import Final

from consumer.operations.check.results import GREEN, RED, Result
from consumer.operations.check.site import Site
from consumer.queues.sqs.preflight import attributes_of

_PAUSE_SECONDS: Final = 1.0
#: Only to wait on.
_NEVER: Final = threading.Event()
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

    Nothing is received, which would count as a delivery. A daemon that takes messages at the same
    time lowers the number; what it holds counts, too.
    """
    deadline = site.clock.monotonic() + seconds
    least = _count(site.attributes)
    while True:
        count = _count(site.calls.attributes(site.url))
        if count > least:
            yield Result("event", GREEN, "an event has come")
            return
        least = min(least, count)
        if site.clock.monotonic() >= deadline:
            break
        site.clock.wait(_NEVER, _PAUSE_SECONDS)
    finding = f"none was seen within {seconds:g} s{_RUNNING}"
    yield Result("event", RED, finding, _IN_CANVAS.format(url=site.url))


def _count(attributes: Mapping[str, str]) -> int:
    found = attributes_of(attributes)
    counts = (found.visible_messages, found.in_flight_messages, found.delayed_messages)
    return sum(count or 0 for count in counts)

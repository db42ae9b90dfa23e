"""What is in the queue now, and how old it is."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from consumer.errors import TransportError
from consumer.operations.check.results import GREEN, RED, YELLOW, Result
from consumer.operations.check.site import Site

#: Of a standard queue. Beyond it, receives return nothing, without an error.
MOST_IN_FLIGHT: Final = 120_000
_MANY_IN_FLIGHT: Final = 100_000
_OLD_SECONDS: Final = 3_600
_WINDOW: Final = timedelta(minutes=15)
_START: Final = (
    "is a daemon running (systemctl status canvas-live-events-consumer), and do its handlers keep "
    "up? A second one on the same queue doubles the speed"
)


def backlog(site: Site) -> Iterator[Result]:
    """How many messages wait, and how many consumers hold."""
    numbers = site.parsed
    held = numbers.in_flight_messages or 0
    finding = f"{numbers.visible_messages or 0} messages wait, {held} are in flight"
    if held >= _MANY_IN_FLIGHT:
        level = RED if held >= MOST_IN_FLIGHT else YELLOW
        finding = f"{finding}: from {MOST_IN_FLIGHT} on, SQS delivers nothing and reports no error"
        remedy = "stop whatever receives without deleting; what it holds is delivered again later"
        yield Result("backlog", level, finding, remedy)
    else:
        yield Result("backlog", GREEN, finding)


def oldest_message(site: Site) -> Iterator[Result]:
    """Whether messages are close to being deleted unread, if CloudWatch may be asked."""
    since = site.clock.now() - _WINDOW
    try:
        ages = metric(site, "ApproximateAgeOfOldestMessage", "Maximum", since)
    except TransportError as error:
        yield Result("oldest message", GREEN, f"not known: {error}")
        return
    if not ages:
        yield Result("oldest message", GREEN, "not known: CloudWatch has no value")
        return
    age, kept = ages[-1], site.parsed.retention_seconds or 0
    finding = f"{age / 3_600:.1f} hours old"
    if age * 2 > kept > 0:
        finding = f"{finding}; at {kept / 3_600:g} hours messages are deleted, and lost"
        yield Result("oldest message", RED, finding, _START)
    elif age > _OLD_SECONDS:
        yield Result("oldest message", YELLOW, finding, _START)
    else:
        yield Result("oldest message", GREEN, f"{age:.0f} s old")


def metric(site: Site, name: str, statistic: str, since: datetime) -> list[float]:
    """A value of CloudWatch for each minute, the newest last; it is a few minutes late.

    Raises: `TransportError`, also without the permission.
    """
    answer = site.calls.ask(
        "GetMetricStatistics",
        service="cloudwatch",
        Namespace="AWS/SQS",
        MetricName=name,
        Dimensions=[{"Name": "QueueName", "Value": site.calls.name}],
        StartTime=since,
        EndTime=site.clock.now(),
        Period=60,
        Statistics=[statistic],
    )
    points = sorted(answer.get("Datapoints", ()), key=lambda point: point["Timestamp"])
    return [float(point[statistic]) for point in points]

"""The webhook's metrics: their names and what they mean. README.md has the same table."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from consumer.service.monitoring.exposition import NAMESPACE, Exposition, Family, Sample
from consumer.webhook.batches import Batches
from consumer.webhook.tally import MOST_ERRORS, MOST_LATE, Tally, by_class


@dataclass(frozen=True, slots=True)
class Watched:
    """What the metrics are read from, in any thread."""

    tally: Tally
    batches: Batches


def _one(read: Callable[[Watched], float]) -> Callable[[Watched], Iterable[Sample]]:
    return lambda watched: [((), read(watched))]


def _posts(watched: Watched) -> list[Sample]:
    totals = by_class([watched.tally.totals])
    return [((status,), totals[status]) for status in ("2xx", "4xx", "5xx")]


FAMILIES: Final[tuple[Family[Watched], ...]] = (
    Family("webhook_posts", "counter", "Posts that were answered, by the class of the HTTP status.",
           ("status",), _posts),
    Family("webhook_posts_late", "counter",
           "Posts that were answered after more than 15 seconds: time-outs for Canvas.", (),
           _one(lambda w: w.tally.totals["late"])),
    Family("webhook_signatures_refused", "counter",
           "Posts whose signature is wrong or missing, or of an unknown key (401).", (),
           _one(lambda w: w.tally.totals["401"])),
    Family("webhook_messages_sent", "counter", "Messages that SQS has confirmed.", (),
           _one(lambda w: w.batches.stored)),
    Family("webhook_send_failures", "counter",
           "Messages that SQS refused, or that were in a request that failed.", (),
           _one(lambda w: w.batches.not_stored)),
    Family("webhook_messages_waiting", "gauge", "Messages that wait for SQS.", (),
           _one(lambda w: w.batches.waiting)),
    Family("webhook_bad_answers_24h", "gauge",
           "Errors and late answers of the last 24 hours, as Canvas counts them.", ("kind",),
           lambda w: [((kind,), count) for kind, count in w.tally.bad_of_day().items()]),
    Family("webhook_bad_answers_24h_limit", "gauge",
           "At about so many, Canvas deactivates the data stream.", ("kind",),
           lambda _: [(("error",), MOST_ERRORS), (("late",), MOST_LATE)]),
)  # fmt: skip


def metrics_of(watched: Watched) -> Exposition[Watched]:
    """All of them, and those of the process."""
    return Exposition(lambda: watched, FAMILIES, namespace=f"{NAMESPACE}_webhook")
